// SPDX-License-Identifier: Apache-2.0
// Events of logs as bytes on the wire, made once for all who watch: with a thousand watchers, turning the same batch of
// epochs into bytes a thousand times would cost more than sending it.
#pragma once

#include <absl/base/thread_annotations.h>
#include <absl/container/flat_hash_map.h>
#include <absl/synchronization/mutex.h>
#include <grpcpp/support/byte_buffer.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>

#include "cvxnn/v1/job_service.pb.h"

namespace cvxnn::server {

/// The message as bytes.
std::shared_ptr<const grpc::ByteBuffer> Encode(const v1::WatchJobResponse& message);

/// The latest encodings, as many as watchers who keep up may ask for again. Thread-safe.
class EventEncodings {
 public:
  using Event = std::shared_ptr<const v1::WatchJobResponse>;
  /// The same bytes for the same object, which must not change any more.
  std::shared_ptr<const grpc::ByteBuffer> Get(const Event& event) ABSL_LOCKS_EXCLUDED(mutex_);
  /// How often bytes were made.
  std::int64_t made() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  // Beyond what all jobs commit at once; a batch is at most about 100 kB.
  static constexpr std::size_t kMost = 128;
  struct Entry {
    Event event;  // held, so that no other object gets its address
    std::shared_ptr<const grpc::ByteBuffer> bytes;
  };

  mutable absl::Mutex mutex_;
  absl::flat_hash_map<const v1::WatchJobResponse*, Entry> by_event_ ABSL_GUARDED_BY(mutex_);
  std::deque<const v1::WatchJobResponse*> oldest_first_ ABSL_GUARDED_BY(mutex_);
  std::int64_t made_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace cvxnn::server
