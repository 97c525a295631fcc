// SPDX-License-Identifier: Apache-2.0
// Bearer tokens: 256 random bits as text. The server keeps their SHA-256 only; a token of that length needs no salt and
// no slow hash.
#pragma once

#include <absl/strings/string_view.h>

#include <array>
#include <cstddef>
#include <optional>
#include <string>

namespace cvxnn::server {

/// SHA-256 of a token.
using TokenHash = std::array<unsigned char, 32>;

/// A new token from the system's random source: "cvxnn_" and 43 characters of base64url.
std::string NewToken();

TokenHash HashToken(absl::string_view token);

/// 64 hexadecimal digits, and the inverse (absent for any other text).
std::string ToHex(const TokenHash& hash);
std::optional<TokenHash> FromHex(absl::string_view text);

/// In a time that does not depend on where they differ.
bool SameHash(const TokenHash& one, const TokenHash& other);

}  // namespace cvxnn::server
