// SPDX-License-Identifier: Apache-2.0
// The progress line as a function of what was reported, and the three displays on a clock of their own.
#include "client/cpp/command/progress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "client/cpp/command/humanize.h"
#include "client/cpp/command/metrics_table.h"
#include "client/cpp/command/watch_display.h"

namespace cvxnn::command {
namespace {

using testing::HasSubstr;
using testing::Not;

v1::Job ConvexJob() {
  v1::Job job;
  job.set_name("jobs/3f2a");
  job.set_attempt(1);
  job.mutable_spec()->mutable_convex();
  job.mutable_spec()->mutable_stopping()->set_max_epochs(100);
  return job;
}

v1::EpochMetrics Epoch(std::int64_t epoch, double seconds, double objective, std::int32_t trial = 0) {
  v1::EpochMetrics metrics;
  metrics.set_trial(trial);
  metrics.set_epoch(epoch);
  metrics.set_seconds(seconds);
  metrics.set_objective(objective);
  return metrics;
}

TEST(Progress, KnowsShareRateAndTimeLeft) {
  Progress progress(ConvexJob());
  EXPECT_FALSE(progress.EpochsPerSecond().has_value());
  progress.Update(Epoch(10, 1, 5));
  progress.Update(Epoch(20, 2, 4));
  EXPECT_DOUBLE_EQ(progress.Share(), 0.2);
  EXPECT_DOUBLE_EQ(*progress.EpochsPerSecond(), 10);
  EXPECT_DOUBLE_EQ(*progress.SecondsLeft(), 8);
  EXPECT_TRUE(progress.may_end_early());
}

TEST(Progress, TakesTheTimeLimitWhereItComesFirst) {
  v1::Job job = ConvexJob();
  job.mutable_spec()->mutable_stopping()->set_max_seconds(5);
  Progress progress(job);
  progress.Update(Epoch(10, 1, 5));
  progress.Update(Epoch(20, 2, 4));
  EXPECT_DOUBLE_EQ(*progress.SecondsLeft(), 3);
}

TEST(Progress, CountsTheEpochsOfAllTrials) {
  v1::Job job = ConvexJob();
  job.mutable_spec()->mutable_descent()->set_trials(4);
  Progress progress(job);
  progress.Update(Epoch(100, 1, 5, 0));
  progress.Update(Epoch(50, 2, 3, 1));
  progress.Update(Epoch(50, 3, 4, 2));
  EXPECT_DOUBLE_EQ(progress.Share(), 0.5);
  EXPECT_EQ(progress.Best()->first, 1);
  EXPECT_FALSE(progress.may_end_early());
  const std::string line = RenderProgressLine(progress, 120, true, absl::ZeroDuration());
  EXPECT_THAT(line, HasSubstr("trial 2  "));
  EXPECT_THAT(line, HasSubstr("best 3 (trial 1)"));
}

TEST(Progress, KeepsWhatAnEpochDidNotCompute) {
  Progress progress(ConvexJob());
  v1::EpochMetrics first = Epoch(1, 1, 5);
  first.set_test_accuracy(0.75);
  progress.Update(first);
  progress.Update(Epoch(2, 2, 4));
  EXPECT_THAT(RenderProgressLine(progress, 120, true, absl::ZeroDuration()), HasSubstr("test 75.0%"));
}

TEST(Progress, GoesOnWithANewAttempt) {
  Progress progress(ConvexJob());
  progress.Update(Epoch(40, 1, 5));
  progress.Update(Epoch(50, 2, 5));
  v1::StateChange restart;
  restart.set_state(v1::JOB_STATE_QUEUED);
  restart.set_attempt(2);
  progress.Update(restart);
  EXPECT_DOUBLE_EQ(progress.Share(), 0.5);
  EXPECT_FALSE(progress.EpochsPerSecond().has_value()) << "the pace of the new attempt is not known yet";
  progress.Update(Epoch(51, 1, 5));
  EXPECT_DOUBLE_EQ(progress.Share(), 0.51);
}

// Ten trials a batch, two widths. Reports come epoch by epoch, trial by trial.
v1::Job GridJob() {
  v1::Job job = ConvexJob();
  job.mutable_spec()->mutable_descent()->set_trials(5);
  for (const int neurons : {2, 4}) job.mutable_spec()->mutable_descent()->mutable_grid()->add_neurons(neurons);
  for (const double rate : {0.1, 0.2}) job.mutable_spec()->mutable_descent()->mutable_grid()->add_learning_rates(rate);
  return job;
}

TEST(Progress, TellsManyTrialsByTheBestTheMedianAndTheDiverged) {
  Progress progress(GridJob());
  EXPECT_EQ(progress.trials(), 20);
  // Trials 3 and 7 explode after epochs 0 and 1.
  for (const int epoch : {0, 1, 2, 100}) {
    for (int trial = 0; trial < 10; ++trial) {
      if ((trial == 3 && epoch > 0) || (trial == 7 && epoch > 1)) continue;
      progress.Update(Epoch(epoch, 0.1 * epoch, 10 + trial, trial));
    }
    if (epoch == 2) {
      EXPECT_EQ(progress.Survey().diverged, 2);
    }
  }
  EXPECT_EQ(progress.Survey().diverged, 2);
  EXPECT_DOUBLE_EQ(progress.Share(), 0.5) << "what exploded takes no time any more";
  for (int trial = 10; trial < 20; ++trial) progress.Update(Epoch(0, 11, 30 - trial, trial));
  EXPECT_EQ(progress.Survey().diverged, 2);
  EXPECT_DOUBLE_EQ(*progress.Survey().median, 15);
  const std::string line = RenderProgressLine(progress, 160, true, absl::ZeroDuration());
  EXPECT_THAT(line, HasSubstr("trial 19/20  epoch   0/100  best 10 (trial 0)  median 15  2 diverged"));
  EXPECT_THAT(RenderEpochLine(progress, progress.current()), HasSubstr("best 10 (trial 0)  median 15  2 diverged"));
}

TEST(ModelsTable, ShowsTheBestOfThousandsAndWhatVaries) {
  v1::JobResult result;
  for (int i = 0; i < 2940; ++i) {
    v1::TrainedModel* model = result.add_models();
    model->set_trial(i);
    model->set_diverged(i % 2 == 1);
    model->mutable_metrics()->set_objective(3000 - i);
    model->mutable_setting()->set_neurons(2 + i / 30);
    model->mutable_setting()->set_learning_rate(0.5);
  }
  result.mutable_models(2938)->set_model("models/best");
  result.set_best_model("models/best");
  std::ostringstream out;
  PrintModelsTable(result, out);
  const std::string text = out.str();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 12) << text;
  EXPECT_THAT(text, HasSubstr("WIDTH"));
  EXPECT_THAT(text, Not(HasSubstr("RATE")));
  EXPECT_THAT(text, HasSubstr("models/best"));
  EXPECT_THAT(text, HasSubstr("the best 10 of 2,940 trials: objective best 62, median 1532, worst 3000; 1,470 "
                              "diverged; --output json tells all"));
}

TEST(ProgressLine, FitsEveryWidth) {
  Progress progress(ConvexJob());
  v1::EpochMetrics epoch = Epoch(42, 61, 0.123456789);
  epoch.set_gap(1.234e-3);
  epoch.set_train_accuracy(1);
  epoch.set_test_accuracy(0.841);
  epoch.set_constraint_violation(1e-6);
  progress.Update(Epoch(2, 21, 1));
  progress.Update(epoch);
  for (int width = 1; width < 200; ++width) {
    for (const bool unicode : {false, true}) {
      EXPECT_LE(DisplayWidth(RenderProgressLine(progress, width, unicode, absl::ZeroDuration())), width);
    }
  }
  EXPECT_EQ(RenderProgressLine(progress, 15, true, absl::ZeroDuration()), "epoch  42/100");
  EXPECT_EQ(RenderProgressLine(progress, 64, false, absl::ZeroDuration()),
            "epoch  42/100  objective 0.123457  gap 1.2e-03  test 84.1%");
  EXPECT_EQ(RenderProgressLine(progress, 400, false, absl::Seconds(3)),
            "[==========--------------]  42%  jobs/3f2a  epoch  42/100  objective 0.123457  gap 1.2e-03  violation "
            "1.0e-06  train 100.0%  test 84.1%  1.0 epochs/s  1:04  <= 0:55 left");
}

TEST(ProgressLine, TellsTheTimeLeftRatherThanTheBestOfAFewTrials) {
  v1::Job job = ConvexJob();
  job.mutable_spec()->mutable_descent()->set_trials(3);
  Progress progress(job);
  for (int trial = 0; trial < 3; ++trial) {
    v1::EpochMetrics epoch = Epoch(10, 2, 83.937 + trial, trial);
    epoch.set_train_accuracy(0.995);
    epoch.set_test_accuracy(0.972);
    progress.Update(Epoch(1, 1, 90, trial));
    progress.Update(epoch);
  }
  const std::string narrow = RenderProgressLine(progress, 100, true, absl::ZeroDuration());
  EXPECT_THAT(narrow, HasSubstr("test 97.2%"));
  EXPECT_THAT(narrow, HasSubstr(" left"));
  EXPECT_THAT(narrow, Not(HasSubstr("best")));
  EXPECT_THAT(RenderProgressLine(progress, 130, true, absl::ZeroDuration()), HasSubstr("best 83.937 (trial 0)"));
}

TEST(ProgressLine, ShowsTheStateBeforeTheFirstEpoch) {
  const Progress progress(ConvexJob());
  EXPECT_EQ(RenderProgressLine(progress, 80, true, absl::Seconds(65)), "jobs/3f2a  waiting  1:05");
  EXPECT_EQ(RenderProgressLine(progress, 6, true, absl::Seconds(65)), "jobs/3");
}

/// Responses as the server sends them.
v1::WatchJobResponse EpochEvent(std::int64_t epoch) {
  v1::WatchJobResponse response;
  response.set_sequence(epoch + 1);
  response.mutable_metrics()->set_first_sequence(epoch + 1);
  *response.mutable_metrics()->add_epochs() = Epoch(epoch, 0.1 * static_cast<double>(epoch), 1);
  return response;
}

std::string PlainLines(bool every_epoch) {
  std::ostringstream out;
  absl::Time now = absl::UnixEpoch();
  const auto display = MakePlainDisplay(ConvexJob(), every_epoch, out, [&] { return now; });
  for (int epoch = 1; epoch <= 25; ++epoch) {
    display->OnEvent(EpochEvent(epoch));
    now += absl::Milliseconds(100);
  }
  display->Close();
  return out.str();
}

TEST(PlainDisplay, PrintsTheFirstOneASecondAndTheLast) {
  EXPECT_EQ(PlainLines(false),
            "epoch 1/100  objective 1  0.1 s\n"
            "epoch 11/100  objective 1  1.1 s\n"
            "epoch 21/100  objective 1  2.1 s\n"
            "epoch 25/100  objective 1  2.5 s\n");
}

TEST(PlainDisplay, PrintsEveryEpochWhenAsked) {
  const std::string lines = PlainLines(true);
  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 25);
}

TEST(PlainDisplay, PrintsStatesAndInterruptions) {
  std::ostringstream out;
  const auto display = MakePlainDisplay(ConvexJob(), false, out, [] { return absl::UnixEpoch(); });
  v1::WatchJobResponse response;
  response.mutable_state_change()->set_state(v1::JOB_STATE_QUEUED);
  response.mutable_state_change()->set_attempt(2);
  response.mutable_state_change()->set_reason("server restarted");
  display->OnEvent(response);
  display->OnInterruption({absl::UnavailableError("gone\x1b[2J"), absl::Seconds(1)});
  EXPECT_EQ(out.str(), "jobs/3f2a: queued, attempt 2 (server restarted)\nconnection lost, trying again (gone?[2J)\n");
}

TEST(TerminalDisplay, DrawsAtMostTenTimesASecond) {
  std::ostringstream out;
  absl::Time now = absl::UnixEpoch();
  const auto display = MakeTerminalDisplay(ConvexJob(), out, [&] { return now; });
  for (int epoch = 1; epoch <= 100; ++epoch) {
    display->OnEvent(EpochEvent(epoch));
    now += absl::Milliseconds(10);
  }
  const std::string drawn = out.str();
  EXPECT_EQ(std::count(drawn.begin(), drawn.end(), '\r'), 10);
  EXPECT_THAT(drawn, Not(HasSubstr("epoch 100/100")));
  display->Close();
  EXPECT_THAT(out.str(), HasSubstr("epoch 100/100"));
  EXPECT_EQ(out.str().back(), '\n');
}

TEST(JsonDisplay, PrintsOneObjectForEveryEpoch) {
  std::ostringstream out;
  const auto display = MakeJsonDisplay(ConvexJob(), 0, out);
  v1::WatchJobResponse response = EpochEvent(3);
  *response.mutable_metrics()->add_epochs() = Epoch(4, 0.5, 0.25);
  display->OnEvent(response);
  std::istringstream lines(out.str());
  std::string line;
  ASSERT_TRUE(std::getline(lines, line));
  EXPECT_EQ(nlohmann::json::parse(line)["sequence"], 4);
  EXPECT_EQ(nlohmann::json::parse(line)["event"], "epoch");
  EXPECT_EQ(nlohmann::json::parse(line)["attempt"], 1);
  ASSERT_TRUE(std::getline(lines, line));
  const auto second = nlohmann::json::parse(line);
  EXPECT_EQ(second["sequence"], 5);
  EXPECT_EQ(second["epoch"], 4);
  EXPECT_EQ(second["trial"], 0);
  EXPECT_EQ(second["objective"], 0.25);
  EXPECT_FALSE(second.contains("gap"));
  EXPECT_FALSE(std::getline(lines, line));
}

TEST(JsonDisplay, TellsStatesAndTheAttemptThatEpochsBelongTo) {
  std::ostringstream out;
  const auto display = MakeJsonDisplay(ConvexJob(), 0, out);
  v1::WatchJobResponse restart;
  restart.set_sequence(9);
  restart.mutable_state_change()->set_state(v1::JOB_STATE_QUEUED);
  restart.mutable_state_change()->set_attempt(2);
  restart.mutable_state_change()->set_reason("server restarted");
  display->OnEvent(restart);
  display->OnEvent(EpochEvent(3));
  std::istringstream lines(out.str());
  std::string line;
  ASSERT_TRUE(std::getline(lines, line));
  const auto state = nlohmann::json::parse(line);
  EXPECT_EQ(state["event"], "state");
  EXPECT_EQ(state["sequence"], 9);
  EXPECT_EQ(state["attempt"], 2);
  EXPECT_EQ(state["state"], "JOB_STATE_QUEUED");
  EXPECT_EQ(state["reason"], "server restarted");
  ASSERT_TRUE(std::getline(lines, line));
  EXPECT_EQ(nlohmann::json::parse(line)["attempt"], 2);
}

TEST(JsonDisplay, DoesNotGuessTheAttemptInTheMidstOfTheLog) {
  std::ostringstream out;
  v1::Job job = ConvexJob();
  job.set_attempt(2);
  MakeJsonDisplay(job, 3, out)->OnEvent(EpochEvent(3));
  EXPECT_FALSE(nlohmann::json::parse(out.str()).contains("attempt"));
}

TEST(TerminalDisplay, TellsAttemptsThatFollowButNotThoseBefore) {
  std::ostringstream out;
  v1::Job job = ConvexJob();
  job.set_attempt(2);
  const auto display = MakeTerminalDisplay(job, out, [] { return absl::UnixEpoch(); });
  v1::WatchJobResponse change;
  change.mutable_state_change()->set_state(v1::JOB_STATE_QUEUED);
  change.mutable_state_change()->set_attempt(1);
  display->OnEvent(change);
  EXPECT_THAT(out.str(), Not(HasSubstr("attempt 1")));
  change.mutable_state_change()->set_attempt(2);
  change.mutable_state_change()->set_reason("server restarted");
  display->OnEvent(change);
  EXPECT_THAT(out.str(), HasSubstr("attempt 2: server restarted\n"));
}

}  // namespace
}  // namespace cvxnn::command
