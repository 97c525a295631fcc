// SPDX-License-Identifier: Apache-2.0
// Uploads that have a name: what arrived of them outlives a stream that is cut, so that the next one goes on behind it.
#pragma once

#include <absl/base/thread_annotations.h>
#include <absl/container/flat_hash_map.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/synchronization/mutex.h>
#include <absl/time/time.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "cvxnn/v1/dataset_service.pb.h"
#include "server/api/upload.h"
#include "server/jobs/timetable.h"
#include "server/store/staged_arrays.h"

namespace cvxnn::server {

/// One upload from its header to its data set, over as many streams as it takes.
struct UploadSession {
  std::string key;            ///< of its creator and upload_id; empty: nothing outlives the stream
  std::uint32_t digest = 0;   ///< of its header
  std::string dataset_id;     ///< as the header says
  std::string display_name;   ///< likewise
  std::int64_t promised = 0;  ///< bytes of its arrays, counted until the session is gone
  std::unique_ptr<Upload> upload;
  std::unique_ptr<StagedArrays> staged;  ///< reads the memory of `upload`, so it goes first
};

/// Sessions in the hands of a stream, and those that wait for their next one. Thread-safe.
class UploadSessions {
 public:
  /// Sessions together promise at most `most_bytes`; one that waits longer than `patience` is dropped, and so are the
  /// oldest of those that wait where a new one needs their room.
  UploadSessions(std::int64_t most_bytes, absl::Duration patience);
  ~UploadSessions();

  /// Takes a session that waits, or a new one without an upload when there is none. UNAVAILABLE: another stream has it;
  /// that one is told to let go (`let_go`, below), and the caller should try again in a moment. ALREADY_EXISTS: it has
  /// another header. `let_go` is called at most once, until Park, Drop or Done; any thread, must be quick.
  absl::StatusOr<std::unique_ptr<UploadSession>> Take(const std::string& key, std::uint32_t digest,
                                                      std::function<void()> let_go) ABSL_LOCKS_EXCLUDED(mutex_);
  /// Counts `bytes` for a session that is in hand. RESOURCE_EXHAUSTED when other uploads leave less.
  absl::Status Promise(UploadSession* session, std::int64_t bytes) ABSL_LOCKS_EXCLUDED(mutex_);
  /// The stream was cut: the session waits, if it has a key and anything arrived.
  void Park(std::unique_ptr<UploadSession> session) ABSL_LOCKS_EXCLUDED(mutex_);
  /// The session is over. May wait for the disk.
  void Drop(std::unique_ptr<UploadSession> session) ABSL_LOCKS_EXCLUDED(mutex_);

  /// Bytes of each array that arrived. NOT_FOUND: no such session; UNAVAILABLE as Take.
  absl::StatusOr<v1::UploadStatus> Describe(const std::string& key) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Entry {
    std::unique_ptr<UploadSession> waiting;  // null while a stream has it
    std::function<void()> let_go;
    absl::Time since;
  };
  static absl::Status InHand();
  void Forget(const std::string& key) ABSL_LOCKS_EXCLUDED(mutex_);

  const std::int64_t most_bytes_;
  const absl::Duration patience_;
  absl::Mutex mutex_;
  absl::flat_hash_map<std::string, Entry> entries_ ABSL_GUARDED_BY(mutex_);
  std::int64_t promised_ ABSL_GUARDED_BY(mutex_) = 0;
  Timetable expiries_;
};

}  // namespace cvxnn::server
