// SPDX-License-Identifier: Apache-2.0
// Reads the principals file; see principals.h.
#include "server/security/principals.h"

#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <absl/strings/strip.h>

#include <algorithm>
#include <utility>

namespace cvxnn::server {
namespace {

constexpr std::size_t kMostLetters = 63;

absl::Status Wrong(std::size_t line, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("line ", line, ": ", what));
}

// "jobs=3" into the quota; false for anything else, and for what it has already.
bool ReadQuota(absl::string_view word, Quota* quota) {
  constexpr std::int64_t kMost = std::int64_t{1} << 62;
  std::optional<std::int64_t>* limit = nullptr;
  if (absl::ConsumePrefix(&word, "jobs=")) {
    limit = &quota->jobs;
  } else if (absl::ConsumePrefix(&word, "bytes=")) {
    limit = &quota->bytes;
  } else if (absl::ConsumePrefix(&word, "upload-rate=")) {
    limit = &quota->upload_bytes_per_second;
  }
  std::int64_t number = 0;
  if (limit == nullptr || limit->has_value() || !absl::SimpleAtoi(word, &number) || number < 1 || number > kMost) {
    return false;
  }
  *limit = number;
  return true;
}

}  // namespace

absl::Status CheckPrincipalName(absl::string_view name) {
  const auto allowed = [](char c) {
    return absl::ascii_islower(static_cast<unsigned char>(c)) || absl::ascii_isdigit(static_cast<unsigned char>(c)) ||
           absl::string_view("._@-").find(c) != absl::string_view::npos;
  };
  if (!name.empty() && name.size() <= kMostLetters && std::all_of(name.begin(), name.end(), allowed)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError("a name must be 1 to 63 of a-z, 0-9, '.', '_', '@' and '-'");
}

absl::StatusOr<Principals> Principals::Parse(absl::string_view text) {
  Principals principals;
  std::size_t number = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    line = line.substr(0, line.find('#'));
    const std::vector<absl::string_view> words = absl::StrSplit(line, absl::ByAnyChar(" \t\r"), absl::SkipEmpty());
    if (words.empty()) continue;
    if (words.size() < 3) return Wrong(number, "must be NAME ROLE sha256:HEX, or NAME ROLE certificate");
    if (absl::Status name = CheckPrincipalName(words[0]); !name.ok()) return Wrong(number, name.message());
    const std::optional<Role> role = RoleNamed(words[1]);
    if (!role.has_value()) return Wrong(number, "the role must be reader, submitter or admin");
    Entry entry{{std::string(words[0]), *role, {}}, std::nullopt};
    for (std::size_t i = 3; i < words.size(); ++i) {
      if (!ReadQuota(words[i], &entry.principal.quota)) {
        return Wrong(number,
                     "after sha256:HEX or certificate: must be jobs=N, bytes=N or upload-rate=N, each at most once");
      }
    }
    absl::string_view known_by = words[2];
    if (absl::ConsumePrefix(&known_by, "sha256:")) {
      entry.token = FromHex(known_by);
      if (!entry.token.has_value()) return Wrong(number, "sha256: must be followed by 64 hexadecimal digits");
    } else if (known_by != "certificate") {
      return Wrong(number, "the third word must be sha256:HEX or certificate");
    }
    for (const Entry& before : principals.entries_) {
      if (before.principal.name == entry.principal.name && before.principal.role != entry.principal.role) {
        return Wrong(number, absl::StrCat(entry.principal.name, " has another role in an earlier line"));
      }
      if (entry.token.has_value() && before.token == entry.token) {
        return Wrong(number, absl::StrCat("the token is that of ", before.principal.name));
      }
      if (before.principal.name == entry.principal.name && before.principal.quota != entry.principal.quota) {
        return Wrong(number, absl::StrCat(entry.principal.name, " has other quotas in an earlier line"));
      }
    }
    principals.entries_.push_back(std::move(entry));
  }
  return principals;
}

std::optional<Principal> Principals::WithToken(absl::string_view token) const {
  const TokenHash hash = HashToken(token);
  std::optional<Principal> found;
  for (const Entry& entry : entries_) {
    if (entry.token.has_value() && SameHash(*entry.token, hash)) found = entry.principal;
  }
  return found;
}

std::optional<Principal> Principals::WithCertificate(absl::string_view common_name) const {
  for (const Entry& entry : entries_) {
    if (!entry.token.has_value() && entry.principal.name == common_name) return entry.principal;
  }
  return std::nullopt;
}

bool Principals::any_certificate() const {
  return std::any_of(entries_.begin(), entries_.end(), [](const Entry& entry) { return !entry.token.has_value(); });
}

std::string PrincipalLine(const Principal& principal, absl::string_view token) {
  return absl::StrCat(principal.name, " ", Name(principal.role), " sha256:", ToHex(HashToken(token)));
}

}  // namespace cvxnn::server
