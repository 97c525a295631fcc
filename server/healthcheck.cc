// SPDX-License-Identifier: Apache-2.0
// See healthcheck.h. The health service's messages are not packaged with gRPC, so the call is made with bytes: an empty
// request asks for the server as a whole, and the answer's field 1 is the status, 1 for SERVING.
#include "server/healthcheck.h"

#include <absl/strings/str_cat.h>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_certificate_verifier.h>
#include <grpcpp/security/tls_credentials_options.h>

#include <chrono>
#include <future>
#include <utility>

namespace cvxnn::server {
namespace {

// Who the server is need not be proven to a probe on its own machine, which tells it nothing.
std::shared_ptr<grpc::ChannelCredentials> Credentials(const SecurityOptions& security) {
  if (security.tls_certificate.empty()) return grpc::InsecureChannelCredentials();
  namespace tls = grpc::experimental;
  tls::TlsChannelCredentialsOptions options;
  options.set_verify_server_certs(false);
  options.set_certificate_verifier(std::make_shared<tls::NoOpCertificateVerifier>());
  options.set_check_call_host(false);
  options.set_certificate_provider(
      std::make_shared<tls::FileWatcherCertificateProvider>(security.tls_key, security.tls_certificate, "", 1));
  options.watch_identity_key_cert_pairs();
  return tls::TlsCredentials(options);
}

}  // namespace

absl::Status CheckHealth(const std::string& address, const SecurityOptions& security) {
  grpc::ChannelArguments arguments;
  // The server is on this machine or next to it, whatever http_proxy says.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  grpc::GenericStub stub(grpc::CreateCustomChannel(address, Credentials(security), arguments));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(3));
  grpc::ByteBuffer response;
  std::promise<grpc::Status> done;
  const grpc::Slice empty;
  const grpc::ByteBuffer request(&empty, 1);
  stub.UnaryCall(&context, "/grpc.health.v1.Health/Check", grpc::StubOptions(), &request, &response,
                 [&done](grpc::Status status) { done.set_value(std::move(status)); });
  const grpc::Status status = done.get_future().get();
  if (!status.ok()) {
    return absl::Status(static_cast<absl::StatusCode>(status.error_code()),
                        absl::StrCat(address, ": ", status.error_message()));
  }
  grpc::Slice bytes;
  if (!response.DumpToSingleSlice(&bytes).ok()) return absl::InternalError("the answer cannot be read");
  constexpr unsigned char kServing[] = {0x08, 0x01};
  if (bytes.size() == 2 && bytes.begin()[0] == kServing[0] && bytes.begin()[1] == kServing[1]) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat(address, ": not serving"));
}

}  // namespace cvxnn::server
