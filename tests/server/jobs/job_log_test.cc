// SPDX-License-Identifier: Apache-2.0
// Watchers see every record once, in order, only after it is on disk, however training and reading interleave.
#include "server/jobs/job_log.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <gmock/gmock.h>

#include <atomic>
#include <limits>
#include <thread>

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "server/log/log.h"
#include "tests/server/store/store_fixture.h"

namespace cvxnn::server {
namespace {

bool Never() { return false; }

class JobLogTest : public StoreTest {
 protected:
  JobLogTest() {
    StoreDataset();
    job_ = StoreJob(MakeJob("jobs/one"));
    StartLog({});
  }
  void StartLog(JobLog::Options options) {
    log_ = std::make_unique<JobLog>(jobs_.get(), &feed_, options);
    live_ = log_->Open(job_);
  }

  static v1::EpochMetrics Epoch(std::int64_t number, int trial = 0) {
    v1::EpochMetrics metrics;
    metrics.set_epoch(number);
    metrics.set_trial(trial);
    metrics.set_objective(1.0 / static_cast<double>(number + 1));
    return metrics;
  }
  void AppendEpochs(std::int64_t count) {
    for (std::int64_t i = 0; i < count; ++i) live_->AppendEpoch(Epoch(i), Never);
  }
  std::int64_t End() {
    return live_->ChangeState([](v1::Job* job) { job->set_state(v1::JOB_STATE_SUCCEEDED); }, "done");
  }
  void EndAndWait() { ASSERT_TRUE(live_->WaitCommitted(End(), absl::InfiniteFuture())); }

  // Reads like a watcher: subscribes, reads until there is nothing, waits for the callback. Gives the epochs seen.
  std::vector<std::int64_t> WatchToTheEnd(std::int64_t max_records = 1024) {
    std::vector<std::int64_t> epochs;
    absl::Mutex mutex;
    bool news = true;
    const Subscription subscription = log_->Subscribe("jobs/one", [&] {
      absl::MutexLock lock(&mutex);
      news = true;
    });
    std::int64_t last = 0;
    for (;;) {
      auto read = log_->Read("jobs/one", last, max_records);
      EXPECT_TRUE(read.ok()) << read.status();
      if (!read.ok()) return epochs;
      for (const auto& event : read->events) {
        EXPECT_EQ(FirstSequence(*event), last + 1);
        // What is visible is on disk.
        EXPECT_GE(jobs_->Get("jobs/one")->last_sequence(), event->sequence());
        for (const auto& epoch : event->metrics().epochs()) epochs.push_back(epoch.epoch());
        last = event->sequence();
      }
      EXPECT_EQ(read->last_sequence, last);
      if (read->end) {
        EXPECT_EQ(read->job.state(), v1::JOB_STATE_SUCCEEDED);
        EXPECT_EQ(read->job.last_sequence(), last);
        return epochs;
      }
      if (!read->events.empty()) continue;
      absl::MutexLock lock(&mutex);
      mutex.Await(absl::Condition(&news));
      news = false;
    }
  }

  ChangeFeed feed_;
  v1::Job job_;
  std::unique_ptr<JobLog> log_;
  std::shared_ptr<LiveLog> live_;
};

std::vector<std::int64_t> Consecutive(std::int64_t count) {
  std::vector<std::int64_t> numbers(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) numbers[static_cast<std::size_t>(i)] = i;
  return numbers;
}

TEST_F(JobLogTest, EveryWatcherSeesEveryEpochOnceWhileTrainingGoesOn) {
  constexpr std::int64_t kEpochs = 20000;
  std::vector<std::jthread> watchers;
  for (const std::int64_t max_records : {1024, 1024, 7, 300}) {
    watchers.emplace_back([this, max_records] { EXPECT_EQ(WatchToTheEnd(max_records), Consecutive(kEpochs)); });
  }
  AppendEpochs(kEpochs);
  EndAndWait();
  watchers.clear();
  EXPECT_EQ(WatchToTheEnd(), Consecutive(kEpochs));
}

TEST_F(JobLogTest, GivesTheSameHistoryAfterARestart) {
  AppendEpochs(5000);
  EndAndWait();
  log_ = nullptr;
  Reopen();
  log_ = std::make_unique<JobLog>(jobs_.get(), &feed_, JobLog::Options());
  EXPECT_EQ(WatchToTheEnd(), Consecutive(5000));
}

TEST_F(JobLogTest, CommitsWhatWaitsBeforeItIsDestroyed) {
  AppendEpochs(100);
  log_ = nullptr;
  EXPECT_EQ(jobs_->Get("jobs/one")->last_sequence(), 101);
}

TEST_F(JobLogTest, ContinuesAnUnfinishedLogAfterARestart) {
  AppendEpochs(100);
  log_ = nullptr;
  live_ = nullptr;
  Reopen();
  job_ = *jobs_->Get("jobs/one");
  StartLog({});
  AppendEpochs(3);
  EndAndWait();
  std::vector<std::int64_t> wanted = Consecutive(100);
  for (std::int64_t i = 0; i < 3; ++i) wanted.push_back(i);
  EXPECT_EQ(WatchToTheEnd(), wanted);
}

TEST_F(JobLogTest, ResumesAfterAnySequenceNumber) {
  AppendEpochs(50);
  EndAndWait();
  for (std::int64_t after = 0; after <= 52; ++after) {
    auto read = log_->Read("jobs/one", after);
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_TRUE(read->end);
    EXPECT_EQ(read->last_sequence, 52);
    if (after < 52) {
      EXPECT_EQ(FirstSequence(*read->events.front()), after + 1);
    } else {
      EXPECT_TRUE(read->events.empty());
    }
  }
}

TEST_F(JobLogTest, RefusesToReadOutsideTheLog) {
  EXPECT_EQ(log_->Read("jobs/one", 2).status().code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(log_->Read("jobs/one", -1).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(log_->Read("jobs/none", 0).status().code(), absl::StatusCode::kNotFound);
  EndAndWait();
  EXPECT_EQ(log_->Read("jobs/one", 3).status().code(), absl::StatusCode::kOutOfRange);
}

TEST_F(JobLogTest, NamesTheEndOfTheLogForTheLargestSequenceNumber) {
  const auto largest = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(log_->Read("jobs/one", largest, largest).status().code(), absl::StatusCode::kOutOfRange);
  AppendEpochs(10);
  EndAndWait();
  auto all = log_->Read("jobs/one", 1, largest);
  ASSERT_TRUE(all.ok()) << all.status();
  EXPECT_EQ(all->last_sequence, 12);
}

TEST_F(JobLogTest, CanBeWatchedFromTheMomentTheJobIsStored) {
  // As while a job is created: open, stored, not published yet.
  const v1::Job job = MakeJob("jobs/two");
  const auto live = log_->Open(job);
  EXPECT_EQ(log_->Read("jobs/two", 0).status().code(), absl::StatusCode::kNotFound);
  int calls = 0;
  const Subscription subscription = log_->Subscribe("jobs/two", [&] { ++calls; });
  const JobCommit commit = MakeCommit(job, {StateEvent(1, v1::JOB_STATE_QUEUED)});
  ASSERT_TRUE(jobs_->Create(commit, "").ok());
  auto read = log_->Read("jobs/two", 0);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->last_sequence, 1);
  log_->Publish(live.get(), commit);
  EXPECT_EQ(calls, 1);
  EXPECT_TRUE(log_->Read("jobs/two", 1)->events.empty());
}

TEST_F(JobLogTest, KeepsTheFirstTrialOfAnEpochAsLatest) {
  for (std::int64_t epoch = 0; epoch < 3; ++epoch) {
    for (int trial = 0; trial < 4; ++trial) live_->AppendEpoch(Epoch(epoch, trial), Never);
  }
  EndAndWait();
  auto job = jobs_->Get("jobs/one");
  ASSERT_TRUE(job.ok()) << job.status();
  EXPECT_EQ(job->latest().epoch(), 2);
  EXPECT_EQ(job->latest().trial(), 0);
}

TEST_F(JobLogTest, TellsTheFeedOfChanges) {
  absl::Notification changed;  // after the commit: what is in the log may be told a moment later
  ChangeWatch watch = feed_.Watch([&] { changed.Notify(); });
  AppendEpochs(10);
  EndAndWait();
  changed.WaitForNotification();
  const auto changes = watch.Take();
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(changes[0].name, "jobs/one");
}

TEST_F(JobLogTest, ReadsHistoryThatLeftMemoryFromTheStore) {
  JobLog::Options options;
  options.limits.tail_records = 4;
  options.limits.epochs_per_event = 3;
  log_ = nullptr;
  StartLog(options);
  AppendEpochs(500);
  EXPECT_TRUE(live_->WaitCommitted(501, absl::InfiniteFuture()));
  auto first = log_->Read("jobs/one", 0, 10);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(first->last_sequence, 10);
  EndAndWait();
  EXPECT_EQ(WatchToTheEnd(20), Consecutive(500));
}

// A write transaction that is held open keeps the writer thread from committing.
class StuckDisk {
 public:
  explicit StuckDisk(Database* database)
      : thread_([this, database] {
          EXPECT_TRUE(database
                          ->Write([this](SQLite::Database&) {
                            held_.Notify();
                            release_.WaitForNotification();
                            return absl::OkStatus();
                          })
                          .ok());
        }) {
    held_.WaitForNotification();
  }
  ~StuckDisk() { Release(); }
  void Release() {
    if (!release_.HasBeenNotified()) release_.Notify();
  }

 private:
  absl::Notification held_, release_;
  std::jthread thread_;
};

TEST_F(JobLogTest, ShowsNothingThatIsNotOnDisk) {
  StuckDisk disk(database_.get());
  AppendEpochs(10);
  auto read = log_->Read("jobs/one", 1);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_TRUE(read->events.empty());
  EXPECT_FALSE(live_->WaitCommitted(2, absl::Now() + absl::Milliseconds(30)));
  disk.Release();
  EXPECT_TRUE(live_->WaitCommitted(11, absl::InfiniteFuture()));
  EXPECT_EQ(log_->Read("jobs/one", 1)->last_sequence, 11);
}

TEST_F(JobLogTest, TrainingWaitsForTheDiskOnlyWhenItsBufferIsFull) {
  JobLog::Options options;
  options.limits.buffered_records = 20;
  log_ = nullptr;
  StartLog(options);
  StuckDisk disk(database_.get());
  AppendEpochs(20);
  std::atomic<bool> appended = false;
  std::jthread training([&] {
    // The writer holds the first records already, so twice the buffer is more than can be taken.
    for (std::int64_t i = 20; i < 60; ++i) live_->AppendEpoch(Epoch(i), Never);
    appended = true;
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(60));
  EXPECT_FALSE(appended);
  disk.Release();
  training.join();
  EndAndWait();
  EXPECT_EQ(WatchToTheEnd(), Consecutive(60));
}

TEST_F(JobLogTest, CommitsLessOftenForManyWatchersUnlessTrainingOrAnEndWaits) {
  JobLog::Options options;
  options.limits.buffered_records = 100;
  options.schedule.commit_interval = absl::ZeroDuration();
  options.schedule.interval_per_watcher = absl::Hours(1);
  options.schedule.longest_interval = absl::Hours(10);
  log_ = nullptr;
  StartLog(options);
  AppendEpochs(1);
  ASSERT_TRUE(live_->WaitCommitted(2, absl::InfiniteFuture())) << "without watchers at once";
  const Subscription one = log_->Subscribe("jobs/one", [] {});
  EXPECT_EQ(live_->watchers(), 1);
  AppendEpochs(1);
  ASSERT_TRUE(live_->WaitCommitted(3, absl::InfiniteFuture())) << "the first after a pause at once";
  AppendEpochs(1);
  EXPECT_FALSE(live_->WaitCommitted(4, absl::Now() + absl::Milliseconds(50)));
  AppendEpochs(49);
  ASSERT_TRUE(live_->WaitCommitted(4, absl::InfiniteFuture())) << "half of the buffer is full";
  AppendEpochs(1);
  EndAndWait();
}

TEST_F(JobLogTest, WatchersOfOneJobDoNotHoldUpTheEpochsOfAnother) {
  JobLog::Options options;
  options.schedule.commit_interval = absl::ZeroDuration();
  options.schedule.interval_per_watcher = options.schedule.longest_interval = absl::Hours(1);
  log_ = nullptr;
  StartLog(options);
  const auto other = log_->Open(StoreJob(MakeJob("jobs/two")));
  const Subscription one = log_->Subscribe("jobs/one", [] {});
  AppendEpochs(1);
  ASSERT_TRUE(live_->WaitCommitted(2, absl::InfiniteFuture())) << "the first after a pause at once";
  AppendEpochs(1);
  for (std::int64_t epoch = 1; epoch <= 3; ++epoch) {
    other->AppendEpoch(Epoch(epoch), Never);
    ASSERT_TRUE(other->WaitCommitted(1 + epoch, absl::InfiniteFuture()));
  }
  EXPECT_EQ(live_->committed(), 2);
  EndAndWait();
}

TEST_F(JobLogTest, StopsWaitingForTheDiskWhenToldToStop) {
  JobLog::Options options;
  options.limits.buffered_records = 5;
  log_ = nullptr;
  StartLog(options);
  StuckDisk disk(database_.get());
  for (std::int64_t i = 0; i < 20; ++i) live_->AppendEpoch(Epoch(i), [] { return true; });
  disk.Release();
  EndAndWait();
  EXPECT_EQ(WatchToTheEnd(), Consecutive(20));
}

TEST_F(JobLogTest, TriesAgainWhenACommitFails) {
  JobLog::Options options;
  options.retry_interval = absl::Milliseconds(5);
  options.patience = absl::Milliseconds(20);
  std::vector<std::string> told;
  absl::Notification was_told;
  options.unwritten = [&](const std::string& job) {
    told.push_back(job);
    if (told.size() == 1) was_told.Notify();
  };
  log_ = nullptr;
  ASSERT_TRUE(SetUpLog("text", "info").ok());
  testing::internal::CaptureStderr();
  StartLog(options);
  // Another hand has written record 2, so the commit is refused until that is taken back.
  const absl::Status broken = database_->Write([](SQLite::Database& db) {
    db.exec("UPDATE jobs SET last_sequence = 2");
    return absl::OkStatus();
  });
  ASSERT_TRUE(broken.ok()) << broken;
  AppendEpochs(10);
  was_told.WaitForNotification();
  EXPECT_FALSE(live_->WaitCommitted(2, absl::Now() + absl::Milliseconds(50)));
  EXPECT_EQ(live_->fault().code(), absl::StatusCode::kInternal) << live_->fault();
  const absl::Status repaired = database_->Write([](SQLite::Database& db) {
    db.exec("UPDATE jobs SET last_sequence = 1");
    return absl::OkStatus();
  });
  ASSERT_TRUE(repaired.ok()) << repaired;
  EndAndWait();
  EXPECT_EQ(WatchToTheEnd(), Consecutive(10));
  log_ = nullptr;
  const std::string said = testing::internal::GetCapturedStderr();
  ASSERT_TRUE(SetUpLog("text", "off").ok());
  EXPECT_THAT(told, testing::ElementsAre("jobs/one")) << "once, however often it was tried";
  const auto times = [&](const std::string& words) {
    int count = 0;
    for (std::size_t at = said.find(words); at != std::string::npos; at = said.find(words, at + 1)) ++count;
    return count;
  };
  EXPECT_EQ(times("cannot be written"), 1) << said;
  EXPECT_EQ(times("is written again"), 1) << said;
}

}  // namespace
}  // namespace cvxnn::server
