// SPDX-License-Identifier: Apache-2.0
// Watching, leaving and cancelling jobs with the command.
#include <chrono>
#include <map>
#include <thread>

#include "tests/client/cpp/command_fixture.h"

namespace cvxnn::command {
namespace {

using nlohmann::json;
using testing::HasSubstr;

TEST_F(Command, CancelsAJobAndSaysSoByItsExitStatus) {
  Succeed("dataset generate gaussian --rows 200 --cols 20 --label-rule sign --id noise --seed 1");
  const std::string job =
      Succeed("job submit descent --dataset noise --beta 0.1 --learning-rate 1e-6 --epochs 1000000000 --quiet");
  const std::string name = job.substr(0, job.find('\n'));
  ASSERT_EQ(name.rfind("jobs/", 0), 0) << job;
  Output watched;
  std::thread watcher([&] { watched = Run("job watch " + name); });
  while (json::parse(Succeed("job describe " + name + " --output json"))["state"] == "JOB_STATE_QUEUED") {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  Succeed("job cancel " + name);
  watcher.join();
  EXPECT_EQ(watched.exit_status, 3) << watched.text;
  EXPECT_THAT(watched.text, HasSubstr("cancelled"));
}

TEST_F(Command, DetachesOnCtrlCAndLeavesTheJobRunning) {
  Succeed("dataset generate gaussian --rows 200 --cols 20 --label-rule sign --id noise2 --seed 1");
  const std::string job =
      Succeed("job submit descent --dataset noise2 --beta 0.1 --learning-rate 1e-6 --epochs 1000000000 --quiet");
  const std::string name = job.substr(0, job.find('\n'));
  ASSERT_EQ(name.rfind("jobs/", 0), 0) << job;
  const Output watched =
      RunLineInterruptedAt("epoch", "cd '" + folder_->string() + "' && CVXNN_SERVER=" + server_->address() +
                                        " exec " CVXNN_BINARY_DIR "/cvxnn job watch " + name + " 2>&1");
  EXPECT_EQ(watched.exit_status, 130) << watched.text;
  EXPECT_THAT(watched.text, HasSubstr("goes on"));
  EXPECT_THAT(watched.text, HasSubstr("--from "));
  EXPECT_EQ(json::parse(Succeed("job describe " + name + " --output json"))["state"], "JOB_STATE_RUNNING");
  Succeed("job cancel " + name);
}

TEST_F(Command, WatchesTheJobsOfAnExperiment) {
  Succeed("dataset generate two-spirals --rows 40 --id many --seed 1");
  const std::string submit =
      "job submit convex --dataset many --beta 0.1 --patterns 5 --epochs 20 --experiment many --quiet";
  for (int i = 0; i < 3; ++i) Succeed(submit);
  const std::string lines = Succeed("job watch --experiment many --until-ended");
  EXPECT_THAT(lines, HasSubstr(": succeeded  epoch "));
  std::map<std::string, std::string> last_state;
  for (const json& line : JsonLines(Succeed("job watch --experiment many --until-ended --output json"))) {
    if (line["event"] == "job") last_state[line["name"]] = line["state"];
  }
  EXPECT_EQ(last_state.size(), 3);
  for (const auto& [name, state] : last_state) EXPECT_EQ(state, "JOB_STATE_SUCCEEDED") << name;
  EXPECT_EQ(Run("job watch").exit_status, 2);
  EXPECT_EQ(Run("job watch --all --experiment many").exit_status, 2);
  EXPECT_EQ(Run("job watch --all --every-epoch").exit_status, 2);
}

}  // namespace
}  // namespace cvxnn::command
