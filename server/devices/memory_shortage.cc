// SPDX-License-Identifier: Apache-2.0
// See memory_shortage.h.
#include "server/devices/memory_shortage.h"

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "cvxnn/rpc/error_details.pb.h"

namespace cvxnn::server {
namespace {

constexpr char kReason[] = "MEMORY_SHORTAGE";

}  // namespace

absl::Status MemoryShortage(const std::string& what, const v1::MemoryShortage& shortage) {
  rpc::ErrorInfo details;
  details.set_reason(kReason);
  details.set_domain("cvxnn");
  auto& metadata = *details.mutable_metadata();
  metadata["device"] = shortage.device();
  metadata["needed_bytes"] = absl::StrCat(shortage.needed_bytes());
  metadata["free_bytes"] = absl::StrCat(shortage.free_bytes());
  absl::Status status =
      absl::ResourceExhaustedError(absl::StrCat(what, " needs ", shortage.needed_bytes(), " bytes of memory on ",
                                                shortage.device(), ", ", shortage.free_bytes(), " are free"));
  status.SetPayload(kErrorInfoUrl, absl::Cord(details.SerializeAsString()));
  return status;
}

std::optional<v1::MemoryShortage> ShortageOf(const absl::Status& status) {
  const auto payload = status.GetPayload(kErrorInfoUrl);
  rpc::ErrorInfo details;
  if (!payload.has_value() || !details.ParseFromString(std::string(*payload)) || details.reason() != kReason) {
    return std::nullopt;
  }
  v1::MemoryShortage shortage;
  std::int64_t needed = 0, free = 0;
  const auto& metadata = details.metadata();
  if (!metadata.contains("device") || !metadata.contains("needed_bytes") || !metadata.contains("free_bytes") ||
      !absl::SimpleAtoi(metadata.at("needed_bytes"), &needed) || !absl::SimpleAtoi(metadata.at("free_bytes"), &free)) {
    return std::nullopt;
  }
  shortage.set_device(metadata.at("device"));
  shortage.set_needed_bytes(needed);
  shortage.set_free_bytes(free);
  return shortage;
}

}  // namespace cvxnn::server
