// SPDX-License-Identifier: Apache-2.0
// Takes the server's details apart: google.rpc's messages under their own type URLs (proto/cvxnn/rpc).
#include "client/cpp/status.h"

#include <absl/strings/cord.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include "cvxnn/rpc/error_details.pb.h"

namespace cvxnn::client {
namespace {

/// The detail of this type, or an empty message.
template <typename Detail>
Detail Find(const absl::Status& status, const char* type) {
  Detail detail;
  const auto payload = status.GetPayload(absl::StrCat("type.googleapis.com/google.rpc.", type));
  if (payload.has_value() && !detail.ParseFromString(std::string(*payload))) detail.Clear();
  return detail;
}

}  // namespace

absl::Status ToAbslStatus(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  absl::Status result(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
  rpc::Status details;
  if (!details.ParseFromString(status.error_details())) return result;
  for (const google::protobuf::Any& detail : details.details()) {
    if (!result.GetPayload(detail.type_url()).has_value()) {
      result.SetPayload(detail.type_url(), absl::Cord(detail.value()));
    }
  }
  return result;
}

std::vector<FieldViolation> FieldViolations(const absl::Status& status) {
  std::vector<FieldViolation> violations;
  const auto refused = Find<rpc::BadRequest>(status, "BadRequest");
  for (const auto& violation : refused.field_violations()) {
    violations.push_back({violation.field(), violation.description()});
  }
  return violations;
}

std::vector<std::string> DetailLines(const absl::Status& status) {
  std::vector<std::string> lines;
  const auto add = [&](const std::string& subject, const std::string& description) {
    if (description.empty() || absl::StrContains(status.message(), description)) return;
    lines.push_back(subject.empty() ? description : absl::StrCat(subject, ": ", description));
  };
  for (const FieldViolation& violation : FieldViolations(status)) add(violation.field, violation.description);
  const auto resource = Find<rpc::ResourceInfo>(status, "ResourceInfo");
  add(resource.resource_name(), resource.description());
  const auto quota = Find<rpc::QuotaFailure>(status, "QuotaFailure");
  for (const auto& violation : quota.violations()) {
    add(violation.subject(), violation.description());
  }
  const auto precondition = Find<rpc::PreconditionFailure>(status, "PreconditionFailure");
  for (const auto& violation : precondition.violations()) {
    add(violation.subject(), violation.description());
  }
  return lines;
}

}  // namespace cvxnn::client
