// SPDX-License-Identifier: Apache-2.0
// See checked_reader.h.
#include "server/store/checked_reader.h"

#include <fcntl.h>
#include <libdeflate.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "server/store/checked_file.h"
#include "server/store/synced_file.h"

namespace cvxnn::server {
namespace {

absl::Status Damaged(const std::filesystem::path& file, const std::string& how) {
  return absl::DataLossError(absl::StrCat(file.string(), ": ", how));
}

}  // namespace

absl::StatusOr<std::unique_ptr<CheckedReader>> CheckedReader::OpenAny(const std::filesystem::path& file,
                                                                      std::uint32_t crc32, std::size_t bytes,
                                                                      std::size_t* size) {
  const int descriptor = open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) {
    // A file that metadata promise and that is not there is as lost as one that cannot be read.
    if (errno == ENOENT) return Damaged(file, "is missing");
    return ErrnoStatus(errno, absl::StrCat("cannot open ", file.string()));
  }
  std::unique_ptr<CheckedReader> reader(new CheckedReader(file, descriptor, crc32, bytes));
  struct stat info {};
  if (fstat(descriptor, &info) != 0) return ErrnoStatus(errno, absl::StrCat("cannot stat ", file.string()));
  *size = static_cast<std::size_t>(info.st_size);
  return reader;
}

absl::StatusOr<std::unique_ptr<CheckedReader>> CheckedReader::Open(const std::filesystem::path& file,
                                                                   std::uint32_t crc32, std::size_t bytes) {
  std::size_t size = 0;
  auto reader = OpenAny(file, crc32, bytes, &size);
  if (reader.ok() && size != bytes) return Damaged(file, absl::StrCat("has ", size, " bytes instead of ", bytes));
  return reader;
}

absl::StatusOr<std::unique_ptr<CheckedReader>> CheckedReader::OpenPart(const std::filesystem::path& file,
                                                                       std::size_t first_byte, std::uint32_t crc32,
                                                                       std::size_t bytes) {
  std::size_t size = 0;
  auto reader = OpenAny(file, crc32, bytes, &size);
  if (!reader.ok()) return reader;
  if (size < first_byte || size - first_byte < bytes) {
    return Damaged(file, absl::StrCat("has ", size, " bytes instead of at least ", first_byte + bytes));
  }
  if (lseek((*reader)->descriptor_, static_cast<off_t>(first_byte), SEEK_SET) < 0) {
    return ErrnoStatus(errno, absl::StrCat("cannot read ", file.string()));
  }
  return reader;
}

CheckedReader::~CheckedReader() { close(descriptor_); }

absl::Status CheckedReader::Read(char* data, std::size_t bytes) {
  bytes = std::min(bytes, left_);
  const std::size_t asked = bytes;
  last_crc32_ = 0;
  while (bytes > 0) {
    const ssize_t got = read(descriptor_, data, std::min(bytes, kPieceBytes));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return ErrnoStatus(errno, absl::StrCat("cannot read ", file_.string()));
    if (got == 0) return Damaged(file_, "ended early");
    const auto size = static_cast<std::size_t>(got);
    last_crc32_ = libdeflate_crc32(last_crc32_, data, size);
    data += size;
    bytes -= size;
    left_ -= size;
  }
  so_far_ = static_cast<std::uint32_t>(crc32_combine(so_far_, last_crc32_, static_cast<z_off_t>(asked)));
  if (left_ == 0 && so_far_ != crc32_) {
    return Damaged(file_, absl::StrFormat("is damaged: CRC-32 is %08x instead of %08x", so_far_, crc32_));
  }
  return absl::OkStatus();
}

}  // namespace cvxnn::server
