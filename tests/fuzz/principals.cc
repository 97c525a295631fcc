// SPDX-License-Identifier: Apache-2.0
// The principals file, and behind a cut what a client shows as its token.
#include "server/security/principals.h"

#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/input_file.h"

CVXNN_FUZZ_TARGET(principals) {
  using namespace cvxnn;
  const auto parts = fuzz::Files(input, 2);
  const absl::string_view text(parts[0].data(), parts[0].size()), token(parts[1].data(), parts[1].size());
  const auto principals = server::Principals::Parse(text);
  if (!principals.ok()) {
    fuzz::Promise(principals.status().message().substr(0, 5) == "line ", "a refusal names the line");
    return;
  }
  const auto found = principals->WithToken(token);
  const std::string hash = server::ToHex(server::HashToken(token));
  if (found.has_value()) {
    std::string lower(text);
    for (char& c : lower) c = static_cast<char>(c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c);
    fuzz::Promise(lower.find(hash) != std::string::npos, "nobody is let in whose hash is not in the file");
  }
  (void)principals->WithCertificate(token);
}
