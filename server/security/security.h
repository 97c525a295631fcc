// SPDX-License-Identifier: Apache-2.0
// How the gRPC port is guarded: what was asked for, whether that is enough for the address, and the credentials that do
// it.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <grpcpp/security/server_credentials.h>

#include <memory>
#include <string>

#include "server/security/authenticator.h"

namespace cvxnn::server {

/// Files, each empty where it is not wanted.
struct SecurityOptions {
  std::string tls_certificate = {};  ///< PEM; with tls_key: TLS 1.2 or newer. Both are read anew when they change
  std::string tls_key = {};          ///< PEM, without a password, not open to everybody
  std::string tls_client_ca = {};    ///< PEM: clients must show a certificate signed by one of these (mutual TLS)
  std::string principals = {};       ///< see principals.h: who may ask what. Empty: everybody everything
  bool insecure = false;             ///< allows an address that is not loopback without TLS and principals
};

/// A guarded port.
struct Security {
  std::shared_ptr<grpc::ServerCredentials> credentials;
  std::shared_ptr<Authenticator> authenticator;  ///< null: everybody may ask everything
};

/// INVALID_ARGUMENT or FAILED_PRECONDITION naming the flag: files as in certificates.h and principals_file.h; one of
/// certificate and key without the other; client authorities without TLS; principals over plain text on an address that
/// is not loopback; principals known by certificate without client authorities; and an address that is not loopback
/// without both TLS and a way to know clients (principals or client authorities), unless `insecure`.
absl::StatusOr<Security> Guard(const std::string& listen, const SecurityOptions& options);

/// For the HTTP port, which speaks plain text and knows nobody: OK for "host:port" with a loopback host (localhost,
/// 127.0.0.0/8, ::1) or with `insecure`; INVALID_ARGUMENT otherwise, naming `flag`.
absl::Status CheckPlainAddress(const std::string& address, bool insecure, const std::string& flag);

}  // namespace cvxnn::server
