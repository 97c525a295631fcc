// SPDX-License-Identifier: Apache-2.0
// Specs that are right by themselves and do not fit the data set.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "server/translate/job_spec.h"

namespace cvxnn::server {
namespace {

TEST(CheckSpecFits, RefusesMoreTrainingRowsThanThereAre) {
  training::GradientDescent descent;
  descent.grid.training_rows = {3, 4};
  training::Spec spec;
  spec.method = descent;
  v1::Dataset dataset;
  dataset.mutable_features()->set_rows(3);
  Violations violations("job.spec.");
  CheckSpecFits(spec, dataset, &violations);
  EXPECT_EQ(std::string(violations.ToStatus().message()),
            "descent.grid.training_rows = 4: must be 1 to 3, the training rows of the data set");
}

TEST(CheckSpecFits, RefusesLossesThatCannotFitTheTask) {
  const auto fault = [](Loss loss, v1::Task task) {
    training::Spec spec;
    spec.method = training::GradientDescent();
    spec.loss = loss;
    v1::Dataset dataset;
    dataset.set_task(task);
    Violations violations("job.spec.");
    CheckSpecFits(spec, dataset, &violations);
    return std::string(violations.ToStatus().message());
  };
  EXPECT_THAT(fault(Loss::kLogistic, v1::TASK_MULTICLASS),
              ::testing::StartsWith("loss = \"LOSS_LOGISTIC\": needs targets -1 or +1"));
  EXPECT_THAT(fault(Loss::kCrossEntropy, v1::TASK_BINARY), ::testing::HasSubstr("LOSS_LOGISTIC fits"));
  EXPECT_THAT(fault(Loss::kCrossEntropy, v1::TASK_REGRESSION), ::testing::HasSubstr("needs one-hot targets"));
  EXPECT_EQ(fault(Loss::kHinge, v1::TASK_REGRESSION), "") << "the numbers decide";
  EXPECT_EQ(fault(Loss::kSquared, v1::TASK_MULTICLASS), "");
}

}  // namespace
}  // namespace cvxnn::server
