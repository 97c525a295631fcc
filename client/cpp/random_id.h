// SPDX-License-Identifier: Apache-2.0
// Names for requests that may be sent again.
#pragma once

#include <absl/strings/str_format.h>

#include <random>
#include <string>

namespace cvxnn::client {

/// 128 random bits in hexadecimal.
inline std::string RandomRequestId() {
  std::random_device device;
  return absl::StrFormat("%08x%08x%08x%08x", device(), device(), device(), device());
}

}  // namespace cvxnn::client
