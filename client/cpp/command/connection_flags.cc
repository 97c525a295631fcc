// SPDX-License-Identifier: Apache-2.0
// See connection_flags.h.
#include "client/cpp/command/connection_flags.h"

#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>

#include <cstdlib>
#include <fstream>
#include <utility>

namespace cvxnn::command {
namespace {

/// A token in the arguments could be read by everybody in the list of processes, so no flag takes one.
absl::StatusOr<std::string> Token(const std::string& path) {
  if (path.empty()) {
    const char* token = std::getenv("CVXNN_TOKEN");
    return token == nullptr ? std::string() : std::string(absl::StripAsciiWhitespace(token));
  }
  std::ifstream file(path);
  if (!file) return absl::InvalidArgumentError(absl::StrCat("--token-file: ", path, ": cannot be opened"));
  std::string line;
  std::getline(file, line);
  std::string token(absl::StripAsciiWhitespace(line));
  if (token.empty()) return absl::InvalidArgumentError(absl::StrCat("--token-file: ", path, " holds no token"));
  return token;
}

}  // namespace

bool ConnectionFlags::UsesTls() const {
  return tls || !files.authorities.empty() || !files.certificate.empty() || !files.key.empty();
}

void AddConnectionFlags(CLI::App& app, ConnectionFlags& flags) {
  app.add_option("--server", flags.server, "Address of the server")->envname("CVXNN_SERVER")->capture_default_str();
  app.add_flag("--tls", flags.tls, "Speak TLS, trusting whom this machine trusts");
  app.add_option("--tls-ca", flags.files.authorities, "Speak TLS, trusting the authorities in this PEM file")
      ->envname("CVXNN_TLS_CA");
  app.add_option("--tls-certificate", flags.files.certificate, "PEM file: the certificate to show to the server")
      ->envname("CVXNN_TLS_CLIENT_CERTIFICATE");
  app.add_option("--tls-key", flags.files.key, "PEM file: the key of that certificate")
      ->envname("CVXNN_TLS_CLIENT_KEY");
  app.add_option("--token-file", flags.token_file,
                 "File whose first line is the token to show; without it CVXNN_TOKEN is the token");
}

absl::StatusOr<client::ConnectOptions> ToConnectOptions(const ConnectionFlags& flags) {
  client::ConnectOptions options;
  const client::TlsFiles& files = flags.files;
  if (flags.UsesTls()) {
    auto credentials = client::TlsCredentials(files);
    if (!credentials.ok()) return credentials.status();
    options.credentials = *std::move(credentials);
  }
  auto token = Token(flags.token_file);
  if (!token.ok()) return token.status();
  options.token = *std::move(token);
  return options;
}

}  // namespace cvxnn::command
