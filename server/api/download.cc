// SPDX-License-Identifier: Apache-2.0
// See download.h. A stored file is read piece by piece on a pool thread, the next piece while one is on its way; what
// is made on demand (TorchScript) is shared in memory by the downloads of the model. At most one write is outstanding.
#include "server/api/download.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/strip.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <sstream>
#include <string>
#include <utility>

#include "core/network/export/torchscript.h"
#include "server/api/call_log.h"
#include "server/api/status.h"
#include "server/api/unary_call.h"
#include "server/store/checked_file.h"
#include "server/store/checked_reader.h"
#include "server/translate/capabilities.h"
#include "server/translate/choose.h"
#include "server/translate/resource_name.h"

namespace cvxnn::server {
namespace {

// Where the bytes of a download come from, in order.
class Source {
 public:
  virtual ~Source() = default;
  virtual std::size_t left() const = 0;
  virtual std::uint32_t crc32() const = 0;  // of the whole file
  /// Gives the CRC-32 of the bytes too.
  virtual absl::StatusOr<std::uint32_t> Read(char* data, std::size_t bytes) = 0;
};

class StoredFile final : public Source {
 public:
  explicit StoredFile(std::unique_ptr<CheckedReader> reader) : reader_(std::move(reader)) {}
  std::size_t left() const override { return reader_->left(); }
  std::uint32_t crc32() const override { return reader_->crc32(); }
  absl::StatusOr<std::uint32_t> Read(char* data, std::size_t bytes) override {
    if (absl::Status status = reader_->Read(data, bytes); !status.ok()) return status;
    return reader_->last_crc32();
  }

 private:
  const std::unique_ptr<CheckedReader> reader_;
};

class SharedFile final : public Source {
 public:
  explicit SharedFile(std::shared_ptr<const MadeFile> file) : file_(std::move(file)) {}
  std::size_t left() const override { return file_->bytes.size() - read_; }
  std::uint32_t crc32() const override { return file_->crc32; }
  absl::StatusOr<std::uint32_t> Read(char* data, std::size_t bytes) override {
    read_ += file_->bytes.copy(data, bytes, read_);
    return Crc32(data, bytes);
  }

 private:
  const std::shared_ptr<const MadeFile> file_;
  std::size_t read_ = 0;
};

absl::StatusOr<std::string> MakeTorchScript(const Parts& parts, const std::string& name) {
  auto network = parts.models->Load(name);
  if (!network.ok()) return network.status();
  std::ostringstream stream;
  if (absl::Status status = WriteTorchScript(*network, stream); !status.ok()) return status;
  return std::move(stream).str();
}

absl::StatusOr<std::unique_ptr<Source>> OpenSource(const Parts& parts, const std::string& name, WeightsFile format,
                                                   MadeFiles* made_files) {
  if (format == WeightsFile::kSafetensors) {
    auto reader = parts.models->OpenFile(name);
    if (!reader.ok()) return reader.status();
    return std::make_unique<StoredFile>(*std::move(reader));
  }
  auto file = made_files->Get(name, [&] { return MakeTorchScript(parts, name); });
  if (!file.ok()) return file.status();
  return std::make_unique<SharedFile>(*std::move(file));
}

class Download : public grpc::ServerWriteReactor<v1::DownloadModelResponse> {
 public:
  Download(const Parts& parts, MadeFiles* made_files, grpc::CallbackServerContext* context,
           const v1::DownloadModelRequest* request)
      : parts_(parts),
        made_files_(*made_files),
        request_(*request),
        log_(parts, context, "ModelService.DownloadModel", request->name()) {
    const bool accepted = parts.heavy->Submit([this] {
      const absl::Status status = RunGuarded([this] { return Prepare(); });
      if (!status.ok()) return End(status);
      WriteAndReadAhead();
    });
    if (!accepted) End(TooManyWaiting());
  }

  void OnWriteDone(bool ok) override {
    write_ok_ = ok;
    HalfDone();
  }

  void OnDone() override { delete this; }

 private:
  absl::Status Prepare() {
    Violations violations;
    CheckResourceName("models", request_.name(), "name", &violations);
    violations.Require(request_.offset() >= 0, "offset", request_.offset(), "must be 0 to the size of the file");
    const WeightsFile format = Choose(kModelFormats, request_.format(), "format", &violations);
    if (!violations.empty()) return violations.ToStatus();
    auto source = OpenSource(parts_, request_.name(), format, &made_files_);
    if (!source.ok()) return source.status();
    source_ = *std::move(source);
    const auto total = static_cast<std::int64_t>(source_->left());
    if (request_.offset() > total) {
      return absl::OutOfRangeError(
          absl::StrCat("offset = ", request_.offset(), ": must be 0 to ", total, ", the size of the file"));
    }
    auto* header = now_.mutable_header();
    header->set_total_bytes(total);
    header->set_crc32(source_->crc32());
    header->set_file_name(absl::StrCat(absl::StripPrefix(request_.name(), "models/"),
                                       format == WeightsFile::kSafetensors ? ".safetensors" : ".pt"));
    return Skip(request_.offset());
  }

  // Reads what the caller has, for the checksum.
  absl::Status Skip(std::int64_t bytes) {
    std::string dropped(static_cast<std::size_t>(std::min(bytes, kDownloadChunkBytes)), '\0');
    for (; offset_ < bytes; offset_ += static_cast<std::int64_t>(dropped.size())) {
      dropped.resize(static_cast<std::size_t>(std::min(bytes - offset_, kDownloadChunkBytes)));
      if (auto read = source_->Read(dropped.data(), dropped.size()); !read.ok()) return read.status();
    }
    return absl::OkStatus();
  }

  // Writes now_ while next_ is read; whichever ends last goes on.
  void WriteAndReadAhead() {
    more_ = source_->left() > 0;
    halves_ = more_ ? 2 : 1;
    const bool read = more_;
    StartWrite(&now_);
    // Without a read the call may be over by now.
    if (!read) return;
    const bool accepted = parts_.quick->Submit([this] {
      read_status_ = RunGuarded([this] { return ReadNext(); });
      HalfDone();
    });
    if (accepted) return;
    read_status_ = TooManyWaiting();
    HalfDone();
  }

  absl::Status ReadNext() {
    const std::size_t bytes = std::min(static_cast<std::size_t>(kDownloadChunkBytes), source_->left());
    auto* chunk = next_.mutable_chunk();
    chunk->mutable_data()->resize(bytes);
    const auto crc32 = source_->Read(chunk->mutable_data()->data(), bytes);
    if (!crc32.ok()) return crc32.status();
    chunk->set_offset(offset_);
    chunk->set_crc32(*crc32);
    offset_ += static_cast<std::int64_t>(bytes);
    return absl::OkStatus();
  }

  void HalfDone() {
    if (--halves_ > 0) return;
    if (!write_ok_) return End(absl::CancelledError("the caller left"));
    if (!read_status_.ok() || !more_) return End(read_status_);
    now_.Swap(&next_);
    WriteAndReadAhead();
  }

  void End(const absl::Status& status) {
    log_.Ended(status);
    Finish(ToGrpcStatus(status));
  }

  const Parts& parts_;
  MadeFiles& made_files_;
  const v1::DownloadModelRequest& request_;
  const CallLog log_;
  std::unique_ptr<Source> source_;
  std::int64_t offset_ = 0;  // of the next chunk to be read
  bool more_ = false;        // next_ is being read
  std::atomic<int> halves_ = 0;
  bool write_ok_ = true;
  absl::Status read_status_;
  v1::DownloadModelResponse now_, next_;
};

}  // namespace

grpc::ServerWriteReactor<v1::DownloadModelResponse>* StartDownload(const Parts* parts, MadeFiles* made_files,
                                                                   grpc::CallbackServerContext* context,
                                                                   const v1::DownloadModelRequest* request) {
  return new Download(*parts, made_files, context, request);
}

}  // namespace cvxnn::server
