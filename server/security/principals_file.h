// SPDX-License-Identifier: Apache-2.0
// The principals file as it is now: read anew when it changed, so that tokens are added and withdrawn without a
// restart.
#pragma once

#include <absl/base/thread_annotations.h>
#include <absl/status/statusor.h>
#include <absl/synchronization/mutex.h>
#include <absl/time/time.h>

#include <filesystem>
#include <memory>
#include <string>

#include "server/security/principals.h"

namespace cvxnn::server {

/// Thread-safe.
class PrincipalsFile {
 public:
  /// NOT_FOUND: cannot be read; FAILED_PRECONDITION: others than its owner and group can read or write it, or nobody is
  /// in it; INVALID_ARGUMENT: as Principals::Parse. All name the file.
  static absl::StatusOr<std::unique_ptr<PrincipalsFile>> Open(std::string path);

  /// What the file says; looks at most once a second whether it changed. A file that became unreadable or wrong changes
  /// nothing and is logged: nobody is let in, and nobody locked out, by a slip of an editor.
  std::shared_ptr<const Principals> Now() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  /// By what a change is noticed.
  struct Version {
    std::filesystem::file_time_type time;
    std::uintmax_t bytes = 0;
    unsigned long inode = 0;
    bool operator==(const Version&) const = default;
  };
  explicit PrincipalsFile(std::string path) : path_(std::move(path)) {}
  absl::StatusOr<Version> Look() const;
  absl::StatusOr<Principals> Read() const;

  const std::string path_;
  absl::Mutex mutex_;
  std::shared_ptr<const Principals> principals_ ABSL_GUARDED_BY(mutex_);
  Version version_ ABSL_GUARDED_BY(mutex_);
  absl::Time next_look_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
};

}  // namespace cvxnn::server
