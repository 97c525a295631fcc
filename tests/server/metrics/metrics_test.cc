// SPDX-License-Identifier: Apache-2.0
// Metrics of a real server, as Prometheus would scrape them.
#include <SQLiteCpp/SQLiteCpp.h>
#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_split.h>
#include <gmock/gmock.h>
#include <grpcpp/generic/generic_stub.h>

#include <future>

#include "tests/server/api/server_fixture.h"

namespace cvxnn::server {
namespace {

class MetricsTest : public ServerTest {
 protected:
  // The value of a sample, by its name and labels as they are written; absent samples are -1.
  double ValueOf(const std::string& sample) const {
    for (const auto line : absl::StrSplit(server_->Metrics(), '\n')) {
      double value = 0;
      if (absl::StartsWith(line, sample + " ") && absl::SimpleAtod(line.substr(sample.size() + 1), &value)) {
        return value;
      }
    }
    return -1;
  }
  // An RPC's status may reach the client a moment before its interceptor is gone.
  void WaitForValue(const std::string& sample, double value) const {
    while (ValueOf(sample) != value) absl::SleepFor(absl::Milliseconds(1));
  }
};

std::string Rpc(const char* name, const char* method, const std::string& code = "") {
  return absl::StrCat(name, "{", code.empty() ? "" : "grpc_code=\"" + code + "\",", "grpc_method=\"", method,
                      "\",grpc_service=\"cvxnn.v1.JobService\",grpc_type=\"unary\"}");
}

TEST_F(MetricsTest, CountsRpcsByMethodAndCode) {
  Start();
  for (int i = 0; i < 3; ++i) {
    v1::GetJobRequest request;
    request.set_name("jobs/none");
    v1::Job job;
    grpc::ClientContext context;
    EXPECT_EQ(v1::JobService::NewStub(channel_)->GetJob(&context, request, &job).error_code(),
              grpc::StatusCode::NOT_FOUND);
  }
  WaitForValue(Rpc("grpc_server_handled_total", "GetJob", "NotFound"), 3);
  EXPECT_EQ(ValueOf(Rpc("grpc_server_started_total", "GetJob")), 3);
  EXPECT_EQ(ValueOf(Rpc("grpc_server_msg_received_total", "GetJob")), 3);
  EXPECT_EQ(ValueOf(Rpc("grpc_server_msg_sent_total", "GetJob")), 0) << "no message beside the status";
  EXPECT_EQ(ValueOf(Rpc("grpc_server_handling_seconds_count", "GetJob")), 3);
  v1::ListJobsResponse jobs;
  grpc::ClientContext context;
  EXPECT_TRUE(v1::JobService::NewStub(channel_)->ListJobs(&context, {}, &jobs).ok());
  WaitForValue(Rpc("grpc_server_handled_total", "ListJobs", "OK"), 1);
  EXPECT_EQ(ValueOf(Rpc("grpc_server_msg_sent_total", "ListJobs")), 1);
}

TEST_F(MetricsTest, GiveNoLabelsToNamesThatClientsInvent) {
  Start();
  for (int i = 0; i < 20; ++i) {
    grpc::GenericStub stub(channel_);
    grpc::ClientContext context;
    const grpc::Slice empty;
    const grpc::ByteBuffer request(&empty, 1);
    grpc::ByteBuffer response;
    std::promise<void> done;
    stub.UnaryCall(&context, absl::StrCat("/invented.Service/Method", i), grpc::StubOptions(), &request, &response,
                   [&](const grpc::Status&) { done.set_value(); });
    done.get_future().wait();
  }
  EXPECT_THAT(server_->Metrics(), testing::Not(testing::HasSubstr("invented")));
}

TEST_F(MetricsTest, TellOfJobsThatCannotBeWritten) {
  Start();
  const std::string name = CreateOk(ConvexJob(Spirals("spirals"), 100'000'000));
  Watch(name, 0, 3);  // QUEUED, RUNNING and the first epochs
  EXPECT_EQ(ValueOf("cvxnn_unwritten_jobs"), 0);
  SQLite::Database database(options_.data_dir + "/cvxnn.sqlite3", SQLite::OPEN_READWRITE, 60'000);
  database.exec("CREATE TRIGGER full BEFORE INSERT ON job_events BEGIN SELECT RAISE(ABORT, 'disk full'); END");
  WaitForValue("cvxnn_unwritten_jobs", 1);
  database.exec("DROP TRIGGER full");
  v1::CancelJobRequest cancel;
  cancel.set_name(name);
  v1::Job job;
  grpc::ClientContext context;
  EXPECT_TRUE(jobs_->CancelJob(&context, cancel, &job).ok());
  EXPECT_EQ(Finished(name).state(), v1::JOB_STATE_CANCELLED);
  EXPECT_EQ(ValueOf("cvxnn_unwritten_jobs"), 0);
}

TEST_F(MetricsTest, TellTheStateOfTheServer) {
  Start();
  const double empty = ValueOf("cvxnn_stored_bytes{kind=\"datasets\"}");
  EXPECT_EQ(empty, 0);
  EXPECT_EQ(ValueOf("cvxnn_jobs{state=\"running\"}"), 0);
  EXPECT_EQ(ValueOf("cvxnn_epochs_total"), 0);
  EXPECT_GT(ValueOf("cvxnn_device_memory_total_bytes{device=\"cpu\"}"), 0);
  EXPECT_GT(ValueOf("cvxnn_disk_free_bytes"), 0);
  EXPECT_GT(ValueOf("cvxnn_start_time_seconds"), 1.7e9);
  EXPECT_THAT(server_->Metrics(), testing::HasSubstr("# TYPE cvxnn_epochs_total counter"));
  const std::string dataset = Spirals("spirals");
  EXPECT_GT(ValueOf("cvxnn_stored_bytes{kind=\"datasets\"}"), 0);
  const v1::Job job = Finished(CreateOk(ConvexJob(dataset)));
  EXPECT_EQ(ValueOf("cvxnn_jobs{state=\"succeeded\"}"), 1);
  EXPECT_EQ(ValueOf("cvxnn_epochs_total"), static_cast<double>(job.result().epochs()));
  EXPECT_GT(ValueOf("cvxnn_stored_bytes{kind=\"models\"}"), 0);
}

}  // namespace
}  // namespace cvxnn::server
