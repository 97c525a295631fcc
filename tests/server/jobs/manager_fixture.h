// SPDX-License-Identifier: Apache-2.0
// A job manager on real stores with a trainer that the test directs epoch by epoch.
#pragma once

#include <ATen/ATen.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "core/descent/checkpoint.h"
#include "core/network/network.h"
#include "server/jobs/job_manager.h"
#include "tests/server/store/store_fixture.h"

namespace cvxnn::server {

/// Trains as told: reports epochs while `epochs` allows, then waits for more, for Finish or for a stop. Its state is
/// the number of the last epoch.
class DirectedTrainer {
 public:
  Trainer AsTrainer() {
    return [this](const training::Spec& spec, const data::Dataset& dataset, const training::Hooks& hooks) {
      return Train(spec, dataset, hooks);
    };
  }
  /// Every training may report this many epochs from now on.
  void AllowEpochs(std::int64_t epochs) {
    absl::MutexLock lock(&mutex_);
    allowed_ = epochs;
  }
  /// Every training ends once its epochs are reported: with this status, or a result when OK.
  void Finish(absl::Status status = absl::OkStatus()) {
    absl::MutexLock lock(&mutex_);
    finish_ = true;
    status_ = std::move(status);
  }
  void WaitUntilStarted(int count) {
    absl::MutexLock lock(&mutex_);
    const auto started = [&] { return started_ >= count; };
    mutex_.Await(absl::Condition(&started));
  }
  /// Every training gives its state when the hooks want it.
  void KeepCheckpoints() {
    absl::MutexLock lock(&mutex_);
    checkpoints_ = true;
  }
  /// What each training went on from; "" for one that began at the start.
  std::vector<std::string> resumed() const {
    absl::MutexLock lock(&mutex_);
    return resumed_;
  }
  /// Refuses to go on from what it is given.
  void RefuseStates() {
    absl::MutexLock lock(&mutex_);
    refuse_ = true;
  }
  std::vector<std::uint64_t> seeds() const {
    absl::MutexLock lock(&mutex_);
    return seeds_;
  }

  static training::Result MakeResult(training::Termination termination, std::int64_t epochs) {
    training::Result result;
    training::TrainedModel model;
    const auto options = at::TensorOptions().dtype(at::kDouble).device(at::kCPU);
    model.network.first_layer = at::ones({2, 3}, options);
    model.network.second_layer = at::ones({3, 1}, options);
    model.final_metrics.objective = 0.25;
    result.models.push_back(model);
    result.summary.termination = termination;
    result.summary.message = "trained as told";
    result.summary.beta = 0.5;
    result.summary.device = "cpu";
    result.summary.solver = "fista";
    result.summary.epochs = epochs;
    return result;
  }

 private:
  absl::StatusOr<training::Result> Train(const training::Spec& spec, const data::Dataset&,
                                         const training::Hooks& hooks) {
    {
      absl::MutexLock lock(&mutex_);
      ++started_;
      seeds_.push_back(spec.seed);
      resumed_.push_back(hooks.resume_from == nullptr ? "" : *hooks.resume_from);
      if (refuse_ && hooks.resume_from != nullptr) {
        return descent::CheckpointRefused(absl::DataLossError("the state is damaged"));
      }
    }
    std::int64_t epoch = hooks.resume_from == nullptr ? 0 : std::stoll(*hooks.resume_from);
    const auto checkpoint = [&] {
      if (checkpoints_ && hooks.checkpoint_due()) hooks.save_checkpoint({std::to_string(epoch), epoch});
    };
    for (;;) {
      bool stopped = false;
      {
        absl::MutexLock lock(&mutex_);
        const auto go_on = [&] { return epoch < allowed_ || finish_; };
        mutex_.AwaitWithTimeout(absl::Condition(&go_on), absl::Milliseconds(2));
        if (epoch >= allowed_ && finish_) {
          if (!status_.ok()) return status_;
          return MakeResult(training::Termination::kEpochLimit, epoch);
        }
        if (epoch >= allowed_) {
          if (!hooks.should_stop()) continue;
          stopped = true;
        }
      }
      if (stopped) {
        checkpoint();
        return MakeResult(training::Termination::kStopped, epoch);
      }
      training::EpochMetrics metrics;
      metrics.epoch = ++epoch;
      metrics.objective = 1.0 / static_cast<double>(epoch);
      const training::Continue go_on = hooks.observer(metrics);
      checkpoint();
      if (go_on == training::Continue::kStop || hooks.should_stop()) {
        return MakeResult(training::Termination::kStopped, epoch);
      }
    }
  }

  mutable absl::Mutex mutex_;
  std::int64_t allowed_ = 0;
  bool finish_ = false;
  absl::Status status_;
  int started_ = 0;
  std::vector<std::uint64_t> seeds_;
  std::vector<std::string> resumed_;
  std::atomic<bool> checkpoints_ = false;
  bool refuse_ = false;
};

class JobManagerTest : public StoreTest {
 protected:
  JobManagerTest() {
    StoreDataset();
    options_.trainer = trainer_.AsTrainer();
  }
  ~JobManagerTest() override { StopManager(); }

  void StartManager() {
    auto checkpoints = CheckpointStore::Open(database_);
    ASSERT_TRUE(checkpoints.ok()) << checkpoints.status();
    checkpoints_ = *std::move(checkpoints);
    resident_ = std::make_unique<ResidentDatasets>(
        ResidentDatasets::Source{[this](const std::string& name) { return datasets_->Identify(name); },
                                 [this](const std::string& name, const std::string& uid) {
                                   if (on_load_) on_load_();
                                   return datasets_->Load(name, uid);
                                 }},
        std::int64_t{1} << 20);
    if (measure_) admission_ = std::make_unique<MemoryAdmission>(resident_.get(), measure_);
    auto manager = JobManager::Start(
        {jobs_.get(), models_.get(), checkpoints_.get(), resident_.get(), &devices_, admission_.get()}, options_);
    ASSERT_TRUE(manager.ok()) << manager.status();
    manager_ = *std::move(manager);
  }
  void StopManager() { manager_ = nullptr; }

  // As if the server had ended and started again.
  void Restart() {
    StopManager();
    admission_ = nullptr;
    resident_ = nullptr;
    checkpoints_ = nullptr;
    Reopen();
    StartManager();
  }

  static v1::Job Asked(std::uint64_t seed = 0) {
    v1::Job job;
    job.mutable_spec()->set_dataset("datasets/small");
    job.mutable_spec()->set_beta(0.5);
    job.mutable_spec()->set_seed(seed);
    job.mutable_spec()->mutable_convex();
    return job;
  }
  v1::Job Create(std::uint64_t seed = 0, const std::string& request_id = "") {
    auto job = manager_->Create(Asked(seed), request_id);
    EXPECT_TRUE(job.ok()) << job.status();
    return job.ok() ? *job : v1::Job();
  }

  // The answer to a cancellation, waited for.
  absl::StatusOr<v1::Job> Cancel(const std::string& name) {
    absl::Notification answered;
    absl::StatusOr<v1::Job> answer;
    manager_->Cancel(name, [&](absl::StatusOr<v1::Job> job) {
      answer = std::move(job);
      answered.Notify();
    });
    answered.WaitForNotification();
    return answer;
  }

  // Waits until the stored job has the state, by the log as a watcher would.
  v1::Job WaitForState(const std::string& name, v1::JobState state) {
    for (const absl::Time deadline = absl::Now() + absl::Minutes(4); absl::Now() < deadline;) {
      auto job = manager_->Get(name);
      if (job.ok() && job->state() == state) return *job;
      absl::SleepFor(absl::Milliseconds(1));
    }
    ADD_FAILURE() << name << " did not become " << v1::JobState_Name(state);
    return {};
  }

  // All records of a job's log, checked to be without a hole.
  std::vector<v1::WatchJobResponse> ReadLog(const std::string& name) {
    std::vector<v1::WatchJobResponse> log;
    std::int64_t last = 0;
    for (;;) {
      auto read = manager_->log().Read(name, last);
      EXPECT_TRUE(read.ok()) << read.status();
      if (!read.ok()) return log;
      if (read->events.empty()) {
        // A job's end is in the store a moment before its log shows it.
        const auto job = manager_->Get(name);
        if (read->end || !job.ok() || !HasEnded(job->state())) return log;
        absl::SleepFor(absl::Milliseconds(1));
        continue;
      }
      for (const auto& event : read->events) {
        EXPECT_EQ(FirstSequence(*event), last + 1);
        last = event->sequence();
        log.push_back(*event);
      }
    }
  }
  std::vector<v1::JobState> StatesOf(const std::string& name) {
    std::vector<v1::JobState> states;
    for (const auto& event : ReadLog(name)) {
      if (event.has_state_change()) states.push_back(event.state_change().state());
    }
    return states;
  }

  DirectedTrainer trainer_;
  DeviceList devices_{{"cpu"}};
  JobManager::Options options_;
  std::unique_ptr<CheckpointStore> checkpoints_;
  std::unique_ptr<ResidentDatasets> resident_;
  std::function<void()> on_load_;     // called where a data set is loaded
  MemoryAdmission::Measure measure_;  // empty: memory is not looked at
  std::unique_ptr<MemoryAdmission> admission_;
  std::unique_ptr<JobManager> manager_;
};

}  // namespace cvxnn::server
