// SPDX-License-Identifier: Apache-2.0
// Violations as a Status; see violations.h.
#include "server/translate/violations.h"

#include <absl/strings/cord.h>
#include <absl/strings/escaping.h>

#include "cvxnn/rpc/error_details.pb.h"
#include "server/translate/utf8.h"

namespace cvxnn::server {
namespace {

// More violations than this help nobody and would not fit into the trailers (8 KiB by default).
constexpr std::size_t kMostListed = 20;
// Longest value shown.
constexpr std::size_t kMostCharacters = 80;

}  // namespace

std::string Violations::Quoted(const std::string& text) {
  const bool cut = text.size() > kMostCharacters;
  return absl::StrCat("\"", ValidUtf8(absl::Utf8SafeCHexEscape(cut ? text.substr(0, kMostCharacters) : text)),
                      cut ? "…" : "", "\"");
}

void Violations::Append(const Violations& part) {
  invalid_.insert(invalid_.end(), part.invalid_.begin(), part.invalid_.end());
  not_built_.insert(not_built_.end(), part.not_built_.begin(), part.not_built_.end());
}

absl::Status Violations::ToStatus() const {
  if (empty()) return absl::OkStatus();
  const auto& listed = invalid_.empty() ? not_built_ : invalid_;
  std::string message;
  rpc::BadRequest details;
  for (std::size_t i = 0; i < listed.size() && i < kMostListed; ++i) {
    absl::StrAppend(&message, i == 0 ? "" : "; ", listed[i].text);
    auto* violation = details.add_field_violations();
    violation->set_field(listed[i].path);
    violation->set_description(listed[i].text);
  }
  if (listed.size() > kMostListed) absl::StrAppend(&message, "; and ", listed.size() - kMostListed, " more");
  absl::Status status(invalid_.empty() ? absl::StatusCode::kUnimplemented : absl::StatusCode::kInvalidArgument,
                      message);
  status.SetPayload(kBadRequestUrl, absl::Cord(details.SerializeAsString()));
  return status;
}

absl::Status QuotaExceeded(const std::string& subject, const std::string& description) {
  rpc::QuotaFailure details;
  details.add_violations()->set_subject(subject);
  details.mutable_violations(0)->set_description(description);
  absl::Status status = absl::ResourceExhaustedError(absl::StrCat(subject, ": ", description));
  status.SetPayload(kQuotaFailureUrl, absl::Cord(details.SerializeAsString()));
  return status;
}

}  // namespace cvxnn::server
