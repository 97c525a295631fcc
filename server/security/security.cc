// SPDX-License-Identifier: Apache-2.0
// See security.h.
#include "server/security/security.h"

#include <absl/strings/str_cat.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>

#include <utility>

#include "server/security/certificates.h"
#include "server/security/principals_file.h"
#include "server/web/listen_address.h"

namespace cvxnn::server {
namespace {

// How often gRPC looks whether certificate, key or authorities changed.
constexpr unsigned int kRefreshSeconds = 1;

absl::StatusOr<bool> IsLoopback(const std::string& address, const std::string& flag) {
  auto parsed = ParseListenAddress(address, flag);
  if (!parsed.ok()) return parsed.status();
  const std::string& host = parsed->host;
  const bool dotted = host.find_first_not_of("0123456789.") == std::string::npos;
  return host == "localhost" || host == "[::1]" || (dotted && host.rfind("127.", 0) == 0);
}

absl::Status CheckTls(const SecurityOptions& options) {
  if (options.tls_certificate.empty() != options.tls_key.empty()) {
    return absl::InvalidArgumentError("tls-certificate and tls-key: must both be given, or neither");
  }
  if (!options.tls_certificate.empty()) {
    if (absl::Status pair = CheckKeyPair(options.tls_certificate, options.tls_key); !pair.ok()) return pair;
  }
  if (options.tls_client_ca.empty()) return absl::OkStatus();
  if (options.tls_certificate.empty()) {
    return absl::InvalidArgumentError("tls-client-ca: needs tls-certificate and tls-key");
  }
  return CheckAuthorities(options.tls_client_ca);
}

absl::Status CheckEnough(const std::string& listen, bool loopback, const SecurityOptions& options) {
  const bool tls = !options.tls_certificate.empty();
  const bool knows_clients = !options.principals.empty() || !options.tls_client_ca.empty();
  if (!options.principals.empty() && !tls && !loopback) {
    return absl::InvalidArgumentError(absl::StrCat("principals: tokens must not travel in plain text, and listen = \"",
                                                   listen,
                                                   "\" is not a loopback address: give tls-certificate and tls-key"));
  }
  if (loopback || options.insecure || (tls && knows_clients)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "listen = \"", listen,
      "\": must be a loopback address (127.0.0.1, [::1], localhost), or --tls-certificate and --tls-key with "
      "--principals or --tls-client-ca; --insecure listens anyway, for networks that are trusted entirely"));
}

std::shared_ptr<grpc::ServerCredentials> TlsCredentials(const SecurityOptions& options) {
  namespace tls = grpc::experimental;
  tls::TlsServerCredentialsOptions credentials(std::make_shared<tls::FileWatcherCertificateProvider>(
      options.tls_key, options.tls_certificate, options.tls_client_ca, kRefreshSeconds));
  credentials.watch_identity_key_cert_pairs();
  if (!options.tls_client_ca.empty()) {
    credentials.watch_root_certs();
    credentials.set_cert_request_type(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  }
  return tls::TlsServerCredentials(credentials);
}

}  // namespace

absl::Status CheckPlainAddress(const std::string& address, bool insecure, const std::string& flag) {
  const auto loopback = IsLoopback(address, flag);
  if (!loopback.ok()) return loopback.status();
  if (*loopback || insecure) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(flag, " = \"", address,
                                                 "\": must be a loopback address (127.0.0.1, [::1], localhost); "
                                                 "--insecure listens anyway, for networks that are trusted entirely"));
}

absl::StatusOr<Security> Guard(const std::string& listen, const SecurityOptions& options) {
  const auto loopback = IsLoopback(listen, "listen");
  if (!loopback.ok()) return loopback.status();
  if (absl::Status tls = CheckTls(options); !tls.ok()) return tls;
  if (absl::Status enough = CheckEnough(listen, *loopback, options); !enough.ok()) return enough;
  Security security;
  if (!options.principals.empty()) {
    auto file = PrincipalsFile::Open(options.principals);
    if (!file.ok()) return file.status();
    if ((*file)->Now()->any_certificate() && options.tls_client_ca.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat(options.principals, ": names principals by certificate, which needs tls-client-ca"));
    }
    security.authenticator = std::make_shared<Authenticator>(*std::move(file));
  }
  if (!options.tls_certificate.empty()) {
    security.credentials = TlsCredentials(options);
  } else if (security.authenticator != nullptr) {
    // Plain text that only this machine can reach; unlike insecure credentials, they ask the authenticator.
    security.credentials = grpc::experimental::LocalServerCredentials(LOCAL_TCP);
  } else {
    security.credentials = grpc::InsecureServerCredentials();
  }
  if (security.authenticator != nullptr) security.credentials->SetAuthMetadataProcessor(security.authenticator);
  return security;
}

}  // namespace cvxnn::server
