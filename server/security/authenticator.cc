// SPDX-License-Identifier: Apache-2.0
// See authenticator.h.
#include "server/security/authenticator.h"

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <grpc/grpc_security_constants.h>

#include <utility>
#include <vector>

#include "server/log/log.h"

namespace cvxnn::server {
namespace {

absl::string_view View(const grpc::string_ref& text) { return {text.data(), text.size()}; }

/// The value of a header that stands once; absent when it is missing or stands more than once.
template <typename Metadata>
std::optional<absl::string_view> Header(const Metadata& metadata, const char* name) {
  if (metadata.count(name) != 1) return std::nullopt;
  return View(metadata.find(name)->second);
}

/// Common name of the client's certificate, which TLS has verified; absent without one.
std::optional<std::string> CommonName(const grpc::AuthContext& context) {
  const std::vector<grpc::string_ref> names = context.FindPropertyValues(GRPC_X509_CN_PROPERTY_NAME);
  if (names.size() != 1) return std::nullopt;
  return std::string(View(names.front()));
}

grpc::Status Refuse(absl::string_view path, const absl::Status& status) {
  LogEvent(LogLevel::kWarning, "refused", {{"rpc", std::string(path)}, {"error", std::string(status.message())}});
  return {static_cast<grpc::StatusCode>(status.code()), std::string(status.message())};
}

}  // namespace

absl::StatusOr<Principal> Authenticator::Authenticate(std::optional<absl::string_view> authorization,
                                                      std::optional<absl::string_view> common_name) {
  const std::shared_ptr<const Principals> principals = file_->Now();
  if (authorization.has_value()) {
    constexpr absl::string_view kScheme = "bearer ";
    if (!absl::StartsWithIgnoreCase(*authorization, kScheme)) {
      return absl::UnauthenticatedError("authorization: must be \"Bearer TOKEN\"");
    }
    auto principal = principals->WithToken(absl::StripAsciiWhitespace(authorization->substr(kScheme.size())));
    if (!principal.has_value()) return absl::UnauthenticatedError("authorization: the token is not known here");
    return *std::move(principal);
  }
  if (common_name.has_value()) {
    auto principal = principals->WithCertificate(*common_name);
    if (principal.has_value()) return *std::move(principal);
    return absl::UnauthenticatedError("the client certificate is valid, but its common name is not known here");
  }
  return absl::UnauthenticatedError("authorization: required, \"Bearer TOKEN\"");
}

absl::StatusOr<Principal> Authenticator::CallerOf(const grpc::CallbackServerContext& context) {
  std::optional<std::string> name;
  if (const auto connection = context.auth_context(); connection != nullptr) name = CommonName(*connection);
  return Authenticate(Header(context.client_metadata(), "authorization"), name);
}

grpc::Status Authenticator::Process(const InputMetadata& metadata, grpc::AuthContext* context, OutputMetadata*,
                                    OutputMetadata*) {
  const absl::string_view path = Header(metadata, ":path").value_or("");
  const std::optional<Role> needed = RequiredRole(path);
  if (!needed.has_value()) return grpc::Status::OK;
  const auto principal = Authenticate(Header(metadata, "authorization"), CommonName(*context));
  if (!principal.ok()) return Refuse(path, principal.status());
  if (principal->role >= *needed) return grpc::Status::OK;
  return Refuse(path, absl::PermissionDeniedError(absl::StrCat(principal->name, " is a ", Name(principal->role), ": ",
                                                               path, " needs a ", Name(*needed))));
}

}  // namespace cvxnn::server
