// SPDX-License-Identifier: Apache-2.0
// See download.h. The file is made on a pool thread and kept in memory for the length of the call; chunks are cut in
// the reaction that follows each write, so at most one is in flight.
#include "server/api/download.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/strip.h>

#include <algorithm>
#include <memory>
#include <sstream>
#include <string>
#include <utility>

#include "core/network/export/torchscript.h"
#include "server/api/call_log.h"
#include "server/api/status.h"
#include "server/api/unary_call.h"
#include "server/store/checked_file.h"
#include "server/translate/capabilities.h"
#include "server/translate/choose.h"
#include "server/translate/resource_name.h"

namespace cvxnn::server {
namespace {

// The bytes of a model in a format, with their checksum.
absl::StatusOr<ModelFile> MakeFile(const Parts& parts, const std::string& name, WeightsFile format) {
  if (format == WeightsFile::kSafetensors) return parts.models->ReadFile(name);
  auto network = parts.models->Load(name);
  if (!network.ok()) return network.status();
  std::ostringstream stream;
  if (absl::Status status = WriteTorchScript(*network, stream); !status.ok()) return status;
  ModelFile file{std::move(stream).str(), 0};
  file.crc32 = Crc32(file.bytes.data(), file.bytes.size());
  return file;
}

class Download : public grpc::ServerWriteReactor<v1::DownloadModelResponse> {
 public:
  Download(const Parts& parts, grpc::CallbackServerContext* context, const v1::DownloadModelRequest* request)
      : parts_(parts), request_(*request), log_(context, "ModelService.DownloadModel", request->name()) {
    const bool accepted = parts.heavy->Submit([this] {
      const absl::Status status = RunGuarded([this] { return Prepare(); });
      if (!status.ok()) return End(status);
      StartWrite(&response_);
    });
    if (!accepted) End(absl::ResourceExhaustedError("too many requests are waiting; try again later"));
  }

  void OnWriteDone(bool ok) override {
    if (!ok) return End(absl::CancelledError("the caller left"));
    const auto total = static_cast<std::int64_t>(file_.bytes.size());
    if (offset_ >= total) return End(absl::OkStatus());
    const std::int64_t bytes = std::min(kDownloadChunkBytes, total - offset_);
    auto* chunk = response_.mutable_chunk();
    chunk->set_offset(offset_);
    chunk->set_data(file_.bytes.data() + offset_, static_cast<std::size_t>(bytes));
    chunk->set_crc32(Crc32(chunk->data().data(), chunk->data().size()));
    offset_ += bytes;
    StartWrite(&response_);
  }

  void OnDone() override { delete this; }

 private:
  absl::Status Prepare() {
    Violations violations;
    CheckResourceName("models", request_.name(), "name", &violations);
    violations.Require(request_.offset() >= 0, "offset", request_.offset(), "must be 0 to the size of the file");
    const WeightsFile format = Choose(kModelFormats, request_.format(), "format", &violations);
    if (!violations.empty()) return violations.ToStatus();
    auto file = MakeFile(parts_, request_.name(), format);
    if (!file.ok()) return file.status();
    file_ = *std::move(file);
    offset_ = request_.offset();
    if (offset_ > static_cast<std::int64_t>(file_.bytes.size())) {
      return absl::OutOfRangeError(
          absl::StrCat("offset = ", offset_, ": must be 0 to ", file_.bytes.size(), ", the size of the file"));
    }
    auto* header = response_.mutable_header();
    header->set_total_bytes(static_cast<std::int64_t>(file_.bytes.size()));
    header->set_crc32(file_.crc32);
    header->set_file_name(absl::StrCat(absl::StripPrefix(request_.name(), "models/"),
                                       format == WeightsFile::kSafetensors ? ".safetensors" : ".pt"));
    return absl::OkStatus();
  }

  void End(const absl::Status& status) {
    log_.Ended(status);
    Finish(ToGrpcStatus(status));
  }

  const Parts& parts_;
  const v1::DownloadModelRequest& request_;
  const CallLog log_;
  ModelFile file_;
  std::int64_t offset_ = 0;
  v1::DownloadModelResponse response_;
};

}  // namespace

grpc::ServerWriteReactor<v1::DownloadModelResponse>* StartDownload(const Parts* parts,
                                                                   grpc::CallbackServerContext* context,
                                                                   const v1::DownloadModelRequest* request) {
  return new Download(*parts, context, request);
}

}  // namespace cvxnn::server
