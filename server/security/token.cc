// SPDX-License-Identifier: Apache-2.0
// Tokens with OpenSSL's random source, hash and comparison.
#include "server/security/token.h"

#include <absl/strings/ascii.h>
#include <absl/strings/escaping.h>
#include <absl/strings/str_cat.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <algorithm>
#include <cstdlib>

namespace cvxnn::server {

std::string NewToken() {
  std::array<unsigned char, 32> random{};
  // Without random numbers there is nothing to go on with.
  if (RAND_bytes(random.data(), static_cast<int>(random.size())) != 1) std::abort();
  std::string text;
  absl::WebSafeBase64Escape(std::string(random.begin(), random.end()), &text);
  return absl::StrCat("cvxnn_", text.substr(0, text.find('=')));
}

TokenHash HashToken(absl::string_view token) {
  TokenHash hash{};
  SHA256(reinterpret_cast<const unsigned char*>(token.data()), token.size(), hash.data());
  return hash;
}

std::string ToHex(const TokenHash& hash) {
  return absl::BytesToHexString(absl::string_view(reinterpret_cast<const char*>(hash.data()), hash.size()));
}

std::optional<TokenHash> FromHex(absl::string_view text) {
  TokenHash hash{};
  const auto digit = [](char c) { return absl::ascii_isxdigit(static_cast<unsigned char>(c)); };
  if (text.size() != 2 * hash.size() || !std::all_of(text.begin(), text.end(), digit)) return std::nullopt;
  const std::string bytes = absl::HexStringToBytes(text);
  std::copy(bytes.begin(), bytes.end(), hash.begin());
  return hash;
}

bool SameHash(const TokenHash& one, const TokenHash& other) {
  return CRYPTO_memcmp(one.data(), other.data(), one.size()) == 0;
}

}  // namespace cvxnn::server
