// SPDX-License-Identifier: Apache-2.0
// Checks of names; see resource_name.h.
#include "server/translate/resource_name.h"

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include <algorithm>

namespace cvxnn::server {

bool IsResourceId(const std::string& id) {
  constexpr std::size_t kLongest = 63;
  return !id.empty() && id.size() <= kLongest && absl::ascii_islower(id[0]) &&
         std::all_of(id.begin(), id.end(),
                     [](unsigned char c) { return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '-'; });
}

void CheckResourceName(const std::string& collection, const std::string& name, const std::string& field,
                       Violations* violations) {
  const std::string prefix = collection + "/";
  const bool ok = absl::StartsWith(name, prefix) && IsResourceId(name.substr(prefix.size()));
  violations->Require(ok, field, name,
                      absl::StrCat("must be ", prefix,
                                   "ID with an ID of 1 to 63 of a-z, 0-9 and '-' that begins with a "
                                   "letter"));
}

absl::Status CheckResourceName(const std::string& collection, const std::string& name, const std::string& field) {
  Violations violations;
  CheckResourceName(collection, name, field, &violations);
  return violations.ToStatus();
}

void CheckOptionalId(const std::string& id, const std::string& field, Violations* violations) {
  violations->Require(id.empty() || IsResourceId(id), field, id,
                      "must be 1 to 63 of a-z, 0-9 and '-', beginning with a letter");
}

void CheckDisplayName(const std::string& display_name, const std::string& field, Violations* violations) {
  constexpr std::size_t kLongest = 200;
  if (display_name.size() > kLongest) {
    violations->Wrong(field, absl::StrCat(display_name.size(), " bytes: must be at most ", kLongest));
  }
}

}  // namespace cvxnn::server
