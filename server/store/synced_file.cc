// SPDX-License-Identifier: Apache-2.0
// See synced_file.h.
#include "server/store/synced_file.h"

#include <fcntl.h>
#include <libdeflate.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/store/checked_file.h"

namespace cvxnn::server {
namespace {

constexpr int kClosed = -1;

}  // namespace

absl::StatusOr<SyncedFile> SyncedFile::Create(const std::filesystem::path& file) {
  const int descriptor = open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (descriptor < 0) return ErrnoStatus(errno, absl::StrCat("cannot create ", file.string()));
  return SyncedFile(file, descriptor);
}

SyncedFile::SyncedFile(SyncedFile&& other) noexcept
    : path_(std::move(other.path_)),
      descriptor_(std::exchange(other.descriptor_, kClosed)),
      size_(other.size_),
      writing_out_(other.writing_out_),
      crc32_(other.crc32_) {}

SyncedFile::~SyncedFile() {
  if (descriptor_ == kClosed) return;
  close(descriptor_);
  unlink(path_.c_str());
}

absl::Status SyncedFile::Append(const void* data, std::size_t bytes) {
  const char* next = static_cast<const char*>(data);
  while (bytes > 0) {
    const ssize_t written = write(descriptor_, next, std::min(bytes, kPieceBytes));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      return ErrnoStatus(written < 0 ? errno : ENOSPC, absl::StrCat("cannot write ", path_.string()));
    }
    const auto size = static_cast<std::size_t>(written);
    crc32_ = libdeflate_crc32(crc32_, next, size);
    next += size;
    size_ += size;
    bytes -= size;
  }
  return absl::OkStatus();
}

void SyncedFile::BeginWritingOut() {
  // Only a hint: fsync has the last word.
  (void)sync_file_range(descriptor_, static_cast<off64_t>(writing_out_), static_cast<off64_t>(size_ - writing_out_),
                        SYNC_FILE_RANGE_WRITE);
  writing_out_ = size_;
}

absl::Status SyncedFile::Finish() {
  if (fsync(descriptor_) != 0) return ErrnoStatus(errno, absl::StrCat("cannot write ", path_.string()));
  if (close(std::exchange(descriptor_, kClosed)) != 0) {
    const int error = errno;
    unlink(path_.c_str());
    return ErrnoStatus(error, absl::StrCat("cannot close ", path_.string()));
  }
  return absl::OkStatus();
}

}  // namespace cvxnn::server
