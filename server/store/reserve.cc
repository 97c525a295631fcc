// SPDX-License-Identifier: Apache-2.0
// See reserve.h. Without the file (the directory is read-only, say) there is no reserve, and nothing else is lost.
#include "server/store/reserve.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

namespace cvxnn::server {
namespace {

// Taken piece by piece: of a disk that is nearly full, what there is.
constexpr std::int64_t kPiece = std::int64_t{1} << 18;

}  // namespace

Reserve::Reserve(const std::filesystem::path& file, std::int64_t bytes)
    : bytes_(bytes), descriptor_(open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR)) {
  struct stat info = {};
  if (descriptor_ >= 0 && fstat(descriptor_, &info) == 0) held_ = std::min<std::int64_t>(info.st_size, bytes_);
  Fill();
}

Reserve::~Reserve() {
  if (descriptor_ >= 0) close(descriptor_);
}

void Reserve::Fill() {
  while (descriptor_ >= 0 && held_ < bytes_) {
    const std::int64_t piece = std::min(kPiece, bytes_ - held_);
    if (posix_fallocate(descriptor_, held_, piece) != 0) return;
    held_ += piece;
  }
}

bool Reserve::GiveUp() {
  if (held_ == 0 || ftruncate(descriptor_, 0) != 0) return false;
  held_ = 0;
  return true;
}

}  // namespace cvxnn::server
