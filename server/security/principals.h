// SPDX-License-Identifier: Apache-2.0
// The principals file: who is known, by which token or certificate, with which role. One principal a line,
//   NAME ROLE sha256:HEX     by a token with this SHA-256
//   NAME ROLE certificate    by a client certificate whose common name is NAME
// and after that, where NAME may have less (or more) than the server's flags say, jobs=N (that have not ended), bytes=N
// (stored) and upload-rate=N (bytes per second); blank lines and what follows '#' are ignored. A name may stand on
// several lines of one role (a token being replaced).
#pragma once

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include <optional>
#include <string>
#include <vector>

#include "server/security/role.h"
#include "server/security/token.h"

namespace cvxnn::server {

/// What a principals file says. Immutable.
class Principals {
 public:
  /// INVALID_ARGUMENT naming the line: another form, a quota that is no number from 1 to 2^62 or stands twice, other
  /// quotas than on another line of the same name, an unknown role, a name that is not 1 to 63 of a-z, 0-9, '.', '_',
  /// '@' and '-', a name with two roles, a token that stands twice. No text of the file is repeated in errors but
  /// names.
  static absl::StatusOr<Principals> Parse(absl::string_view text);

  /// Compares with every line, so that the time tells nothing.
  std::optional<Principal> WithToken(absl::string_view token) const;
  std::optional<Principal> WithCertificate(absl::string_view common_name) const;

  /// Whether some principal is known by a certificate.
  bool any_certificate() const;
  std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    Principal principal;
    std::optional<TokenHash> token;  ///< absent: known by certificate
  };
  std::vector<Entry> entries_;
};

/// The line for a new token of this principal.
std::string PrincipalLine(const Principal& principal, absl::string_view token);

/// INVALID_ARGUMENT for a name that Parse would refuse.
absl::Status CheckPrincipalName(absl::string_view name);

}  // namespace cvxnn::server
