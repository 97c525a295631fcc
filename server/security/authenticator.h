// SPDX-License-Identifier: Apache-2.0
// Says of each RPC who asks, and whether he may. gRPC calls it before the call reaches a service, reflection and
// channelz included.
#pragma once

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>
#include <grpcpp/security/auth_context.h>
#include <grpcpp/security/auth_metadata_processor.h>
#include <grpcpp/server_context.h>

#include <memory>
#include <optional>
#include <string>

#include "server/security/principals_file.h"
#include "server/security/role.h"

namespace cvxnn::server {

/// Thread-safe.
class Authenticator : public grpc::AuthMetadataProcessor {
 public:
  explicit Authenticator(std::unique_ptr<PrincipalsFile> file) : file_(std::move(file)) {}

  /// Who shows this `authorization` header ("Bearer TOKEN"; absent: none) or, without one, this verified certificate
  /// (its common name). UNAUTHENTICATED says what is missing or wrong, never what was shown.
  absl::StatusOr<Principal> Authenticate(std::optional<absl::string_view> authorization,
                                         std::optional<absl::string_view> common_name);

  /// Who made a call that Process let pass.
  absl::StatusOr<Principal> CallerOf(const grpc::CallbackServerContext& context);

  /// UNAUTHENTICATED as above; PERMISSION_DENIED naming principal, role and the role needed.
  grpc::Status Process(const InputMetadata& metadata, grpc::AuthContext* context, OutputMetadata* consumed,
                       OutputMetadata* response) override;
  /// Needs a hash and now and then a look at a small file.
  bool IsBlocking() const override { return false; }

 private:
  const std::unique_ptr<PrincipalsFile> file_;
};

}  // namespace cvxnn::server
