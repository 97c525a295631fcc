// SPDX-License-Identifier: Apache-2.0
// The flags that say where the server is, how it is spoken to, and who asks.
#pragma once

#include <absl/status/statusor.h>

#include <CLI/CLI.hpp>
#include <string>

#include "client/cpp/client.h"
#include "client/cpp/tls.h"

namespace cvxnn::command {

struct ConnectionFlags {
  std::string server = "127.0.0.1:50051";
  bool tls = false;        ///< with the authorities that this machine trusts
  client::TlsFiles files;  ///< any of them: TLS
  std::string token_file;

  bool UsesTls() const;
};

/// Adds --server and those below it; `flags` must outlive the parser.
void AddConnectionFlags(CLI::App& app, ConnectionFlags& flags);

/// Credentials and token of `flags`. The token is the first line of its file or, without one, what CVXNN_TOKEN holds.
/// INVALID_ARGUMENT naming the flag: a file that cannot be read or is empty, and as client::TlsCredentials.
absl::StatusOr<client::ConnectOptions> ToConnectOptions(const ConnectionFlags& flags);

}  // namespace cvxnn::command
