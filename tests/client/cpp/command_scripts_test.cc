// SPDX-License-Identifier: Apache-2.0
// What scripts get of the command: JSON, line by line.
#include "tests/client/cpp/command_fixture.h"

namespace cvxnn::command {
namespace {

using nlohmann::json;
using testing::HasSubstr;

TEST_F(Command, GivesScriptsOneObjectPerLineOfAWatch) {
  Succeed("dataset generate two-spirals --rows 40 --id lines --seed 1");
  const std::vector<json> lines = JsonLines(
      Succeed("job submit convex --dataset lines --beta 0.1 --patterns 5 --epochs 3 --tolerance 0 --output json -w"));
  ASSERT_GE(lines.size(), 6);
  EXPECT_EQ(lines.front()["event"], "submitted");
  EXPECT_THAT(lines.front()["name"], testing::StartsWith("jobs/"));
  EXPECT_EQ(lines.back()["event"], "end");
  EXPECT_EQ(lines.back()["name"], lines.front()["name"]);
  std::vector<std::string> states;
  std::vector<int> epochs;
  std::int64_t sequence = 0;
  for (auto line = lines.begin() + 1; line != lines.end() - 1; ++line) {
    EXPECT_EQ((*line)["sequence"], ++sequence);
    EXPECT_EQ((*line)["attempt"], 1);
    if ((*line)["event"] == "state") states.push_back((*line)["state"]);
    if ((*line)["event"] == "epoch") epochs.push_back((*line)["epoch"]);
  }
  EXPECT_THAT(states, testing::ElementsAre("JOB_STATE_QUEUED", "JOB_STATE_RUNNING", "JOB_STATE_SUCCEEDED"));
  EXPECT_THAT(epochs, testing::ElementsAre(1, 2, 3));
}

TEST_F(Command, AnswersScriptsInJsonWhateverHappens) {
  const Output missing = Run("dataset describe nowhere --output json");
  EXPECT_EQ(missing.exit_status, 1);
  EXPECT_EQ(json::parse(missing.text)["error"]["code"], "NOT_FOUND");

  Succeed("dataset generate two-spirals --rows 40 --id one");
  Succeed("dataset generate two-spirals --rows 40 --id two");
  const json refused = json::parse(Run("job submit convex --dataset one --beta -1 --output json").text)["error"];
  EXPECT_EQ(refused["code"], "INVALID_ARGUMENT");
  EXPECT_THAT(refused["message"], HasSubstr("beta"));
  ASSERT_EQ(refused["fields"].size(), 1);
  EXPECT_THAT(refused["fields"][0]["field"], HasSubstr("beta"));

  EXPECT_EQ(json::parse(Run("dataset create nothing.csv --output json").text)["error"]["code"], "NOT_FOUND");
  const Output misspelt = Run("dataset fetch --output=json");
  EXPECT_EQ(misspelt.exit_status, 2);
  EXPECT_EQ(json::parse(misspelt.text)["error"]["code"], "INVALID_ARGUMENT");

  const std::string submit = "job submit descent --dataset one --beta 0.1 --learning-rate 1e-6 --epochs 100000000 ";
  const std::string first = json::parse(Succeed(submit + "--output json"))["name"];
  const std::string second = json::parse(Succeed(submit + "--output json"))["name"];
  const std::vector<json> cancelled = JsonLines(Succeed("job cancel " + second + " " + first + " --output json"));
  ASSERT_EQ(cancelled.size(), 2);
  EXPECT_EQ(cancelled[0]["name"], second);
  EXPECT_EQ(cancelled[1]["name"], first);
  Run("job watch " + first);
  Run("job watch " + second);
  EXPECT_THAT(JsonLines(Succeed("job delete " + first + " " + second + " --output json")),
              testing::ElementsAre(json{{"deleted", first}}, json{{"deleted", second}}));
  EXPECT_THAT(JsonLines(Succeed("dataset delete one two --output json")),
              testing::ElementsAre(json{{"deleted", "datasets/one"}}, json{{"deleted", "datasets/two"}}));
}

}  // namespace
}  // namespace cvxnn::command
