// SPDX-License-Identifier: Apache-2.0
// See tls.h.
#include "client/cpp/tls.h"

#include <absl/strings/str_cat.h>

#include <fstream>
#include <sstream>

namespace cvxnn::client {
namespace {

/// Nothing for no path.
absl::StatusOr<std::string> ReadPem(const std::string& path) {
  if (path.empty()) return std::string();
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (!(text << file.rdbuf())) return absl::InvalidArgumentError(absl::StrCat(path, ": cannot be read, or is empty"));
  return text.str();
}

}  // namespace

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> TlsCredentials(const TlsFiles& files) {
  if (files.certificate.empty() != files.key.empty()) {
    return absl::InvalidArgumentError("certificate and key: must both be given, or neither");
  }
  grpc::SslCredentialsOptions options;
  for (const auto& [path, text] :
       {std::pair(&files.authorities, &options.pem_root_certs), std::pair(&files.certificate, &options.pem_cert_chain),
        std::pair(&files.key, &options.pem_private_key)}) {
    auto pem = ReadPem(*path);
    if (!pem.ok()) return pem.status();
    *text = *std::move(pem);
  }
  return grpc::SslCredentials(options);
}

}  // namespace cvxnn::client
