// SPDX-License-Identifier: Apache-2.0
// Many jobs at once: what counts as news, and the three ways of showing it.
#include "client/cpp/command/job_board.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "client/cpp/command/jobs_display.h"

namespace cvxnn::command {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

v1::WatchJobsResponse Told(const std::string& name, v1::JobState state, std::int64_t created, std::int64_t epoch = 0) {
  v1::WatchJobsResponse response;
  v1::Job& job = *response.mutable_job();
  job.set_name(name);
  job.set_state(state);
  job.set_attempt(1);
  job.mutable_create_time()->set_seconds(created);
  job.mutable_spec()->mutable_convex();
  job.mutable_spec()->mutable_stopping()->set_max_epochs(100);
  if (epoch > 0) {
    job.mutable_latest()->set_epoch(epoch);
    job.mutable_latest()->set_objective(0.5);
    job.mutable_latest()->set_seconds(2);
  }
  return response;
}

v1::WatchJobsResponse Synchronized() {
  v1::WatchJobsResponse response;
  response.mutable_synchronized();
  return response;
}

v1::WatchJobsResponse Deleted(const std::string& name) {
  v1::WatchJobsResponse response;
  response.set_deleted(name);
  return response;
}

std::vector<std::string> Names(const JobBoard& board) {
  std::vector<std::string> names;
  for (const v1::Job& job : board.Sorted()) names.push_back(job.name());
  return names;
}

TEST(JobBoard, PutsRunningJobsFirstAndTheNewestFirstAmongEquals) {
  JobBoard board;
  board.Update(Told("jobs/a", v1::JOB_STATE_SUCCEEDED, 9));
  board.Update(Told("jobs/b", v1::JOB_STATE_QUEUED, 8));
  board.Update(Told("jobs/c", v1::JOB_STATE_RUNNING, 1));
  board.Update(Told("jobs/d", v1::JOB_STATE_RUNNING, 2));
  EXPECT_THAT(Names(board), ElementsAre("jobs/d", "jobs/c", "jobs/b", "jobs/a"));
  EXPECT_FALSE(board.AllEnded());
}

TEST(JobBoard, TakesWhatIsToldAgainForNoNews) {
  JobBoard board;
  EXPECT_THAT(board.Update(Told("jobs/a", v1::JOB_STATE_RUNNING, 1, 5)).changed, ElementsAre("jobs/a"));
  EXPECT_THAT(board.Update(Told("jobs/a", v1::JOB_STATE_RUNNING, 1, 5)).changed, IsEmpty());
  EXPECT_THAT(board.Update(Told("jobs/a", v1::JOB_STATE_RUNNING, 1, 6)).changed, ElementsAre("jobs/a"));
}

TEST(JobBoard, DropsWhatIsNotToldAgainAfterABrokenConnection) {
  JobBoard board;
  board.Update(Told("jobs/a", v1::JOB_STATE_RUNNING, 1));
  board.Update(Told("jobs/b", v1::JOB_STATE_RUNNING, 2));
  EXPECT_THAT(board.Update(Synchronized()).gone, IsEmpty());
  board.ConnectionLost();
  EXPECT_FALSE(board.synchronized());
  EXPECT_THAT(board.Update(Told("jobs/b", v1::JOB_STATE_SUCCEEDED, 2)).changed, ElementsAre("jobs/b"));
  EXPECT_THAT(Names(board), ElementsAre("jobs/a", "jobs/b")) << "not told again yet is not gone yet";
  EXPECT_THAT(board.Update(Synchronized()).gone, ElementsAre("jobs/a"));
  EXPECT_THAT(Names(board), ElementsAre("jobs/b"));
  EXPECT_TRUE(board.AllEnded());
}

TEST(JobBoard, ForgetsDeletedJobs) {
  JobBoard board;
  board.Update(Told("jobs/a", v1::JOB_STATE_FAILED, 1));
  EXPECT_THAT(board.Update(Deleted("jobs/a")).gone, ElementsAre("jobs/a"));
  EXPECT_THAT(board.Update(Deleted("jobs/a")).gone, IsEmpty());
  EXPECT_THAT(Names(board), IsEmpty());
}

/// Shows these events one after the other.
void Show(JobsDisplay& display, JobBoard& board, const std::vector<v1::WatchJobsResponse>& responses) {
  for (const v1::WatchJobsResponse& response : responses) display.OnChange(board, board.Update(response));
}

TEST(PlainJobsDisplay, PrintsALineForEveryChange) {
  std::ostringstream out;
  JobBoard board;
  const auto display = MakePlainJobsDisplay(out);
  Show(*display, board,
       {Told("jobs/a", v1::JOB_STATE_QUEUED, 1), Synchronized(), Told("jobs/a", v1::JOB_STATE_RUNNING, 1, 7),
        Told("jobs/a", v1::JOB_STATE_RUNNING, 1, 7), Deleted("jobs/a")});
  EXPECT_EQ(out.str(),
            "jobs/a: queued\n"
            "jobs/a: running  epoch 7/100  objective 0.5  2.0 s\n"
            "jobs/a: deleted\n");
}

TEST(PlainJobsDisplay, TellsTheBestOfManyTrialsAtTheEnd) {
  v1::WatchJobsResponse ended = Told("jobs/a", v1::JOB_STATE_SUCCEEDED, 1, 100);
  v1::Job& job = *ended.mutable_job();
  job.mutable_spec()->mutable_descent()->set_trials(30);
  job.mutable_latest()->set_trial(20);  // the last that reported is not the one that counts
  v1::TrainedModel& best = *job.mutable_result()->add_models();
  best.set_model("models/best");
  best.mutable_metrics()->set_trial(18);
  best.mutable_metrics()->set_epoch(100);
  best.mutable_metrics()->set_objective(0.25);
  best.mutable_metrics()->set_seconds(1);
  job.mutable_result()->set_best_model("models/best");
  std::ostringstream out;
  JobBoard board;
  const auto display = MakePlainJobsDisplay(out);
  Show(*display, board, {ended});
  EXPECT_EQ(out.str(), "jobs/a: succeeded  trial 18/30  epoch 100/100  objective 0.25  1.0 s\n");
}

TEST(JsonJobsDisplay, PrintsAnObjectForEveryChange) {
  std::ostringstream out;
  JobBoard board;
  const auto display = MakeJsonJobsDisplay(out);
  Show(*display, board, {Told("jobs/a", v1::JOB_STATE_RUNNING, 1), Synchronized(), Deleted("jobs/a")});
  std::vector<nlohmann::json> lines;
  std::istringstream text(out.str());
  for (std::string line; std::getline(text, line);) lines.push_back(nlohmann::json::parse(line));
  ASSERT_EQ(lines.size(), 3);
  EXPECT_EQ(lines[0]["event"], "job");
  EXPECT_EQ(lines[0]["state"], "JOB_STATE_RUNNING");
  EXPECT_EQ(lines[1]["event"], "synchronized");
  EXPECT_EQ(lines[2]["event"], "deleted");
  EXPECT_EQ(lines[2]["name"], "jobs/a");
}

class TerminalJobsDisplay : public testing::Test {
 protected:
  TerminalJobsDisplay()
      : display_(MakeTerminalJobsDisplay(
            out_, [this] { return now_; }, [this] { return size_; })) {
    for (int i = 1; i <= 3; ++i) board_.Update(Told("jobs/" + std::to_string(i), v1::JOB_STATE_RUNNING, i));
    Draw(Synchronized());
  }

  /// What was written for this event.
  std::string Draw(const v1::WatchJobsResponse& response) {
    out_.str("");
    now_ += absl::Seconds(1);
    display_->OnChange(board_, board_.Update(response));
    return out_.str();
  }

  std::ostringstream out_;
  absl::Time now_ = absl::UnixEpoch();
  TerminalSize size_ = {.rows = 24, .columns = 120};
  JobBoard board_;
  std::unique_ptr<JobsDisplay> display_;
};

TEST_F(TerminalJobsDisplay, DrawsOverWhatItDrewBefore) {
  EXPECT_THAT(out_.str(), HasSubstr("3 running, 0 queued, 0 ended"));
  EXPECT_THAT(out_.str(), Not(HasSubstr("\x1b[4A")));
  const std::string drawn = Draw(Told("jobs/1", v1::JOB_STATE_SUCCEEDED, 1));
  EXPECT_THAT(drawn, testing::StartsWith("\r\x1b[4A"));  // header, three jobs, sum: four rows up to the first
  EXPECT_THAT(drawn, HasSubstr("2 running, 0 queued, 1 ended\x1b[K\x1b[J"));
}

TEST_F(TerminalJobsDisplay, CountsTheRowsThatANarrowerTerminalMadeOfIt) {
  size_.columns = 60;  // the header is 84 columns and more: it and the jobs' rows take two rows each now, the sum one
  EXPECT_THAT(Draw(Told("jobs/1", v1::JOB_STATE_SUCCEEDED, 1)), testing::StartsWith("\r\x1b[8A"));
  EXPECT_THAT(Draw(Told("jobs/2", v1::JOB_STATE_SUCCEEDED, 1)), testing::StartsWith("\r\x1b[4A"));
}

TEST_F(TerminalJobsDisplay, LeavesOutColumnsBeforeItCutsThem) {
  size_.columns = 60;
  const std::string drawn = Draw(Told("jobs/1", v1::JOB_STATE_RUNNING, 1, 7));
  EXPECT_THAT(drawn, HasSubstr("NAME    STATE    METHOD        EPOCH  OBJECTIVE  GAP  TEST\x1b[K"));
  EXPECT_THAT(drawn, HasSubstr("jobs/1  running  convex gated      7        0.5    -     -\x1b[K"));
}

TEST_F(TerminalJobsDisplay, SaysHowManyJobsItHasNoRowsFor) {
  size_.rows = 5;
  EXPECT_THAT(Draw(Told("jobs/4", v1::JOB_STATE_RUNNING, 9)), HasSubstr("4 running, 0 queued, 0 ended; 2 not shown"));
}

TEST_F(TerminalJobsDisplay, TellsOfALostConnectionUntilTheNextNews) {
  out_.str("");
  board_.ConnectionLost();
  display_->OnInterruption(board_, {absl::UnavailableError("gone"), absl::Seconds(1)});
  EXPECT_THAT(out_.str(), HasSubstr("connection lost, trying again (gone)"));
  for (int i = 1; i <= 3; ++i) Draw(Told("jobs/" + std::to_string(i), v1::JOB_STATE_RUNNING, i));
  EXPECT_THAT(Draw(Synchronized()), HasSubstr("3 running"));
}

TEST(TerminalJobsDisplayOfNothing, LeavesNothingBehindWhereNoServerAnswered) {
  std::ostringstream out;
  const JobBoard board;
  const auto display = MakeTerminalJobsDisplay(
      out, [] { return absl::UnixEpoch(); }, [] { return TerminalSize(); });
  display->OnInterruption(board, {absl::UnavailableError("gone"), absl::Seconds(1)});
  EXPECT_THAT(out.str(), testing::StartsWith("\rconnection lost"));
  out.str("");
  display->Close(board);
  EXPECT_EQ(out.str(), "\r\x1b[J");
}

}  // namespace
}  // namespace cvxnn::command
