// SPDX-License-Identifier: Apache-2.0
// A server stream over gRPC's callback API, read by one waiting thread that also notices silence: a connection that
// died without a word (a pulled cable, a suspended machine) never reports an error, it only stops talking.
#pragma once

#include <absl/strings/str_cat.h>
#include <absl/time/time.h>
#include <grpcpp/client_context.h>
#include <grpcpp/support/client_callback.h>

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <utility>

#include "client/cpp/resumable_stream.h"
#include "client/cpp/status.h"

namespace cvxnn::client {

/// At most one message is buffered, so a slow reader slows the server's stream (HTTP/2 flow control), not memory.
template <typename Request, typename Message>
class GrpcReader final : public MessageReader<Message>, private grpc::ClientReadReactor<Message> {
 public:
  /// Calls the method of an asynchronous stub with its three arguments.
  using Start = std::function<void(grpc::ClientContext*, const Request*, grpc::ClientReadReactor<Message>*)>;

  /// `silence`: how long the stream may say nothing before Read gives up on it with UNAVAILABLE.
  GrpcReader(Request request, const Start& start, absl::Duration silence, std::stop_token stop)
      : request_(std::move(request)), silence_(silence), stop_(std::move(stop)) {
    start(&context_, &request_, this);
    this->AddHold();  // Read starts reads outside reactions: gRPC must not finish behind its back
    this->StartRead(&message_);
    this->StartCall();
  }

  ~GrpcReader() override {
    context_.TryCancel();
    ReleaseHold();
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return finished_; });
  }

  absl::StatusOr<std::optional<Message>> Read() override {
    std::unique_lock lock(mutex_);
    const bool spoke =
        changed_.wait_for(lock, stop_, absl::ToChronoNanoseconds(silence_), [this] { return ready_ || finished_; });
    if (stop_.stop_requested()) return absl::CancelledError("stopped by the caller");
    if (!spoke) {
      return absl::UnavailableError(absl::StrCat("no message for ", absl::FormatDuration(silence_)));
    }
    if (ready_) {
      Message message = std::move(message_);
      message_.Clear();
      ready_ = false;
      lock.unlock();
      this->StartRead(&message_);
      return message;
    }
    if (!status_.ok()) return ToAbslStatus(status_);
    return std::optional<Message>();
  }

 private:
  void OnReadDone(bool ok) override {
    if (!ok) {
      ReleaseHold();  // OnDone follows and says why
      return;
    }
    const std::lock_guard lock(mutex_);
    ready_ = true;
    changed_.notify_all();
  }

  void OnDone(const grpc::Status& status) override {
    const std::lock_guard lock(mutex_);
    status_ = status;
    finished_ = true;
    changed_.notify_all();
  }

  void ReleaseHold() {
    if (held_.exchange(false)) this->RemoveHold();
  }

  const Request request_;  ///< gRPC wants it to live as long as the call
  const absl::Duration silence_;
  const std::stop_token stop_;
  grpc::ClientContext context_;
  Message message_;  ///< gRPC's while a read is outstanding, ours while ready_
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::atomic<bool> held_ = true;
  bool ready_ = false;     ///< guarded by mutex_
  bool finished_ = false;  ///< guarded by mutex_
  grpc::Status status_;    ///< guarded by mutex_
};

}  // namespace cvxnn::client
