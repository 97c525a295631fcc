// SPDX-License-Identifier: Apache-2.0
// See staged_arrays.h. The kernel is told to begin writing out each piece at once, so that fsync finds little to do.
#include "server/store/staged_arrays.h"

#include <fcntl.h>
#include <libdeflate.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/store/checked_file.h"

namespace cvxnn::server {
namespace {

constexpr std::int64_t kPieceBytes = std::int64_t{4} << 20;

}  // namespace

absl::StatusOr<std::unique_ptr<StagedArrays>> StagedArrays::Begin(const std::filesystem::path& folder,
                                                                  const std::array<Array, 4>& arrays) {
  std::error_code error;
  if (!std::filesystem::create_directory(folder, error)) {
    return ErrnoStatus(error.value(), absl::StrCat("cannot create ", folder.string()));
  }
  std::unique_ptr<StagedArrays> staged(new StagedArrays(folder));
  for (std::size_t i = 0; i < arrays.size(); ++i) {
    File& file = staged->files_[i];
    file.array = arrays[i];
    const std::filesystem::path path = folder / arrays[i].file;
    file.descriptor = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file.descriptor < 0) return ErrnoStatus(errno, absl::StrCat("cannot create ", path.string()));
  }
  staged->thread_ = std::jthread([self = staged.get()] { self->Run(); });
  return staged;
}

StagedArrays::~StagedArrays() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  if (thread_.joinable()) thread_.join();
  for (const File& file : files_) {
    if (file.descriptor >= 0) close(file.descriptor);
  }
  std::error_code error;
  if (std::filesystem::exists(folder_, error)) RemoveAll(folder_);
}

void StagedArrays::Arrived(std::size_t array, std::int64_t bytes) {
  absl::MutexLock lock(&mutex_);
  files_[array].arrived = bytes;
}

absl::StatusOr<std::array<std::uint32_t, 4>> StagedArrays::Sync() {
  {
    absl::MutexLock lock(&mutex_);
    ending_ = true;
  }
  thread_.join();
  absl::MutexLock lock(&mutex_);
  if (!status_.ok()) return status_;
  std::array<std::uint32_t, 4> checksums{};
  for (std::size_t i = 0; i < files_.size(); ++i) {
    if (fsync(files_[i].descriptor) != 0) {
      return ErrnoStatus(errno, absl::StrCat("cannot write ", (folder_ / files_[i].array.file).string()));
    }
    checksums[i] = files_[i].crc32;
  }
  return checksums;
}

StagedArrays::File* StagedArrays::Next() {
  for (File& file : files_) {
    const std::int64_t waiting = file.arrived - file.written;
    if (waiting >= kPieceBytes || (waiting > 0 && ending_)) return &file;
  }
  return nullptr;
}

void StagedArrays::Run() {
  for (;;) {
    File* file = nullptr;
    std::int64_t bytes = 0;
    {
      absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(this, &StagedArrays::Ready));
      file = Next();
      if (stopping_ || file == nullptr) return;
      bytes = std::min(file->arrived - file->written, kPieceBytes);
    }
    const absl::Status status = WritePiece(bytes, file, folder_);
    absl::MutexLock lock(&mutex_);
    status_ = status;
    if (!status.ok()) return;
    file->written += bytes;
  }
}

absl::Status StagedArrays::WritePiece(std::int64_t bytes, File* file, const std::filesystem::path& folder) {
  const char* begin = static_cast<const char*>(file->array.data) + file->written;
  for (std::int64_t done = 0; done < bytes;) {
    const ssize_t count = pwrite(file->descriptor, begin + done, static_cast<std::size_t>(bytes - done),
                                 static_cast<off_t>(file->written + done));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      return ErrnoStatus(count < 0 ? errno : ENOSPC,
                         absl::StrCat("cannot write ", (folder / file->array.file).string()));
    }
    done += count;
  }
  // Only a hint: fsync has the last word.
  (void)sync_file_range(file->descriptor, file->written, bytes, SYNC_FILE_RANGE_WRITE);
  file->crc32 = libdeflate_crc32(file->crc32, begin, static_cast<std::size_t>(bytes));
  return absl::OkStatus();
}

}  // namespace cvxnn::server
