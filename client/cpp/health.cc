// SPDX-License-Identifier: Apache-2.0
// Calls the health service without generated code: its request is one string, its answer one enum (grpc/health/v1), and
// gRPC's own library already registers these messages in programs that also serve.
#include "client/cpp/health.h"

#include <google/protobuf/unknown_field_set.h>
#include <grpcpp/client_context.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/byte_buffer.h>

#include <future>
#include <vector>

#include "client/cpp/status.h"

namespace cvxnn::client {
namespace {

constexpr int kServiceField = 1;
constexpr int kStatusField = 1;
constexpr std::uint64_t kServing = 1;

}  // namespace

absl::StatusOr<bool> CheckServingStatus(const std::shared_ptr<grpc::Channel>& channel, const std::string& service,
                                        absl::Time deadline) {
  google::protobuf::UnknownFieldSet request;
  if (!service.empty()) request.AddLengthDelimited(kServiceField, service);
  std::string request_bytes;
  request.SerializeToString(&request_bytes);
  const grpc::Slice slice(request_bytes);
  const grpc::ByteBuffer request_buffer(&slice, 1);

  grpc::ByteBuffer response_buffer;
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(deadline));
  std::promise<grpc::Status> finished;
  grpc::GenericStub(channel).UnaryCall(&context, "/grpc.health.v1.Health/Check", grpc::StubOptions(), &request_buffer,
                                       &response_buffer,
                                       [&](grpc::Status status) { finished.set_value(std::move(status)); });
  const grpc::Status status = finished.get_future().get();
  if (!status.ok()) return ToAbslStatus(status);

  std::vector<grpc::Slice> slices;
  if (!response_buffer.Dump(&slices).ok()) return absl::InternalError("unreadable answer of the health service");
  std::string response_bytes;
  for (const grpc::Slice& part : slices) {
    response_bytes.append(reinterpret_cast<const char*>(part.begin()), part.size());
  }
  google::protobuf::UnknownFieldSet response;
  if (!response.ParseFromString(response_bytes)) {
    return absl::InternalError("unreadable answer of the health service");
  }
  bool serving = false;
  for (int i = 0; i < response.field_count(); ++i) {
    const auto& field = response.field(i);
    if (field.number() == kStatusField && field.type() == google::protobuf::UnknownField::TYPE_VARINT) {
      serving = field.varint() == kServing;
    }
  }
  return serving;
}

}  // namespace cvxnn::client
