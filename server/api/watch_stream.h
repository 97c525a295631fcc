// SPDX-License-Identifier: Apache-2.0
// What both watch RPCs share: a server stream that sleeps until there is something to say. One write is outstanding,
// what to write next is worked out on a pool thread, a heartbeat fills silence, and the stream is finished exactly once
// whether the caller leaves, the server ends or the log does.
#pragma once

#include <absl/base/thread_annotations.h>
#include <absl/status/status.h>
#include <absl/synchronization/mutex.h>
#include <absl/time/clock.h>
#include <absl/time/time.h>
#include <grpcpp/alarm.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include "server/api/call_log.h"
#include "server/api/parts.h"
#include "server/api/status.h"
#include "server/api/unary_call.h"

namespace cvxnn::server {

/// Base of a watch. Keeps itself alive from Start to the end of the RPC. A slow reader costs the memory of one message:
/// the next one is made when the last one was taken.
template <typename Response>
class WatchStream : public grpc::ServerWriteReactor<Response>,
                    public std::enable_shared_from_this<WatchStream<Response>> {
 public:
  /// Begins to work; the stream must be held by a shared_ptr.
  void Start() {
    self_ = this->shared_from_this();
    stream_number_ = parts_.streams->Add([weak = this->weak_from_this()] {
      if (auto stream = weak.lock()) stream->Close();
    });
    Wake();
  }

  /// Looks again whether there is something to write. Any thread; never blocks.
  void Wake() ABSL_LOCKS_EXCLUDED(mutex_) {
    {
      absl::MutexLock lock(&mutex_);
      woken_ = true;
      if (busy_ || ended_) return;
      busy_ = true;
    }
    Schedule();
  }

  void OnWriteDone(bool ok) override {
    if (!ok) {
      absl::MutexLock lock(&mutex_);
      cancelled_ = true;
    }
    Schedule();
  }

  void OnCancel() override {
    {
      absl::MutexLock lock(&mutex_);
      cancelled_ = true;
    }
    Wake();
  }

  void OnDone() override {
    parts_.streams->Remove(stream_number_);
    StopListening();
    self_.reset();
  }

 protected:
  /// What to do now. Exactly one of: a message, an end (with an optional last message), or neither: wait, at most until
  /// `look_again`.
  struct Step {
    std::shared_ptr<const Response> message;
    std::optional<absl::Status> end;
    absl::Time look_again = absl::InfiniteFuture();

    static Step Write(std::shared_ptr<const Response> message) {
      Step step;
      step.message = std::move(message);
      return step;
    }
    static Step End(absl::Status status, std::shared_ptr<const Response> last = nullptr) {
      Step step = Write(std::move(last));
      step.end = std::move(status);
      return step;
    }
  };

  WatchStream(const Parts& parts, CallLog log, absl::Duration heartbeat)
      : parts_(parts), log_(std::move(log)), heartbeat_(heartbeat) {}

  /// Called on pool threads, never two at once.
  virtual Step NextStep() = 0;
  virtual std::shared_ptr<const Response> MakeHeartbeat() = 0;
  /// Ends whatever calls Wake; called once, after the RPC.
  virtual void StopListening() = 0;

  const Parts& parts_;

 private:
  void Close() ABSL_LOCKS_EXCLUDED(mutex_) {
    {
      absl::MutexLock lock(&mutex_);
      closing_ = true;
    }
    Wake();
  }

  void Schedule() {
    if (parts_.quick->Submit([self = this->shared_from_this()] { self->Pump(); })) return;
    End(TooManyWaiting(), nullptr);
  }

  void Pump() {
    for (;;) {
      bool closing = false;
      bool cancelled = false;
      {
        absl::MutexLock lock(&mutex_);
        woken_ = false;
        closing = closing_;
        cancelled = cancelled_;
      }
      if (cancelled) return End(absl::CancelledError("the caller left"), nullptr);
      Step step;
      const absl::Status guarded = RunGuarded([&] {
        step = NextStep();
        return absl::OkStatus();
      });
      if (!guarded.ok()) return End(guarded, nullptr);
      if (step.end.has_value()) return End(*step.end, std::move(step.message));
      if (step.message != nullptr) return Write(std::move(step.message));
      // What the log still holds was sent; only now a server that stops may end the stream.
      if (closing) {
        return End(absl::UnavailableError("the server is stopping: watch again from the last sequence received"),
                   nullptr);
      }
      if (absl::Now() >= last_written_ + heartbeat_) return Write(MakeHeartbeat());
      absl::MutexLock lock(&mutex_);
      if (woken_) continue;
      busy_ = false;
      SetAlarm(std::min(step.look_again, last_written_ + heartbeat_));
      return;
    }
  }

  void Write(std::shared_ptr<const Response> message) {
    written_ = std::move(message);
    last_written_ = absl::Now();
    this->StartWrite(written_.get());
  }

  void End(const absl::Status& status, std::shared_ptr<const Response> last) ABSL_LOCKS_EXCLUDED(mutex_) {
    {
      absl::MutexLock lock(&mutex_);
      ended_ = true;
    }
    log_.Ended(status);
    written_ = std::move(last);
    if (written_ != nullptr) {
      this->StartWriteAndFinish(written_.get(), grpc::WriteOptions(), ToGrpcStatus(status));
    } else {
      this->Finish(ToGrpcStatus(status));
    }
  }

  // One alarm is pending at most, unless an earlier one is needed.
  void SetAlarm(absl::Time when) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (alarm_ != nullptr && alarm_time_ <= when) return;
    alarm_ = std::make_unique<grpc::Alarm>();
    alarm_time_ = when;
    const auto delay = absl::ToChronoMilliseconds(std::max(when - absl::Now(), absl::ZeroDuration()));
    alarm_->Set(std::chrono::system_clock::now() + delay + std::chrono::milliseconds(1),
                [weak = this->weak_from_this(), when](bool fired) {
                  auto stream = fired ? weak.lock() : nullptr;
                  if (stream == nullptr) return;
                  {
                    absl::MutexLock lock(&stream->mutex_);
                    if (stream->alarm_time_ == when) stream->alarm_time_ = absl::InfiniteFuture();
                  }
                  stream->Wake();
                });
  }

  const CallLog log_;
  const absl::Duration heartbeat_;
  std::shared_ptr<WatchStream> self_;
  std::int64_t stream_number_ = 0;
  // Used by whoever has set busy_.
  std::shared_ptr<const Response> written_;
  absl::Time last_written_ = absl::Now();

  absl::Mutex mutex_;
  bool busy_ ABSL_GUARDED_BY(mutex_) = false;  // a pool task or a write is on its way
  bool woken_ ABSL_GUARDED_BY(mutex_) = false;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  bool closing_ ABSL_GUARDED_BY(mutex_) = false;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  std::unique_ptr<grpc::Alarm> alarm_ ABSL_GUARDED_BY(mutex_);
  absl::Time alarm_time_ ABSL_GUARDED_BY(mutex_) = absl::InfiniteFuture();
};

/// A stream that was refused before it began.
template <typename Response>
class RefusedStream : public grpc::ServerWriteReactor<Response> {
 public:
  RefusedStream(const CallLog& log, const absl::Status& status) {
    log.Ended(status);
    this->Finish(ToGrpcStatus(status));
  }
  void OnDone() override { delete this; }
};

}  // namespace cvxnn::server
