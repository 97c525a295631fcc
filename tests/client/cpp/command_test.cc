// SPDX-License-Identifier: Apache-2.0
// The tour of the command against the real server, as a person or a script would take it.
#include <map>

#include "tests/client/cpp/command_fixture.h"

namespace cvxnn::command {
namespace {

using nlohmann::json;
using testing::HasSubstr;
namespace fs = std::filesystem;

TEST_F(Command, TellsAboutTheServer) {
  EXPECT_THAT(Succeed("server health"), HasSubstr("serving"));
  EXPECT_THAT(Succeed("server info"), HasSubstr("device cpu"));
  EXPECT_TRUE(json::parse(Succeed("server info --output json")).contains("limits"));
}

TEST_F(Command, BringsATableTrainsAndUsesTheModel) {
  WriteTable("trees.csv");
  EXPECT_THAT(Succeed("dataset create trees.csv --id trees --name Trees --transform select_classes=elm,oak:pm1 "
                      "--transform split=0.25,seed=1 --transform standardize --transform bias"),
              HasSubstr("elm (15), oak (15)"));
  const json dataset = json::parse(Succeed("dataset describe trees --output json"));
  EXPECT_EQ(dataset["features"]["rows"], 30);
  EXPECT_EQ(dataset["test_rows"], 10);
  EXPECT_THAT(Succeed("dataset list"), HasSubstr("datasets/trees"));

  // Convex, watched as lines: first and last epoch, the outcome, the model.
  const std::string convex =
      Succeed("job submit convex --dataset trees --beta 0.01 --patterns 20 --epochs 200 --experiment tour --watch");
  EXPECT_THAT(convex, HasSubstr("epoch 1/200"));
  EXPECT_THAT(convex, HasSubstr("succeeded after"));
  EXPECT_THAT(convex, HasSubstr("MODEL"));

  WriteFile("gates.csv", "1,0,0\n0,1,-0.5\n");
  EXPECT_THAT(Succeed("job submit convex --dataset trees --beta 0.01 --gates gates.csv --watch"),
              HasSubstr("2 given patterns"));

  // A path: a model for every strength, chosen by the test part.
  const std::string path =
      Succeed("job submit path --dataset trees --patterns 20 --points 4 --epochs 200 --experiment tour --watch");
  EXPECT_THAT(path, HasSubstr("chosen: beta"));
  EXPECT_EQ(Run("job submit path --dataset trees --beta 1").exit_status, 2);
  EXPECT_EQ(Run("job submit convex --dataset trees --beta 1 --points 4").exit_status, 2);

  // Descent with trials, for scripts: every epoch of every trial once, the job last.
  std::istringstream lines(
      Succeed("job submit descent --dataset trees --beta 0.01 --neurons 8 --trials 3 --epochs 20 "
              "--experiment tour --label kind=descent --output json --watch"));
  std::string line;
  json last;
  std::map<int, int> epochs_of_trial;
  while (std::getline(lines, line)) {
    last = json::parse(line);
    if (last.contains("epoch")) ++epochs_of_trial[last["trial"].get<int>()];
  }
  EXPECT_EQ(last["state"], "JOB_STATE_SUCCEEDED");
  EXPECT_EQ(epochs_of_trial.size(), 3);
  for (const auto& [trial, epochs] : epochs_of_trial) EXPECT_EQ(epochs, 21) << "trial " << trial;  // 0 to 20
  ASSERT_EQ(last["result"]["models"].size(), 3);

  EXPECT_THAT(Succeed("job list --experiment tour --state succeeded"), HasSubstr("descent relu sgd"));
  const json listed = json::parse(Succeed("job list --label kind=descent --output json"));
  ASSERT_EQ(listed.size(), 1);
  const std::string job = last["name"];
  EXPECT_THAT(Succeed("job describe " + job), HasSubstr("neurons"));

  // From the middle of the log: nothing before comes again.
  const std::int64_t end = json::parse(Succeed("job describe " + job + " --output json"))["last_sequence"];
  std::istringstream rest(Succeed("job watch " + job + " --output json --from " + std::to_string(end - 5)));
  ASSERT_TRUE(std::getline(rest, line));
  EXPECT_GT(json::parse(line).value("sequence", end), end - 5);

  // The JSON of a job is a job file.
  WriteFile("again.json", Succeed("job describe " + job + " --output json"));
  EXPECT_THAT(Succeed("job submit --file again.json --trials 1 --watch"), HasSubstr("succeeded"));

  const std::string model = last["result"]["best_model"];
  EXPECT_THAT(Succeed("model list"), HasSubstr(model));
  EXPECT_THAT(Succeed("model describe " + model), HasSubstr("8 relu neurons"));
  EXPECT_THAT(Succeed("model download " + model + " -o network.safetensors"), HasSubstr("network.safetensors"));
  EXPECT_GT(fs::file_size(*folder_ / "network.safetensors"), 8 * 3 * 4);
  Succeed("model download " + model + " --format torchscript -o network.pt");
  Succeed("model download " + model + " -o /dev/stdout | cmp - network.safetensors");
  EXPECT_TRUE(fs::exists(*folder_ / "network.pt"));

  const json evaluated = json::parse(Succeed("model evaluate " + model + " --part test --output json"));
  EXPECT_EQ(evaluated["rows"], 10);
  EXPECT_THAT(Succeed("model predict " + model), HasSubstr("OUTPUT 0"));
  WriteFile("rows.csv", "length,width\n2,4\n2,0\n");
  Succeed("model predict " + model + " --rows rows.csv -o predicted.csv");
  std::ifstream predicted(*folder_ / "predicted.csv");
  ASSERT_TRUE(std::getline(predicted, line));
  EXPECT_EQ(line, "output_0,class");
  ASSERT_TRUE(std::getline(predicted, line));
  EXPECT_THAT(line, testing::AnyOf(testing::EndsWith(",oak"), testing::EndsWith(",elm")));

  const json pruned = json::parse(Succeed("model prune " + model + " --output json"));
  EXPECT_EQ(pruned["source_model"], model);
  EXPECT_THAT(Succeed("model prune " + model + " --max-neurons 2 --correction none"), HasSubstr("2 relu neurons"));
  EXPECT_THAT(Run("model decompose " + model).text, HasSubstr("error: FAILED_PRECONDITION"));

  EXPECT_THAT(Succeed("model check-optimality " + model + " --search 50"), HasSubstr("searched"));
  WriteFile("u.csv", "1,0,0\n0,1,0\n");
  WriteFile("a.csv", "0.5,-0.5\n");
  const json checked = json::parse(Succeed(
      "model check-optimality --first-layer u.csv --second-layer a.csv --dataset trees --beta 0.1 --output json"));
  EXPECT_LE(checked["lower_bound"], checked["objective"]);
  EXPECT_EQ(Run("model check-optimality --dataset trees").exit_status, 2) << "no network";

  EXPECT_EQ(Run("dataset create trees.csv --id trees").exit_status, 1) << "the name is taken";
  Succeed("job delete " + job);
  EXPECT_EQ(Run("job describe " + job).exit_status, 1);
  Succeed("dataset delete trees");
  EXPECT_THAT(Run("dataset describe trees").text, HasSubstr("error: NOT_FOUND"));
}

TEST_F(Command, ImportsFilesOfTheServer) {
  WriteTable("forest.csv");
  EXPECT_THAT(Succeed("dataset import forest.csv --label kind --id forest"), HasSubstr("datasets/forest"));
  EXPECT_THAT(Run("dataset import ../forest.csv").text, HasSubstr("error: PERMISSION_DENIED"));
}

TEST_F(Command, KeepsToItsTimeout) {
  const Output late = Run("dataset generate gaussian --rows 200000 --cols 200 --label-rule sign --timeout 0.001");
  EXPECT_EQ(late.exit_status, 1);
  EXPECT_THAT(late.text, HasSubstr("DEADLINE_EXCEEDED"));
}

}  // namespace
}  // namespace cvxnn::command
