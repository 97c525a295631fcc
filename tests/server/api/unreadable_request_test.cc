// SPDX-License-Identifier: Apache-2.0
// Bytes that are no request.
#include "server/api/unreadable_request.h"

#include <absl/synchronization/notification.h>
#include <gmock/gmock.h>
#include <grpcpp/generic/generic_stub.h>

#include "tests/server/api/server_fixture.h"

namespace cvxnn::server {
namespace {

class UnreadableRequest : public ServerTest {
 protected:
  grpc::Status Call(const std::string& method, const std::string& bytes) {
    const grpc::Slice slice(bytes);
    const grpc::ByteBuffer request(&slice, 1);
    grpc::ByteBuffer response;
    grpc::ClientContext context;
    grpc::GenericStub stub(channel_);
    absl::Notification answered;
    grpc::Status status;
    stub.UnaryCall(&context, method, {}, &request, &response, [&](grpc::Status got) {
      status = std::move(got);
      answered.Notify();
    });
    answered.WaitForNotification();
    return status;
  }
};

TEST_F(UnreadableRequest, IsAnInvalidArgument) {
  Start();
  v1::GetJobRequest request;
  request.set_name("jobs/none");
  const std::string readable = request.SerializeAsString();
  EXPECT_EQ(Call("/cvxnn.v1.JobService/GetJob", readable).error_code(), grpc::StatusCode::NOT_FOUND);

  std::string not_utf8 = readable;
  not_utf8.back() = '\xff';
  for (const char* method : {"/cvxnn.v1.JobService/GetJob", "/cvxnn.v1.JobService/WatchJob"}) {
    for (const std::string& bytes : {not_utf8, std::string(100, '\xff'), readable.substr(0, 5)}) {
      const grpc::Status status = Call(method, bytes);
      EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << method;
      EXPECT_THAT(status.error_message(), testing::HasSubstr("not UTF-8")) << method;
    }
  }
}

TEST_F(UnreadableRequest, IsNotAMethodThatThereIsNot) {
  Start();
  EXPECT_EQ(Call("/cvxnn.v1.JobService/Nothing", "").error_code(), grpc::StatusCode::UNIMPLEMENTED);
}

}  // namespace
}  // namespace cvxnn::server
