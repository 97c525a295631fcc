// SPDX-License-Identifier: Apache-2.0
// See watch_job.h.
#include "server/api/watch_job.h"

#include <deque>
#include <memory>
#include <string>
#include <utility>

#include "server/api/job_request.h"
#include "server/api/watch_stream.h"
#include "server/store/clock.h"
#include "server/translate/resource_name.h"

namespace cvxnn::server {
namespace {

class JobWatch final : public WatchStream<grpc::ByteBuffer> {
 public:
  JobWatch(const Parts& parts, CallLog log, absl::Duration heartbeat, const v1::WatchJobRequest& request)
      : WatchStream(parts, std::move(log), heartbeat),
        name_(request.name()),
        max_behind_(request.max_behind()),
        sequence_(request.after_sequence()) {}

 private:
  using Message = v1::WatchJobResponse;

  Step NextStep() override {
    if (!subscribed_) {
      // Before the first read, so that nothing falls between.
      subscribed_ = true;
      subscription_ = parts_.manager->log().Subscribe(name_, [weak = weak_from_this()] {
        if (auto watch = weak.lock()) watch->Wake();
      });
    }
    if (max_behind_ > 0) {
      auto skipped = SkipIfBehind();
      if (!skipped.ok()) return Step::End(skipped.status());
      if (*skipped != nullptr) return Step::Write(Encode(**skipped));
    }
    if (waiting_.empty() && !end_) {
      auto read = parts_.manager->log().Read(name_, sequence_);
      if (!read.ok()) return Step::End(read.status());
      waiting_.assign(read->events.begin(), read->events.end());
      end_ = read->end;
      if (end_) last_job_ = std::move(read->job);
    }
    if (!waiting_.empty()) {
      auto event = std::move(waiting_.front());
      waiting_.pop_front();
      sequence_ = event->sequence();
      return Step::Write(parts_.encodings->Get(event));
    }
    if (!end_) return {};
    auto last = std::make_shared<Message>();
    last->set_sequence(sequence_);
    *last->mutable_end()->mutable_job() = std::move(last_job_);
    return Step::End(absl::OkStatus(), Encode(*last));
  }

  // The message that says what is left out, or null when the reader is near enough.
  absl::StatusOr<std::shared_ptr<const Message>> SkipIfBehind() {
    const auto end = parts_.manager->log().End(name_);
    if (!end.ok()) return end.status();
    // A reader ahead of the log is refused by the next read.
    if (*end - sequence_ <= max_behind_) return nullptr;
    auto job = parts_.manager->Get(name_);
    if (!job.ok()) return job.status();
    auto message = std::make_shared<Message>();
    v1::Skipped& skipped = *message->mutable_skipped();
    skipped.set_first_sequence(sequence_ + 1);
    sequence_ = *end - max_behind_ / 2;
    skipped.set_last_sequence(sequence_);
    *skipped.mutable_job() = *std::move(job);
    message->set_sequence(sequence_);
    waiting_.clear();
    end_ = false;
    return message;
  }

  std::shared_ptr<const grpc::ByteBuffer> MakeHeartbeat() override {
    Message beat;
    beat.set_sequence(sequence_);
    *beat.mutable_heartbeat()->mutable_time() = TimestampNow();
    return Encode(beat);
  }

  void StopListening() override { subscription_.Cancel(); }

  const std::string name_;
  const std::int64_t max_behind_;  // 0: nothing is left out
  std::int64_t sequence_;          // of the last record written
  bool subscribed_ = false;
  Subscription subscription_;
  std::deque<std::shared_ptr<const Message>> waiting_;
  bool end_ = false;
  v1::Job last_job_;
};

}  // namespace

grpc::ServerWriteReactor<grpc::ByteBuffer>* StartWatchJob(const Parts* parts, grpc::CallbackServerContext* context,
                                                          const v1::WatchJobRequest* request) {
  CallLog log(*parts, context, "JobService.WatchJob", request->name());
  Violations violations;
  CheckResourceName("jobs", request->name(), "name", &violations);
  violations.Require(request->after_sequence() >= 0, "after_sequence", request->after_sequence(), "must be >= 0");
  const absl::Duration heartbeat =
      CheckInterval(request->has_heartbeat_interval() ? &request->heartbeat_interval() : nullptr,
                    absl::Milliseconds(100), absl::Seconds(10), "heartbeat_interval", &violations);
  constexpr std::int64_t kLeastBehind = 16, kMostBehind = 1'000'000'000;
  const std::int64_t behind = request->max_behind();
  violations.Require(behind == 0 || (behind >= kLeastBehind && behind <= kMostBehind), "max_behind", behind,
                     absl::StrCat("must be 0, or ", kLeastBehind, " to ", kMostBehind));
  if (!violations.empty()) return new RefusedStream<grpc::ByteBuffer>(log, violations.ToStatus());
  auto watch = std::make_shared<JobWatch>(*parts, std::move(log), heartbeat, *request);
  watch->Start();
  return watch.get();
}

}  // namespace cvxnn::server
