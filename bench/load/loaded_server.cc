// SPDX-License-Identifier: Apache-2.0
// See loaded_server.h.
#include "bench/load/loaded_server.h"

#include <absl/strings/str_cat.h>
#include <grpcpp/grpcpp.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>
#include <vector>

#include "bench/load/watcher.h"
#include "bench/must.h"

namespace cvxnn::bench {
namespace {

constexpr char kDataset[] = "datasets/load";
constexpr double kReportsPerSecond = 1000;
constexpr std::int64_t kPacingEpochs = 20000;
constexpr double kMostEpochs = 1e9;
constexpr int kUndisturbedSeconds = 8;

void Check(const grpc::Status& status, const char* what) {
  Require(status.ok(), absl::StrCat(what, ": ", status.error_message()));
}

}  // namespace

LoadedServer::LoadedServer(const std::string& binary, const std::string& folder)
    : process_({binary, "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--data-dir", folder + "/data", "--threads",
                "1", "--log-level", "off", "--drain-seconds", "0"}),
      jobs_(v1::JobService::NewStub(OwnConnection(process_.address()))) {
  v1::GenerateDatasetRequest request;
  request.set_dataset_id("load");
  request.mutable_gaussian()->set_rows(500);
  request.mutable_gaussian()->set_cols(10);
  request.mutable_gaussian()->set_label_rule(v1::LABEL_RULE_SIGN);
  grpc::ClientContext context;
  v1::Dataset dataset;
  Check(v1::DatasetService::NewStub(OwnConnection(address()))->GenerateDataset(&context, request, &dataset),
        "data set");
}

v1::JobSpec LoadedServer::PacedJob(double seconds) {
  v1::JobSpec spec;
  spec.set_dataset(kDataset);
  spec.set_beta(0.01);
  spec.set_loss_scale(v1::LOSS_SCALE_MEAN);
  spec.mutable_descent()->set_neurons(20);
  spec.mutable_descent()->set_learning_rate(1e-4);
  spec.mutable_descent()->mutable_optimizer()->mutable_adam();
  if (undisturbed_rate_ == 0) {
    // First how fast epochs are, then that pace as it is without watchers.
    spec.mutable_stopping()->set_max_epochs(kPacingEpochs);
    spec.mutable_descent()->mutable_reports()->set_every_epochs(kPacingEpochs / 20);
    const v1::Job pacing = WaitForEnd(Create(spec).name());
    every_epochs_ = std::max<std::int64_t>(1, std::llround(RateOf(pacing, 1) / kReportsPerSecond));
    undisturbed_rate_ = kReportsPerSecond;
    const JobClock clock(*this);
    const v1::Job undisturbed = WaitForEnd(Create(PacedJob(kUndisturbedSeconds)).name());
    undisturbed_rate_ = RateOf(undisturbed, every_epochs_);
    undisturbed_rate_of_run_ = undisturbed_rate_ * undisturbed.latest().seconds() / clock.time().ran;
  }
  spec.mutable_descent()->mutable_reports()->set_every_epochs(every_epochs_);
  const double epochs = seconds * undisturbed_rate_ * static_cast<double>(every_epochs_);
  spec.mutable_stopping()->set_max_epochs(std::llround(std::min(epochs, kMostEpochs)));
  return spec;
}

v1::Job LoadedServer::Create(const v1::JobSpec& spec) const {
  grpc::ClientContext context;
  v1::CreateJobRequest request;
  *request.mutable_job()->mutable_spec() = spec;
  v1::Job job;
  Check(jobs_->CreateJob(&context, request, &job), "CreateJob");
  return job;
}

v1::Job LoadedServer::Get(const std::string& name) const {
  grpc::ClientContext context;
  v1::GetJobRequest request;
  request.set_name(name);
  v1::Job job;
  Check(jobs_->GetJob(&context, request, &job), "GetJob");
  return job;
}

void LoadedServer::Cancel(const std::string& name) const {
  grpc::ClientContext context;
  v1::CancelJobRequest request;
  request.set_name(name);
  v1::Job job;
  Check(jobs_->CancelJob(&context, request, &job), "CancelJob");
}

v1::Job LoadedServer::WaitForEnd(const std::string& name) const {
  while (true) {
    v1::Job job = Get(name);
    if (job.has_end_time()) {
      Require(job.state() != v1::JOB_STATE_FAILED, job.error().message());
      return job;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

void LoadedServer::WaitForEpoch(const std::string& name, std::int64_t epoch) const {
  while (Get(name).latest().epoch() < epoch) std::this_thread::sleep_for(std::chrono::milliseconds(5));
}

double LoadedServer::Status(const char* field) const {
  std::ifstream file(absl::StrCat("/proc/", process_.pid(), "/status"));
  std::string word;
  double kibibytes = 0;
  while (file >> word) {
    if (word == field && file >> kibibytes) return kibibytes / 1024;
  }
  return 0;
}

double LoadedServer::processor_seconds() const {
  std::ifstream file(absl::StrCat("/proc/", process_.pid(), "/stat"));
  std::string text{std::istreambuf_iterator<char>(file), {}};
  std::istringstream fields(text.substr(text.rfind(')') + 2));
  std::string skipped;
  for (int i = 0; i < 11; ++i) fields >> skipped;
  double user = 0, system = 0;
  fields >> user >> system;
  return (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

std::map<int, LoadedServer::ThreadTime> LoadedServer::thread_times() const {
  std::map<int, ThreadTime> times;
  std::error_code ended;  // a thread, meanwhile
  for (const auto& task : std::filesystem::directory_iterator(absl::StrCat("/proc/", process_.pid(), "/task"), ended)) {
    std::ifstream file(task.path() / "schedstat");
    double ran = 0, waited = 0;  // nanoseconds
    if (file >> ran >> waited) times[std::stoi(task.path().filename())] = {ran * 1e-9, waited * 1e-9};
  }
  return times;
}

LoadedServer::ThreadTime JobClock::time() const {
  LoadedServer::ThreadTime busiest;
  for (const auto& [thread, now] : server_.thread_times()) {
    const auto before = begun_.find(thread);
    const LoadedServer::ThreadTime none;
    const LoadedServer::ThreadTime& from = before == begun_.end() ? none : before->second;
    if (now.ran - from.ran > busiest.ran) busiest = {now.ran - from.ran, now.waited - from.waited};
  }
  return busiest;
}

double RateOf(const v1::Job& job, std::int64_t every_epochs) {
  return static_cast<double>(job.latest().epoch()) / static_cast<double>(every_epochs) / job.latest().seconds();
}

}  // namespace cvxnn::bench
