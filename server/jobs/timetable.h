// SPDX-License-Identifier: Apache-2.0
// Times at which something must happen to something named: deadlines of jobs, and when what has ended is deleted.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace cvxnn::server {

/// Names with the wall-clock time at which each is due. Thread-safe.
class Timetable {
 public:
  /// Called once when a name is due, on the timetable's own thread and without a lock of it. May call Set and Remove.
  /// Gives the time at which to call again, or nothing.
  using Due = std::function<std::optional<absl::Time>(const std::string& name)>;
  explicit Timetable(Due due);
  ~Timetable() { Stop(); }
  Timetable(const Timetable&) = delete;
  Timetable& operator=(const Timetable&) = delete;

  /// Replaces the time of a name. One that is past is due at once.
  void Set(const std::string& name, absl::Time when) ABSL_LOCKS_EXCLUDED(mutex_);
  /// Does not wait for a call in progress.
  void Remove(const std::string& name) ABSL_LOCKS_EXCLUDED(mutex_);
  /// Nothing is called any more; waits for a call in progress. Not from inside one. Idempotent.
  void Stop() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void Run() ABSL_LOCKS_EXCLUDED(mutex_);
  void Insert(const std::string& name, absl::Time when) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Erase(const std::string& name) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Time Next() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return by_time_.empty() ? absl::InfiniteFuture() : by_time_.begin()->first;
  }

  const Due due_;
  absl::Mutex mutex_;
  std::set<std::pair<absl::Time, std::string>> by_time_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<std::string, absl::Time> by_name_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::jthread thread_;
};

}  // namespace cvxnn::server
