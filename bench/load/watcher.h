// SPDX-License-Identifier: Apache-2.0
// One watcher of a job on its own connection, cheap enough that a thousand of them and the server share two cores: of
// most messages only the sequence numbers are read.
#pragma once

#include <grpcpp/alarm.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <future>
#include <memory>
#include <string>
#include <vector>

namespace cvxnn::bench {

/// Counts records from the first to the end of the log. Not thread-safe but for what says so.
class Watcher : public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  enum class Pace { kQuick, kSlow, kStalled };
  /// Slow: reads a message each 100 ms. Stalled: reads the first message, then nothing until it is let go.
  /// `timed`: also parses metrics, for delays.
  Watcher(const std::string& address, const std::string& job, Pace pace, bool timed);

  /// Reads on, as a quick watcher. Thread-safe.
  void LetGo();
  /// Waits for the end of the stream; its status.
  grpc::Status Wait() { return done_.get_future().get(); }
  void Cancel() { context_.TryCancel(); }

  std::int64_t records() const { return records_; }      ///< received; thread-safe
  std::int64_t missing() const { return missing_; }      ///< sequence numbers that were skipped, and not announced
  std::int64_t announced() const { return announced_; }  ///< that the server said it left out
  std::int64_t messages() const { return messages_; }
  bool ended() const { return ended_; }
  /// Of each message with metrics: when it came, less the seconds of training of its last epoch.
  const std::vector<double>& lags() const { return lags_; }

 private:
  void OnReadDone(bool ok) override;
  void OnDone(const grpc::Status& status) override { done_.set_value(status); }
  void Read();
  void Next();
  void Count(const grpc::ByteBuffer& message);

  std::atomic<Pace> pace_;
  std::atomic<bool> waiting_ = false;  // stalled, with no read outstanding
  const bool timed_;
  grpc::GenericStub stub_;
  grpc::ClientContext context_;
  grpc::ByteBuffer request_, message_;
  grpc::Alarm alarm_;
  std::atomic<std::int64_t> records_ = 0;
  std::int64_t last_ = 0, missing_ = 0, announced_ = 0, messages_ = 0;
  bool ended_ = false;
  std::vector<double> lags_;
  std::promise<grpc::Status> done_;
};

/// A channel with a connection of its own.
std::shared_ptr<grpc::Channel> OwnConnection(const std::string& address);

/// Seconds of the clock that lags are measured with.
double Now();

}  // namespace cvxnn::bench
