// SPDX-License-Identifier: Apache-2.0
// Too little memory, said so that people and programs understand it.
#pragma once

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "cvxnn/v1/job.pb.h"

namespace cvxnn::server {

inline constexpr char kErrorInfoUrl[] = "type.googleapis.com/google.rpc.ErrorInfo";

/// RESOURCE_EXHAUSTED "<what> needs N bytes of memory on <device>, M are free", with an ErrorInfo as payload.
absl::Status MemoryShortage(const std::string& what, const v1::MemoryShortage& shortage);

/// What such a status says; absent for any other.
std::optional<v1::MemoryShortage> ShortageOf(const absl::Status& status);

}  // namespace cvxnn::server
