// SPDX-License-Identifier: Apache-2.0
// Fetches a model's file: every chunk is checked when it arrives, a broken connection is taken up behind the last good
// byte, and the whole is checked at the end.
#include <absl/strings/str_cat.h>
#include <libdeflate.h>
#include <zlib.h>

#include <ostream>

#include "client/cpp/client_state.h"
#include "client/cpp/grpc_reader.h"

namespace cvxnn::client {
namespace {

/// Takes the messages of one or more connections for the same file. Not thread-safe.
class FileAssembly {
 public:
  FileAssembly(std::ostream& out, const TransferProgress& progress) : out_(out), progress_(progress) {}

  std::int64_t received() const { return received_; }
  const v1::DownloadModelHeader& header() const { return header_; }

  absl::StatusOr<StreamStep> Accept(const v1::DownloadModelResponse& response) {
    absl::Status status = response.has_header() ? AcceptHeader(response.header()) : AcceptChunk(response.chunk());
    if (!status.ok()) return status;
    if (received_ < header_.total_bytes()) return response.has_chunk() ? StreamStep::kProgress : StreamStep::kAlive;
    if (crc32_ != header_.crc32()) return absl::DataLossError("checksum of the whole file does not match");
    return StreamStep::kDone;
  }

 private:
  absl::Status AcceptHeader(const v1::DownloadModelHeader& header) {
    if (known_ && (header.total_bytes() != header_.total_bytes() || header.crc32() != header_.crc32())) {
      return absl::AbortedError("the file changed between two connections: download it again");
    }
    header_ = header;
    known_ = true;
    return absl::OkStatus();
  }

  absl::Status AcceptChunk(const v1::DownloadModelChunk& chunk) {
    if (!known_) return absl::InternalError("a chunk came before the header");
    const std::string& bytes = chunk.data();
    if (libdeflate_crc32(0, bytes.data(), bytes.size()) != chunk.crc32()) {
      return Damaged(absl::StrCat("checksum of the chunk at byte ", chunk.offset(), " does not match"));
    }
    if (chunk.offset() != received_) {
      return Damaged(absl::StrCat("a chunk begins at byte ", chunk.offset(), " instead of ", received_));
    }
    out_.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    if (!out_) return absl::InternalError("cannot write the received bytes (is the disk full?)");
    // The whole's from the chunks': no byte is read twice.
    crc32_ = static_cast<std::uint32_t>(crc32_combine(crc32_, chunk.crc32(), static_cast<z_off_t>(bytes.size())));
    received_ += static_cast<std::int64_t>(bytes.size());
    if (progress_) progress_(received_, header_.total_bytes());
    return absl::OkStatus();
  }

  /// Damage on the way is worth another try; damage that stays is not.
  absl::Status Damaged(const std::string& message) {
    constexpr int kMostDamaged = 3;
    return ++damaged_ < kMostDamaged ? absl::UnavailableError(message) : absl::DataLossError(message);
  }

  std::ostream& out_;
  const TransferProgress& progress_;
  v1::DownloadModelHeader header_;
  bool known_ = false;
  std::int64_t received_ = 0;
  std::uint32_t crc32_ = 0;
  int damaged_ = 0;
};

}  // namespace

absl::StatusOr<v1::DownloadModelHeader> Client::DownloadModel(const std::string& name, std::ostream& out,
                                                              const DownloadModelOptions& options) const {
  FileAssembly file(out, options.progress);
  const auto open = [&]() -> std::unique_ptr<MessageReader<v1::DownloadModelResponse>> {
    v1::DownloadModelRequest request;
    request.set_name(name);
    request.set_format(options.format);
    request.set_offset(file.received());
    return std::make_unique<GrpcReader<v1::DownloadModelRequest, v1::DownloadModelResponse>>(
        std::move(request),
        [this](auto* context, const auto* sent, auto* reactor) {
          state_->models->async()->DownloadModel(context, sent, reactor);
        },
        options.silence, options.stop);
  };
  const absl::Status status = ReadResumableStream<v1::DownloadModelResponse>(
      open, [&](v1::DownloadModelResponse& response) { return file.Accept(response); }, nullptr, options.resume,
      state_->options.timing, options.stop);
  if (!status.ok()) return status;
  return file.header();
}

}  // namespace cvxnn::client
