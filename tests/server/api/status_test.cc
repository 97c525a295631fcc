// SPDX-License-Identifier: Apache-2.0
// Statuses on their way out carry google.rpc details.
#include "server/api/status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cvxnn/rpc/error_details.pb.h"
#include "server/translate/violations.h"

namespace cvxnn::server {
namespace {

rpc::Status Details(const absl::Status& status) {
  rpc::Status details;
  EXPECT_TRUE(details.ParseFromString(ToGrpcStatus(status).error_details()));
  EXPECT_EQ(details.code(), static_cast<int>(status.code()));
  return details;
}

TEST(ToGrpcStatus, KeepsCodeAndMessage) {
  EXPECT_TRUE(ToGrpcStatus(absl::OkStatus()).ok());
  const grpc::Status status = ToGrpcStatus(absl::DataLossError("gone"));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::DATA_LOSS);
  EXPECT_EQ(status.error_message(), "gone");
  EXPECT_EQ(status.error_details(), "");
}

TEST(ToGrpcStatus, ListsEveryViolationWithItsPath) {
  Violations violations("job.spec.");
  violations.Invalid("beta", -1, "must be > 0");
  violations.Wrong("training", "required");
  const absl::Status status = violations.ToStatus();
  EXPECT_EQ(status.message(), "beta = -1: must be > 0; training: required");
  const rpc::Status details = Details(status);
  ASSERT_EQ(details.details_size(), 1);
  rpc::BadRequest bad;
  ASSERT_TRUE(bad.ParseFromString(details.details(0).value()));
  ASSERT_EQ(bad.field_violations_size(), 2);
  EXPECT_EQ(bad.field_violations(0).field(), "job.spec.beta");
  EXPECT_EQ(bad.field_violations(1).field(), "job.spec.training");
}

TEST(ToGrpcStatus, ReadsFieldAndResourceFromMessages) {
  rpc::BadRequest bad;
  ASSERT_TRUE(bad.ParseFromString(Details(absl::InvalidArgumentError("a.b[2] = 3: no")).details(0).value()));
  EXPECT_EQ(bad.field_violations(0).field(), "a.b[2]");
  rpc::ResourceInfo resource;
  ASSERT_TRUE(resource.ParseFromString(Details(absl::NotFoundError("jobs/x-1: no such job")).details(0).value()));
  EXPECT_EQ(resource.resource_name(), "jobs/x-1");
  EXPECT_EQ(resource.resource_type(), "cvxnn.v1.Job");
  rpc::PreconditionFailure failure;
  const rpc::Status details = Details(absl::FailedPreconditionError("datasets/d is used by jobs/j"));
  ASSERT_TRUE(failure.ParseFromString(details.details(0).value()));
  EXPECT_EQ(failure.violations(0).subject(), "datasets/d");
}

TEST(ToGrpcStatus, KeepsTrailersWithinTheirLimit) {
  Violations violations;
  for (int i = 0; i < 1000; ++i) violations.Invalid(std::string(100, 'f'), std::string(1000, '\xff'), "must not");
  const grpc::Status status = ToGrpcStatus(violations.ToStatus());
  EXPECT_LT(status.error_message().size() + status.error_details().size(), 8000u);
  EXPECT_THAT(ToGrpcStatus(violations.ToStatus()).error_message(), ::testing::Not(::testing::HasSubstr("\xff\xff")));
}

TEST(QuotaExceeded, NamesTheLimit) {
  rpc::QuotaFailure quota;
  ASSERT_TRUE(quota.ParseFromString(Details(QuotaExceeded("max_dataset_bytes", "too much")).details(0).value()));
  EXPECT_EQ(quota.violations(0).subject(), "max_dataset_bytes");
}

}  // namespace
}  // namespace cvxnn::server
