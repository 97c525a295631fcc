// SPDX-License-Identifier: Apache-2.0
// flock(2) on a file of the data directory; the file also says who holds it.
#include "server/store/directory_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "server/store/checked_file.h"

namespace cvxnn::server {

absl::StatusOr<DirectoryLock> DirectoryLock::Acquire(const std::filesystem::path& directory) {
  const std::filesystem::path file = directory / "lock";
  const int descriptor = open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0) return ErrnoStatus(errno, absl::StrCat("cannot open ", file.string()));
  DirectoryLock lock(descriptor);
  char holder[32] = {};
  if (flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return ErrnoStatus(errno, absl::StrCat("cannot lock ", file.string()));
    const ssize_t length = pread(descriptor, holder, sizeof(holder) - 1, 0);
    absl::string_view process(holder, length > 0 ? static_cast<std::size_t>(length) : 0);
    return absl::FailedPreconditionError(absl::StrCat("data directory ", directory.string(),
                                                      " is in use by another server (process ",
                                                      absl::StripSuffix(process, "\n"), "): stop it first"));
  }
  // For people only, so a failure here is none: the lock itself is held.
  const std::string self = absl::StrCat(getpid(), "\n");
  if (ftruncate(descriptor, 0) != 0 || pwrite(descriptor, self.data(), self.size(), 0) < 0) return lock;
  return lock;
}

DirectoryLock::~DirectoryLock() {
  if (descriptor_ >= 0) close(descriptor_);
}

DirectoryLock::DirectoryLock(DirectoryLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

}  // namespace cvxnn::server
