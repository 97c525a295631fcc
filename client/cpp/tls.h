// SPDX-License-Identifier: Apache-2.0
// Credentials from certificate files, for ConnectOptions::credentials.
#pragma once

#include <absl/status/statusor.h>
#include <grpcpp/security/credentials.h>

#include <memory>
#include <string>

namespace cvxnn::client {

/// PEM files, each empty where it is not wanted.
struct TlsFiles {
  std::string authorities;  ///< who may have signed the server's certificate; empty: whom this machine trusts
  std::string certificate;  ///< shown to servers that ask for one; with key
  std::string key;
};

/// TLS 1.2 or newer. INVALID_ARGUMENT naming a file that cannot be read or is empty, or for one of certificate and key
/// without the other.
absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> TlsCredentials(const TlsFiles& files);

}  // namespace cvxnn::client
