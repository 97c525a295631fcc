// SPDX-License-Identifier: Apache-2.0
// What becomes of calls that wait for a worker: those whose callers went away, and those that are too many.
#include "server/api/unary_call.h"

#include <grpcpp/server_builder.h>

#include <future>
#include <thread>

#include "tests/server/api/server_fixture.h"

namespace cvxnn::server {
namespace {

// Answers from a pool of one thread, which `release` frees.
class SlowService final : public v1::ServerService::CallbackService {
 public:
  // With `full` nothing more can wait for the thread.
  explicit SlowService(bool full) : pool_(1, 1) {
    std::promise<void> begun;
    EXPECT_TRUE(pool_.Submit([this, &begun] {
      begun.set_value();
      release_.get_future().wait();
    }));
    begun.get_future().wait();
    EXPECT_TRUE(!full || pool_.Submit([] {}));
  }
  grpc::ServerUnaryReactor* GetServerInfo(grpc::CallbackServerContext* context, const v1::GetServerInfoRequest*,
                                          v1::ServerInfo*) override {
    context_ = context;
    return AnswerFrom(&pool_, context, CallLog(Parts(), context, "test"), [this] {
      ++worked_;
      return absl::OkStatus();
    });
  }
  bool has_call() const { return context_ != nullptr; }
  // Waits until a call is known to have lost its caller, then lets the pool go on.
  void ReleaseAfterCancellation() {
    while (!context_.load()->IsCancelled()) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    release_.set_value();
  }
  void Release() { release_.set_value(); }
  int worked() const { return worked_; }

 private:
  std::promise<void> release_;
  std::atomic<grpc::CallbackServerContext*> context_ = nullptr;
  std::atomic<int> worked_ = 0;
  WorkerPool pool_;
};

class UnaryCallTest : public ::testing::Test {
 protected:
  void Start(SlowService* service) {
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(service);
    server_ = builder.BuildAndStart();
    ASSERT_NE(server_, nullptr);
    stub_ = v1::ServerService::NewStub(
        grpc::CreateChannel(absl::StrCat("127.0.0.1:", port), grpc::InsecureChannelCredentials()));
  }
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<v1::ServerService::Stub> stub_;
};

TEST_F(UnaryCallTest, DoesNothingForACallerThatWentAway) {
  SlowService service(false);
  Start(&service);
  v1::ServerInfo info;
  grpc::ClientContext context;
  std::promise<grpc::Status> done;
  const v1::GetServerInfoRequest request;
  stub_->async()->GetServerInfo(&context, &request, &info,
                                [&](grpc::Status status) { done.set_value(std::move(status)); });
  while (!service.has_call()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  context.TryCancel();
  EXPECT_EQ(done.get_future().get().error_code(), grpc::StatusCode::CANCELLED);
  service.ReleaseAfterCancellation();
  server_->Shutdown();
  EXPECT_EQ(service.worked(), 0);
}

TEST_F(UnaryCallTest, SaysWhenToComeBackWhenTooManyWait) {
  SlowService service(true);
  Start(&service);
  grpc::ClientContext context;
  v1::ServerInfo info;
  const grpc::Status status = stub_->GetServerInfo(&context, {}, &info);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  rpc::Status details;
  ASSERT_TRUE(details.ParseFromString(status.error_details()));
  ASSERT_EQ(details.details_size(), 1);
  EXPECT_EQ(details.details(0).type_url(), "type.googleapis.com/google.rpc.RetryInfo");
  service.Release();
  server_->Shutdown();
}

}  // namespace
}  // namespace cvxnn::server
