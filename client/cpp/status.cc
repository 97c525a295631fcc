// SPDX-License-Identifier: Apache-2.0
// Reads google.rpc details by their field numbers (googleapis, google/rpc/status.proto and error_details.proto), which
// needs no generated code and so cannot register the same descriptors twice with another library that has them.
#include "client/cpp/status.h"

#include <absl/strings/cord.h>
#include <absl/strings/str_cat.h>
#include <google/protobuf/unknown_field_set.h>

#include <functional>

namespace cvxnn::client {
namespace {

using google::protobuf::UnknownFieldSet;

constexpr char kBadRequest[] = "type.googleapis.com/google.rpc.BadRequest";
constexpr char kResourceInfo[] = "type.googleapis.com/google.rpc.ResourceInfo";
constexpr char kQuotaFailure[] = "type.googleapis.com/google.rpc.QuotaFailure";
constexpr char kPreconditionFailure[] = "type.googleapis.com/google.rpc.PreconditionFailure";

/// Calls `visit` with the bytes of every occurrence of a string, bytes or message field.
void ForEach(const std::string& message, int number, const std::function<void(const std::string&)>& visit) {
  UnknownFieldSet fields;
  if (!fields.ParseFromString(message)) return;
  for (int i = 0; i < fields.field_count(); ++i) {
    const auto& field = fields.field(i);
    if (field.number() == number && field.type() == google::protobuf::UnknownField::TYPE_LENGTH_DELIMITED) {
      visit(field.length_delimited());
    }
  }
}

std::string Text(const std::string& message, int number) {
  std::string text;
  ForEach(message, number, [&](const std::string& value) { text = value; });
  return text;
}

std::string Payload(const absl::Status& status, const char* type_url) {
  auto payload = status.GetPayload(type_url);
  return payload.has_value() ? std::string(*payload) : std::string();
}

}  // namespace

absl::Status ToAbslStatus(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  absl::Status result(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
  constexpr int kStatusDetails = 3;
  ForEach(status.error_details(), kStatusDetails, [&](const std::string& any) {
    const std::string type_url = Text(any, 1);
    if (!type_url.empty() && !result.GetPayload(type_url).has_value()) {
      result.SetPayload(type_url, absl::Cord(Text(any, 2)));
    }
  });
  return result;
}

std::vector<FieldViolation> FieldViolations(const absl::Status& status) {
  std::vector<FieldViolation> violations;
  ForEach(Payload(status, kBadRequest), 1, [&](const std::string& violation) {
    violations.push_back({Text(violation, 1), Text(violation, 2)});
  });
  return violations;
}

std::vector<std::string> DetailLines(const absl::Status& status) {
  std::vector<std::string> lines;
  const std::string message(status.message());
  const auto add = [&](const std::string& subject, const std::string& description) {
    if (subject.empty() && description.empty()) return;
    if (!description.empty() && message.find(description) != std::string::npos) return;
    lines.push_back(subject.empty() ? description : absl::StrCat(subject, ": ", description));
  };
  for (const FieldViolation& violation : FieldViolations(status)) add(violation.field, violation.description);
  const std::string resource = Payload(status, kResourceInfo);
  if (message.find(Text(resource, 2)) == std::string::npos) add(Text(resource, 2), Text(resource, 4));
  ForEach(Payload(status, kQuotaFailure), 1,
          [&](const std::string& violation) { add(Text(violation, 1), Text(violation, 2)); });
  ForEach(Payload(status, kPreconditionFailure), 1,
          [&](const std::string& violation) { add(Text(violation, 2), Text(violation, 3)); });
  return lines;
}

}  // namespace cvxnn::client
