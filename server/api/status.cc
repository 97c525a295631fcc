// SPDX-License-Identifier: Apache-2.0
// Statuses on their way out; see status.h.
#include "server/api/status.h"

#include <absl/strings/cord.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <cctype>

#include "cvxnn/rpc/error_details.pb.h"
#include "server/translate/utf8.h"
#include "server/translate/violations.h"

namespace cvxnn::server {
namespace {

// Trailers above gRPC's default limit of 8 KiB would turn the answer into a transport error.
constexpr std::size_t kMostMessageBytes = 2048;
constexpr std::size_t kMostDetailBytes = 4096;

// "a.b[2].c" at the beginning of "a.b[2].c = 3: …" or "a.b[2].c: …"; empty when the message begins otherwise.
std::string LeadingField(const std::string& message) {
  const auto end = std::find_if_not(message.begin(), message.end(), [](unsigned char c) {
    return std::islower(c) || std::isdigit(c) || c == '_' || c == '.' || c == '[' || c == ']';
  });
  const std::string field(message.begin(), end);
  const std::string rest(end, message.end());
  return rest.rfind(" = ", 0) == 0 || rest.rfind(": ", 0) == 0 ? field : "";
}

// "datasets/iris" at the beginning of the message, and what it is.
struct Resource {
  std::string name;
  std::string type;
};
Resource LeadingResource(const std::string& message) {
  for (const auto& [collection, type] :
       {std::pair{"datasets/", "cvxnn.v1.Dataset"}, {"jobs/", "cvxnn.v1.Job"}, {"models/", "cvxnn.v1.Model"}}) {
    if (message.rfind(collection, 0) != 0) continue;
    const auto end = std::find_if_not(message.begin(), message.end(), [](unsigned char c) {
      return std::islower(c) || std::isdigit(c) || c == '-' || c == '/';
    });
    return {std::string(message.begin(), end), type};
  }
  return {};
}

void AddDetail(rpc::Status* out, const std::string& type_url, const std::string& bytes) {
  if (out->ByteSizeLong() + bytes.size() > kMostDetailBytes) return;
  auto* detail = out->add_details();
  detail->set_type_url(type_url);
  detail->set_value(bytes);
}

void AddDerivedDetail(const absl::Status& status, const std::string& message, rpc::Status* out) {
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument: {
      const std::string field = LeadingField(message);
      if (field.empty() || status.GetPayload(kBadRequestUrl).has_value()) return;
      rpc::BadRequest details;
      details.add_field_violations()->set_field(field);
      details.mutable_field_violations(0)->set_description(message);
      return AddDetail(out, kBadRequestUrl, details.SerializeAsString());
    }
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kAlreadyExists: {
      const Resource resource = LeadingResource(message);
      if (resource.name.empty()) return;
      rpc::ResourceInfo details;
      details.set_resource_type(resource.type);
      details.set_resource_name(resource.name);
      details.set_description(message);
      return AddDetail(out, kResourceInfoUrl, details.SerializeAsString());
    }
    case absl::StatusCode::kFailedPrecondition: {
      rpc::PreconditionFailure details;
      auto* violation = details.add_violations();
      violation->set_type("STATE");
      violation->set_subject(LeadingResource(message).name);
      violation->set_description(message);
      return AddDetail(out, kPreconditionFailureUrl, details.SerializeAsString());
    }
    default:
      return;
  }
}

}  // namespace

grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  // Messages may quote files and paths that are not text.
  std::string message = ValidUtf8(std::string(status.message()));
  if (message.size() > kMostMessageBytes) message = ValidUtf8(message.substr(0, kMostMessageBytes)) + "…";
  rpc::Status details;
  details.set_code(static_cast<int>(status.code()));
  details.set_message(message);
  status.ForEachPayload([&](absl::string_view type_url, const absl::Cord& payload) {
    AddDetail(&details, std::string(type_url), std::string(payload));
  });
  AddDerivedDetail(status, message, &details);
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), message,
                      details.details().empty() ? std::string() : details.SerializeAsString());
}

absl::Status WithRetryDelay(absl::Status status, std::int64_t seconds) {
  rpc::RetryInfo details;
  details.mutable_retry_delay()->set_seconds(seconds);
  status.SetPayload(kRetryInfoUrl, absl::Cord(details.SerializeAsString()));
  return status;
}

absl::Status TooManyWaiting() {
  constexpr std::int64_t kRetrySeconds = 1;
  return WithRetryDelay(absl::UnavailableError("too many requests are waiting: try again later"), kRetrySeconds);
}

std::string CodeName(absl::StatusCode code) { return absl::StatusCodeToString(code); }

}  // namespace cvxnn::server
