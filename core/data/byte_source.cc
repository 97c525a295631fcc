// SPDX-License-Identifier: Apache-2.0
// Plain and gzip files as byte sources, both through zlib, which passes plain bytes on unchanged.
#include "core/data/byte_source.h"

#include <absl/cleanup/cleanup.h>
#include <absl/strings/str_cat.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace cvxnn::data {
namespace {

// One call of gzread takes at most an unsigned int.
constexpr std::size_t kMaxRead = std::size_t{1} << 30;
// Deflate codes at best 258 bytes in 2 bits: a factor of 1,032 before block headers.
constexpr std::int64_t kMaxInflation = 1040;

class File final : public ByteSource {
 public:
  File(std::string name, gzFile file, std::int64_t max_size)
      : ByteSource(std::move(name)), file_(file), max_size_(max_size) {}
  ~File() override { gzclose_r(file_); }

  absl::StatusOr<std::size_t> Read(void* buffer, std::size_t count) override {
    std::size_t done = 0;
    while (done < count) {
      const auto wanted = static_cast<unsigned>(std::min(count - done, kMaxRead));
      const int got = gzread(file_, static_cast<char*>(buffer) + done, wanted);
      if (got < 0) return Damaged();
      if (got == 0) break;
      done += static_cast<std::size_t>(got);
    }
    if (done == count) return done;
    // gzread reports a gzip file cut short only afterwards.
    int code = Z_OK;
    gzerror(file_, &code);
    if (code != Z_OK) return Damaged();
    return done;
  }
  std::int64_t max_size() const override { return max_size_; }

 private:
  absl::Status Damaged() {
    int code = Z_OK;
    const char* message = gzerror(file_, &code);
    if (code == Z_ERRNO) return absl::DataLossError(absl::StrCat(name(), ": cannot read: ", std::strerror(errno)));
    return absl::InvalidArgumentError(absl::StrCat(
        name(),
        code == Z_BUF_ERROR ? ": truncated gzip data" : ": damaged gzip data: ", code == Z_BUF_ERROR ? "" : message));
  }

  gzFile file_;
  std::int64_t max_size_;
};

}  // namespace

absl::Status CannotOpen(const std::string& path, int error) {
  const std::string message = absl::StrCat("cannot open ", path, ": ", std::strerror(error));
  if (error == ENOENT || error == ENOTDIR) return absl::NotFoundError(message);
  if (error == EACCES || error == EPERM) return absl::PermissionDeniedError(message);
  // Trying again would not help: a path that no file can have, or a disk that fails.
  if (error == EIO) return absl::DataLossError(message);
  if (error == ENOMEM || error == ENFILE || error == EMFILE) return absl::ResourceExhaustedError(message);
  return absl::InvalidArgumentError(message);
}

absl::Status ByteSource::ReadExactly(void* buffer, std::size_t count) {
  const absl::StatusOr<std::size_t> got = Read(buffer, count);
  if (!got.ok()) return got.status();
  if (*got == count) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(name_, ": truncated: ", count - *got, " bytes are missing"));
}

absl::Status ByteSource::ExpectEnd() {
  char extra = 0;
  const absl::StatusOr<std::size_t> got = Read(&extra, 1);
  if (!got.ok()) return got.status();
  if (*got == 0) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(name_, ": oversized: bytes follow the data that its header describes"));
}

absl::StatusOr<std::unique_ptr<ByteSource>> OpenFile(const std::string& path) {
  // O_NONBLOCK: opening a named pipe must not wait for a writer.
  int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return CannotOpen(path, errno);
  auto close_descriptor = absl::MakeCleanup([descriptor] { close(descriptor); });
  struct stat info = {};
  if (fstat(descriptor, &info) != 0) return CannotOpen(path, errno);
  if (!S_ISREG(info.st_mode)) return absl::InvalidArgumentError(absl::StrCat(path, ": must be a regular file"));
  gzFile file = gzdopen(descriptor, "rb");
  if (file == nullptr) return absl::ResourceExhaustedError(absl::StrCat(path, ": not enough memory to open it"));
  std::move(close_descriptor).Cancel();
  gzbuffer(file, 1 << 18);
  const std::int64_t size = info.st_size;
  const std::int64_t max_size = gzdirect(file) != 0 ? size : size * kMaxInflation;
  return std::unique_ptr<ByteSource>(new File(BaseName(path), file, max_size));
}

std::string BaseName(const std::string& path) {
  const std::size_t slash = path.find_last_of('/');
  return slash == std::string::npos ? path : path.substr(slash + 1);
}

}  // namespace cvxnn::data
