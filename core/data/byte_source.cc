// SPDX-License-Identifier: Apache-2.0
// Plain and gzip files (RFC 1952) as byte sources, the latter through zlib.
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
#include <iterator>
#include <memory>
#include <utility>
#include <vector>

namespace cvxnn::data {
namespace {

constexpr std::size_t kBufferBytes = std::size_t{1} << 18;
// One call of inflate takes at most an unsigned int.
constexpr std::size_t kMaxRead = std::size_t{1} << 30;
// Deflate codes at best 258 bytes in 2 bits: a factor of 1,032 before block headers.
constexpr std::int64_t kMaxInflation = 1040;
// The largest window, and gzip's header and trailer around the data.
constexpr int kGzipWindow = 15 + 16;
constexpr unsigned char kGzipMagic[] = {0x1f, 0x8b};

absl::Status CannotRead(const std::string& name) {
  return absl::DataLossError(absl::StrCat(name, ": cannot read: ", std::strerror(errno)));
}

class PlainFile final : public ByteSource {
 public:
  PlainFile(std::string name, int descriptor, std::int64_t size)
      : ByteSource(std::move(name)), descriptor_(descriptor), size_(size) {}
  ~PlainFile() override { close(descriptor_); }

  absl::StatusOr<std::size_t> Read(void* buffer, std::size_t count) override {
    std::size_t done = 0;
    while (done < count) {
      const ssize_t got = read(descriptor_, static_cast<char*>(buffer) + done, std::min(count - done, kMaxRead));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return CannotRead(name());
      if (got == 0) break;
      done += static_cast<std::size_t>(got);
    }
    return done;
  }
  std::int64_t max_size() const override { return size_; }

 private:
  const int descriptor_;
  const std::int64_t size_;
};

// One gzip stream, or several one after the other, as gzip(1) writes them; anything else after the end of one is
// refused (zlib's own gzread drops it in silence).
class GzipFile final : public ByteSource {
 public:
  GzipFile(std::string name, int descriptor, std::int64_t size)
      : ByteSource(std::move(name)),
        file_(this->name(), descriptor, size),
        max_size_(size * kMaxInflation),
        opened_(inflateInit2(&stream_, kGzipWindow) == Z_OK) {}
  ~GzipFile() override { inflateEnd(&stream_); }

  absl::StatusOr<std::size_t> Read(void* buffer, std::size_t count) override {
    if (!opened_) return absl::ResourceExhaustedError(absl::StrCat(name(), ": not enough memory to inflate it"));
    std::size_t done = 0;
    while (done < count) {
      const absl::StatusOr<bool> more = HaveInput();
      if (!more.ok()) return more.status();
      if (!*more && between_streams_) break;
      if (!*more) return Fault("truncated gzip data");
      if (between_streams_ && *stream_.next_in != kGzipMagic[0]) return Fault("oversized: bytes follow the gzip data");
      const std::size_t wanted = std::min(count - done, kMaxRead);
      stream_.next_out = static_cast<unsigned char*>(buffer) + done;
      stream_.avail_out = static_cast<unsigned>(wanted);
      const int code = inflate(&stream_, Z_NO_FLUSH);
      done += wanted - stream_.avail_out;
      between_streams_ = code == Z_STREAM_END;
      if (code == Z_STREAM_END) {
        inflateReset(&stream_);
      } else if (code != Z_OK) {
        return Fault(absl::StrCat("damaged gzip data: ", stream_.msg == nullptr ? "" : stream_.msg));
      }
    }
    return done;
  }
  std::int64_t max_size() const override { return max_size_; }

 private:
  absl::Status Fault(const std::string& what) const {
    return absl::InvalidArgumentError(absl::StrCat(name(), ": ", what));
  }

  // Whether compressed bytes are left; reads more of them where needed.
  absl::StatusOr<bool> HaveInput() {
    if (stream_.avail_in > 0) return true;
    const absl::StatusOr<std::size_t> got = file_.Read(input_.data(), input_.size());
    if (!got.ok()) return got.status();
    stream_.next_in = input_.data();
    stream_.avail_in = static_cast<unsigned>(*got);
    return *got > 0;
  }

  PlainFile file_;
  const std::int64_t max_size_;
  std::vector<unsigned char> input_ = std::vector<unsigned char>(kBufferBytes);
  z_stream stream_ = {};
  const bool opened_;
  bool between_streams_ = false;
};

// Whether the file begins as gzip files do; its position stays.
bool IsGzip(int descriptor) {
  unsigned char magic[sizeof(kGzipMagic)] = {};
  return pread(descriptor, magic, sizeof(magic), 0) == sizeof(magic) &&
         std::equal(std::begin(magic), std::end(magic), std::begin(kGzipMagic));
}

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
  std::move(close_descriptor).Cancel();
  if (IsGzip(descriptor)) return std::make_unique<GzipFile>(BaseName(path), descriptor, info.st_size);
  return std::make_unique<PlainFile>(BaseName(path), descriptor, info.st_size);
}

std::string BaseName(const std::string& path) {
  const std::size_t slash = path.find_last_of('/');
  return slash == std::string::npos ? path : path.substr(slash + 1);
}

}  // namespace cvxnn::data
