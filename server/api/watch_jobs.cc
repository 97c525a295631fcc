// SPDX-License-Identifier: Apache-2.0
// See watch_jobs.h.
#include "server/api/watch_jobs.h"

#include <absl/container/flat_hash_map.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "server/api/job_request.h"
#include "server/api/watch_stream.h"
#include "server/store/clock.h"
#include "server/store/job_filter.h"

namespace cvxnn::server {
namespace {

class JobsWatch final : public WatchStream<v1::WatchJobsResponse> {
 public:
  JobsWatch(const Parts& parts, CallLog log, absl::Duration heartbeat, absl::Duration min_interval,
            v1::JobFilter filter)
      : WatchStream(parts, std::move(log), heartbeat), min_interval_(min_interval), filter_(std::move(filter)) {}

 private:
  using Message = v1::WatchJobsResponse;

  Step NextStep() override {
    if (!changes_.has_value()) {
      // Before the snapshot, so that nothing falls between.
      changes_.emplace(parts_.manager->changes().Watch([weak = weak_from_this()] {
        if (auto watch = weak.lock()) watch->Wake();
      }));
    }
    if (!synchronized_) return NextOfSnapshot();
    for (const JobChange& change : changes_->Take()) pending_[change.name] |= change.deleted;
    return NextChange();
  }

  // What the watcher last heard of a job.
  struct Sent {
    absl::Time time;
    std::int64_t sequence = 0;
  };

  Step NextOfSnapshot() {
    if (page_.empty() && !last_page_) {
      auto page = parts_.manager->List(filter_, {0, page_token_});
      if (!page.ok()) return Step::End(page.status());
      page_.assign(page->items.begin(), page->items.end());
      page_token_ = page->next_token;
      last_page_ = page_token_.empty();
    }
    if (page_.empty()) {
      synchronized_ = true;
      auto mark = std::make_shared<Message>();
      *mark->mutable_synchronized()->mutable_time() = TimestampNow();
      return Step::Write(std::move(mark));
    }
    v1::Job job = std::move(page_.front());
    page_.pop_front();
    return Step::Write(Send(std::move(job), true));
  }

  // The first pending change whose job has been quiet long enough.
  Step NextChange() {
    const absl::Time now = absl::Now();
    Step wait;
    for (auto change = pending_.begin(); change != pending_.end();) {
      const std::string name = change->first;
      const auto sent = sent_.find(name);
      const absl::Time due = sent == sent_.end() ? absl::InfinitePast() : sent->second.time + min_interval_;
      if (due > now && !change->second) {
        wait.look_again = std::min(wait.look_again, due);
        ++change;
        continue;
      }
      pending_.erase(change++);
      if (auto message = Describe(name)) return Step::Write(std::move(message));
    }
    return wait;
  }

  // The job as it now is, if the watcher is to hear of it.
  std::shared_ptr<const Message> Describe(const std::string& name) {
    const auto sent = sent_.find(name);
    const bool known = sent != sent_.end();
    auto job = parts_.manager->Get(name);
    if (!job.ok()) {
      if (!known) return nullptr;
      sent_.erase(name);
      auto gone = std::make_shared<Message>();
      gone->set_deleted(name);
      return gone;
    }
    // The change may have been part of the snapshot already.
    if (known && sent->second.sequence == job->last_sequence()) return nullptr;
    const bool matches = Matches(filter_, *job);
    if (!matches && !known) return nullptr;
    return Send(*std::move(job), matches);
  }

  std::shared_ptr<const Message> Send(v1::Job job, bool matches) {
    if (matches) {
      sent_[job.name()] = {absl::Now(), job.last_sequence()};
    } else {
      sent_.erase(job.name());
    }
    auto message = std::make_shared<Message>();
    *message->mutable_job() = std::move(job);
    return message;
  }

  std::shared_ptr<const Message> MakeHeartbeat() override {
    auto beat = std::make_shared<Message>();
    *beat->mutable_heartbeat()->mutable_time() = TimestampNow();
    return beat;
  }

  void StopListening() override { changes_.reset(); }

  const absl::Duration min_interval_;
  const v1::JobFilter filter_;
  std::optional<ChangeWatch> changes_;
  std::deque<v1::Job> page_;
  std::string page_token_;
  bool last_page_ = false;
  bool synchronized_ = false;
  absl::flat_hash_map<std::string, Sent> sent_;     // jobs the watcher knows
  absl::flat_hash_map<std::string, bool> pending_;  // jobs that changed since; true: deleted
};

}  // namespace

grpc::ServerWriteReactor<v1::WatchJobsResponse>* StartWatchJobs(const Parts* parts,
                                                                grpc::CallbackServerContext* context,
                                                                const v1::WatchJobsRequest* request) {
  CallLog log(*parts, context, "JobService.WatchJobs");
  Violations violations;
  CheckJobFilter(request->filter(), &violations);
  const absl::Duration heartbeat =
      CheckInterval(request->has_heartbeat_interval() ? &request->heartbeat_interval() : nullptr,
                    absl::Milliseconds(100), absl::Seconds(10), "heartbeat_interval", &violations);
  const absl::Duration min_interval =
      CheckInterval(request->has_min_interval() ? &request->min_interval() : nullptr, absl::Milliseconds(50),
                    absl::Milliseconds(250), "min_interval", &violations);
  if (!violations.empty()) return new RefusedStream<v1::WatchJobsResponse>(log, violations.ToStatus());
  auto watch = std::make_shared<JobsWatch>(*parts, std::move(log), heartbeat, min_interval, request->filter());
  watch->Start();
  return watch.get();
}

}  // namespace cvxnn::server
