// SPDX-License-Identifier: Apache-2.0
// Names that clients give their uploads.
#pragma once

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <string>

#include "server/translate/violations.h"

namespace cvxnn::server {

/// INVALID_ARGUMENT naming `field` for a name that is not empty or 1 to 128 bytes of printable ASCII.
inline absl::Status CheckUploadId(const std::string& id, const std::string& field) {
  constexpr std::size_t kMostBytes = 128;
  const bool printable = std::all_of(id.begin(), id.end(), [](char c) { return c >= ' ' && c <= '~'; });
  if (printable && id.size() <= kMostBytes) return absl::OkStatus();
  return InvalidField(field, id, absl::StrCat("must be 1 to ", kMostBytes, " bytes of printable ASCII, or empty"));
}

/// One text for an upload of a creator: others cannot name it.
inline std::string UploadKeyText(const std::string& creator, const std::string& upload_id) {
  return absl::StrCat(creator, "\n", upload_id);
}

}  // namespace cvxnn::server
