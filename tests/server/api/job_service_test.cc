// SPDX-License-Identifier: Apache-2.0
// Submitting jobs: what is refused and why, retries, lists, and what holds a data set.
#include <gmock/gmock.h>

#include <limits>

#include "tests/server/api/server_fixture.h"

namespace cvxnn::server {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

class JobServiceTest : public ServerTest {
 protected:
  void SetUp() override {
    ServerTest::SetUp();
    Start();
    dataset_ = Spirals("s");
  }
  int JobsListed() {
    grpc::ClientContext context;
    v1::ListJobsResponse list;
    EXPECT_TRUE(jobs_->ListJobs(&context, {}, &list).ok());
    return list.jobs_size();
  }
  std::string dataset_;
};

TEST_F(JobServiceTest, RefusesASpecFieldByField) {
  using Spoil = std::function<void(v1::CreateJobRequest*)>;
  const std::vector<std::pair<std::string, Spoil>> faults = {
      {"job.spec.beta", [](auto* r) { r->mutable_job()->mutable_spec()->set_beta(0); }},
      {"job.spec.beta", [](auto* r) { r->mutable_job()->mutable_spec()->set_beta(-1); }},
      {"job.spec.beta", [](auto* r) { r->mutable_job()->mutable_spec()->clear_regularization(); }},
      {"job.spec.beta_max_fraction", [](auto* r) { r->mutable_job()->mutable_spec()->set_beta_max_fraction(1.5); }},
      {"job.spec.dataset", [](auto* r) { r->mutable_job()->mutable_spec()->set_dataset("s"); }},
      {"job.spec.convex.patterns.sampled.count",
       [](auto* r) {
         r->mutable_job()->mutable_spec()->mutable_convex()->mutable_patterns()->mutable_sampled()->set_count(0);
       }},
      {"job.spec.stopping.max_epochs",
       [](auto* r) { r->mutable_job()->mutable_spec()->mutable_stopping()->set_max_epochs(-1); }},
      {"job.spec.stopping.tolerance",
       [](auto* r) { r->mutable_job()->mutable_spec()->mutable_stopping()->set_tolerance(1); }},
      {"job.spec.training", [](auto* r) { r->mutable_job()->mutable_spec()->clear_training(); }},
      {"job.spec.beta", [](auto* r) { r->mutable_job()->mutable_spec()->set_penalty(v1::PENALTY_NONE); }},
      {"job.spec.descent.learning_rate",
       [](auto* r) { r->mutable_job()->mutable_spec()->mutable_descent()->set_learning_rate(0); }},
      {"job.spec.device", [](auto* r) { r->mutable_job()->mutable_spec()->set_device("cuda:77"); }},
      {"job.experiment", [](auto* r) { r->mutable_job()->set_experiment("No!"); }},
      {"job.display_name", [](auto* r) { r->mutable_job()->set_display_name(std::string(201, 'x')); }},
      {"job.priority", [](auto* r) { r->mutable_job()->set_priority(1001); }},
      {"job.deadline", [](auto* r) { r->mutable_job()->mutable_deadline()->set_nanos(-1); }},
      {"job.deadline", [](auto* r) { r->mutable_job()->mutable_deadline()->set_seconds(1); }},
      {"job.ttl", [](auto* r) { r->mutable_job()->mutable_ttl()->set_nanos(999'999'999); }},
      {"job.ttl", [](auto* r) { r->mutable_job()->mutable_ttl()->set_seconds(315'360'001); }},
      {"job.labels", [](auto* r) { (*r->mutable_job()->mutable_labels())["UPPER"] = "x"; }},
      {"request_id", [](auto* r) { r->set_request_id("new\nline"); }},
      {"job", [](auto* r) { r->clear_job(); }}};
  for (const auto& [field, spoil] : faults) {
    SCOPED_TRACE(field);
    auto request = ConvexJob(dataset_);
    spoil(&request);
    v1::Job job;
    const grpc::Status status = Create(request, &job);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << status.error_message();
    EXPECT_THAT(ViolatedFields(status), Contains(field)) << status.error_message();
  }
  EXPECT_EQ(JobsListed(), 0);
}

TEST_F(JobServiceTest, ListsEveryFaultAtOnce) {
  auto request = ConvexJob(dataset_);
  request.mutable_job()->mutable_spec()->set_beta(-1);
  request.mutable_job()->mutable_spec()->mutable_stopping()->set_max_seconds(-2);
  request.mutable_job()->mutable_spec()->set_device("cuda:77");
  request.mutable_job()->set_experiment("!");
  v1::Job job;
  const grpc::Status status = Create(request, &job);
  EXPECT_THAT(ViolatedFields(status), UnorderedElementsAre("job.spec.beta", "job.spec.stopping.max_seconds",
                                                           "job.spec.device", "job.experiment"));
  EXPECT_THAT(status.error_message(), HasSubstr("device = \"cuda:77\": must be one of cpu"));
}

TEST_F(JobServiceTest, NamesTheFieldOfWhatDoesNotFitTheDataSet) {
  v1::GenerateDatasetRequest blobs;
  blobs.set_dataset_id("three-outputs");
  blobs.mutable_blobs()->set_rows(30);
  blobs.mutable_blobs()->set_cols(2);
  grpc::ClientContext context;
  v1::Dataset dataset;
  ASSERT_TRUE(datasets_->GenerateDataset(&context, blobs, &dataset).ok());
  auto request = ConvexJob(dataset.name());
  request.mutable_job()->mutable_spec()->set_loss(v1::LOSS_LOGISTIC);
  v1::Job job;
  const grpc::Status status = Create(request, &job);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(ViolatedFields(status), ElementsAre("job.spec.loss"));
}

TEST_F(JobServiceTest, RefusesNumbersThatAreNotFinite) {
  for (const double value : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    for (const bool descent : {false, true}) {
      auto request = ConvexJob(dataset_);
      if (descent) request.mutable_job()->mutable_spec()->mutable_descent();
      request.mutable_job()->mutable_spec()->set_beta(value);
      v1::Job job;
      const grpc::Status status = Create(request, &job);
      EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
      EXPECT_THAT(ViolatedFields(status), ElementsAre("job.spec.beta"));
    }
  }
}

TEST_F(JobServiceTest, NamesAJobThatIsNotThere) {
  v1::GetJobRequest get;
  get.set_name("jobs/none");
  v1::DeleteJobRequest remove;
  remove.set_name("jobs/none");
  v1::Job job;
  google::protobuf::Empty empty;
  grpc::ClientContext get_context, delete_context, again_context;
  const grpc::Status got = jobs_->GetJob(&get_context, get, &job);
  EXPECT_EQ(got.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_THAT(got.error_message(), HasSubstr("jobs/none"));
  EXPECT_EQ(jobs_->DeleteJob(&delete_context, remove, &empty).error_code(), grpc::StatusCode::NOT_FOUND);
  remove.set_allow_missing(true);
  EXPECT_TRUE(jobs_->DeleteJob(&again_context, remove, &empty).ok());
}

TEST_F(JobServiceTest, SaysWhatIsNotBuilt) {
  auto request = ConvexJob(dataset_);
  request.mutable_job()->mutable_spec()->mutable_descent();
  request.mutable_job()->mutable_spec()->set_penalty(v1::PENALTY_L1);
  v1::Job job;
  const grpc::Status status = Create(request, &job);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNIMPLEMENTED);
  EXPECT_THAT(status.error_message(), HasSubstr("penalty = PENALTY_L1"));
  EXPECT_THAT(status.error_message(), HasSubstr("PENALTY_WEIGHT_DECAY"));
  EXPECT_THAT(ViolatedFields(status), ElementsAre("job.spec.penalty"));
}

TEST_F(JobServiceTest, NamesADataSetThatIsNotThere) {
  v1::Job job;
  const grpc::Status status = Create(ConvexJob("datasets/none"), &job);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_THAT(status.error_message(), HasSubstr("datasets/none"));
}

TEST_F(JobServiceTest, AnswersARepeatedRequestWithTheSameJob) {
  auto request = ConvexJob(dataset_, 2);
  request.set_request_id("11111111-2222");
  const std::string first = CreateOk(request);
  EXPECT_EQ(CreateOk(request), first);
  Finished(first);
  EXPECT_EQ(CreateOk(request), first);
  // Also when the data set is gone by then.
  grpc::ClientContext context;
  v1::DeleteDatasetRequest remove;
  remove.set_name(dataset_);
  google::protobuf::Empty empty;
  ASSERT_TRUE(datasets_->DeleteDataset(&context, remove, &empty).ok());
  EXPECT_EQ(CreateOk(request), first);
}

TEST_F(JobServiceTest, SaysHowMuchMemoryAJobNeeds) {
  auto request = ConvexJob(dataset_);
  request.set_validate_only(true);
  v1::Job asked;
  ASSERT_TRUE(Create(request, &asked).ok());
  EXPECT_GT(asked.memory().dataset_bytes(), 0);
  EXPECT_GT(asked.memory().host_bytes(), 0);
  EXPECT_EQ(asked.memory().device_bytes(), 0);
  request.set_validate_only(false);
  v1::Job created;
  ASSERT_TRUE(Create(request, &created).ok());
  EXPECT_EQ(created.memory().SerializeAsString(), asked.memory().SerializeAsString());
}

TEST_F(JobServiceTest, RefusesWhatNoMemoryHereCouldHold) {
  v1::CreateJobRequest request;
  request.mutable_job()->mutable_spec()->set_dataset(dataset_);
  request.mutable_job()->mutable_spec()->set_beta(0.1);
  auto* descent = request.mutable_job()->mutable_spec()->mutable_descent();
  descent->set_neurons(1'000'000);
  descent->set_trials(10'000);
  for (const bool validate_only : {true, false}) {
    request.set_validate_only(validate_only);
    v1::Job job;
    const grpc::Status status = Create(request, &job);
    ASSERT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED) << status.error_message();
    rpc::Status details;
    ASSERT_TRUE(details.ParseFromString(status.error_details()));
    ASSERT_EQ(details.details_size(), 1);
    EXPECT_EQ(details.details(0).type_url(), "type.googleapis.com/google.rpc.ErrorInfo");
    rpc::ErrorInfo info;
    ASSERT_TRUE(info.ParseFromString(details.details(0).value()));
    EXPECT_EQ(info.reason(), "MEMORY_SHORTAGE");
    EXPECT_EQ(info.metadata().at("device"), "cpu");
    EXPECT_GT(std::stod(info.metadata().at("needed_bytes")), std::stod(info.metadata().at("free_bytes")));
  }
  EXPECT_EQ(JobsListed(), 0);
}

TEST_F(JobServiceTest, KeepsPriorityDeadlineAndTtl) {
  auto request = ConvexJob(dataset_);
  request.set_request_id("scheduled");
  request.mutable_job()->set_priority(-1000);
  request.mutable_job()->mutable_deadline()->set_seconds(absl::ToUnixSeconds(absl::Now() + absl::Hours(1)));
  request.mutable_job()->mutable_ttl()->set_seconds(315'360'000);
  v1::Job created;
  ASSERT_TRUE(Create(request, &created).ok());
  EXPECT_EQ(created.priority(), -1000);
  EXPECT_EQ(created.deadline().seconds(), request.job().deadline().seconds());
  EXPECT_EQ(created.ttl().seconds(), 315'360'000);
  EXPECT_FALSE(created.has_expire_time());
  v1::Job again;
  ASSERT_TRUE(Create(request, &again).ok());
  EXPECT_EQ(again.name(), created.name());
  request.mutable_job()->set_priority(0);
  EXPECT_EQ(Create(request, &again).error_code(), grpc::StatusCode::ALREADY_EXISTS);
}

TEST_F(JobServiceTest, AnswersARepeatedRequestThoughItsDeadlineHasPassed) {
  auto request = ConvexJob(dataset_);
  request.set_request_id("short");
  const absl::Time deadline = absl::Now() + absl::Seconds(1);
  request.mutable_job()->mutable_deadline()->set_seconds(absl::ToUnixSeconds(deadline) + 1);
  v1::Job created;
  ASSERT_TRUE(Create(request, &created).ok());
  while (absl::ToUnixSeconds(absl::Now()) <= request.job().deadline().seconds()) absl::SleepFor(absl::Milliseconds(20));
  v1::Job again;
  ASSERT_TRUE(Create(request, &again).ok());
  EXPECT_EQ(again.name(), created.name());
}

TEST_F(JobServiceTest, RefusesARequestIdWithAnotherBody) {
  auto request = ConvexJob(dataset_, 2);
  request.set_request_id("once");
  CreateOk(request);
  request.mutable_job()->mutable_spec()->set_seed(7);
  v1::Job job;
  const grpc::Status status = Create(request, &job);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::ALREADY_EXISTS);
  EXPECT_THAT(status.error_message(), HasSubstr("once"));
  EXPECT_EQ(JobsListed(), 1);
}

TEST_F(JobServiceTest, ValidatesARequestWhoseIdWasUsed) {
  auto request = ConvexJob(dataset_, 2);
  request.set_request_id("used");
  CreateOk(request);
  request.set_validate_only(true);
  request.mutable_job()->mutable_spec()->set_seed(7);
  v1::Job job;
  ASSERT_TRUE(Create(request, &job).ok());
  EXPECT_EQ(job.name(), "");
  EXPECT_EQ(job.spec().seed(), 7u);
  EXPECT_EQ(JobsListed(), 1);
}

TEST_F(JobServiceTest, ValidateOnlyCreatesNothingAndShowsTheDefaults) {
  auto request = ConvexJob(dataset_);
  request.mutable_job()->mutable_spec()->clear_stopping();
  request.set_validate_only(true);
  v1::Job job;
  ASSERT_TRUE(Create(request, &job).ok());
  EXPECT_EQ(job.name(), "");
  EXPECT_EQ(job.spec().stopping().max_epochs(), 1000);
  EXPECT_EQ(job.spec().loss(), v1::LOSS_SQUARED);
  EXPECT_EQ(job.spec().device(), "cpu");
  EXPECT_EQ(JobsListed(), 0);
}

TEST_F(JobServiceTest, ListsByFilterInPages) {
  for (int i = 0; i < 3; ++i) {
    auto request = ConvexJob(dataset_, 1);
    request.mutable_job()->set_experiment(i == 0 ? "first" : "others");
    CreateOk(request);
  }
  v1::ListJobsRequest request;
  request.mutable_filter()->set_experiment("others");
  request.set_page_size(1);
  std::vector<std::string> names;
  do {
    grpc::ClientContext context;
    v1::ListJobsResponse page;
    ASSERT_TRUE(jobs_->ListJobs(&context, request, &page).ok());
    ASSERT_EQ(page.jobs_size(), 1);
    names.push_back(page.jobs(0).name());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  EXPECT_EQ(names.size(), 2u);
  request.set_page_token("nonsense");
  grpc::ClientContext context;
  v1::ListJobsResponse page;
  EXPECT_EQ(jobs_->ListJobs(&context, request, &page).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(JobServiceTest, KeepsADataSetThatAJobUsesAndAJobThatRuns) {
  Stop();
  auto gate = std::make_shared<std::atomic<std::int64_t>>(0);
  options_.trainer = CountingTrainer(1, gate);
  Start();
  const std::string job = CreateOk(ConvexJob(dataset_));
  v1::DeleteDatasetRequest remove;
  remove.set_name(dataset_);
  google::protobuf::Empty empty;
  {
    grpc::ClientContext context;
    const grpc::Status status = datasets_->DeleteDataset(&context, remove, &empty);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
    EXPECT_THAT(status.error_message(), HasSubstr(job));
  }
  {
    grpc::ClientContext context;
    v1::DeleteJobRequest request;
    request.set_name(job);
    EXPECT_EQ(jobs_->DeleteJob(&context, request, &empty).error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  }
  *gate = 10;
  Finished(job);
  grpc::ClientContext context;
  EXPECT_TRUE(datasets_->DeleteDataset(&context, remove, &empty).ok());
}

TEST_F(JobServiceTest, SaysWhenTheQueueIsFull) {
  Stop();
  auto gate = std::make_shared<std::atomic<std::int64_t>>(0);
  options_.trainer = CountingTrainer(1, gate);
  options_.limits.max_queued_jobs = 1;
  Start();
  const std::string running = CreateOk(ConvexJob(dataset_));
  // The first has left the queue when its second record is there.
  Watch(running, 0, 2);
  CreateOk(ConvexJob(dataset_));
  v1::Job job;
  EXPECT_EQ(Create(ConvexJob(dataset_), &job).error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  *gate = 10;
}

}  // namespace
}  // namespace cvxnn::server
