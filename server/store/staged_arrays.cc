// SPDX-License-Identifier: Apache-2.0
// See staged_arrays.h.
#include "server/store/staged_arrays.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/store/checked_file.h"

namespace cvxnn::server {

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
    auto created = SyncedFile::Create(folder / arrays[i].file);
    if (!created.ok()) return created.status();
    file.synced.emplace(*std::move(created));
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
  for (File& file : files_) file.synced.reset();
  std::error_code error;
  if (std::filesystem::exists(folder_, error)) RemoveAll(folder_);
}

void StagedArrays::Arrived(std::size_t array, std::int64_t bytes) {
  absl::MutexLock lock(&mutex_);
  files_[array].arrived = static_cast<std::size_t>(bytes);
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
    if (const absl::Status status = files_[i].synced->Finish(); !status.ok()) return status;
    checksums[i] = files_[i].synced->crc32();
  }
  return checksums;
}

StagedArrays::File* StagedArrays::Next() {
  for (File& file : files_) {
    const std::size_t waiting = file.Waiting();
    if (waiting >= kPieceBytes || (waiting > 0 && ending_)) return &file;
  }
  return nullptr;
}

void StagedArrays::Run() {
  for (;;) {
    File* file = nullptr;
    std::size_t bytes = 0;
    {
      absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(this, &StagedArrays::Ready));
      file = Next();
      if (stopping_ || file == nullptr) return;
      bytes = std::min(file->Waiting(), kPieceBytes);
    }
    SyncedFile& synced = *file->synced;
    const absl::Status status = synced.Append(static_cast<const char*>(file->array.data) + file->written, bytes);
    synced.BeginWritingOut();
    absl::MutexLock lock(&mutex_);
    status_ = status;
    if (!status.ok()) return;
    file->written += bytes;
  }
}

}  // namespace cvxnn::server
