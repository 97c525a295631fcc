// SPDX-License-Identifier: Apache-2.0
// The models of a job are counted before it begins.
#include "server/jobs/disk_need.h"

#include <gtest/gtest.h>

namespace cvxnn::server {
namespace {

constexpr std::int64_t kNumber = 8;  // bytes
const ModelShape kShape{4, 1};       // inputs and outputs

TEST(BytesOfModels, CountsTrialsWidthsAndSnapshots) {
  training::GradientDescent descent;
  descent.neurons = 10;
  descent.trials = 3;
  training::Spec spec;
  spec.method = descent;
  EXPECT_EQ(BytesOfModels(spec, kShape), 3 * 10 * 5 * kNumber);
  descent.activation = Activation::kGated;
  spec.method = descent;
  EXPECT_EQ(BytesOfModels(spec, kShape), 3 * 10 * 9 * kNumber);
  descent.activation = Activation::kRelu;
  descent.grid.neurons = {2, 4};
  descent.grid.betas = {0.1, 0.2};
  spec.method = descent;
  EXPECT_EQ(BytesOfModels(spec, kShape), 2 * 3 * (2 + 4) * 5 * kNumber);
  spec.keep_best = 2;
  EXPECT_EQ(BytesOfModels(spec, kShape), 2 * 3 * 5 * kNumber);
  descent.snapshots = descent::Snapshots{descent::EveryEpochs{500}};
  spec.method = descent;
  spec.stopping.max_epochs = 1000;
  EXPECT_EQ(BytesOfModels(spec, kShape), (2 + 12 * 3) * 3 * 5 * kNumber) << "epochs 0, 500 and 1000 of twelve trials";
  EXPECT_EQ(BytesOfModels(spec, kShape, 30), (2 + 6) * 3 * 5 * kNumber) << "30 of them are stored";
  EXPECT_EQ(BytesOfModels(spec, kShape, 50), 2 * 3 * 5 * kNumber);
}

TEST(BytesOfModels, IsThatOfTheModelsDescentStartsFrom) {
  training::GradientDescent descent;
  descent.trials = 3;
  descent.initialization = descent::FromModels{{"models/a"}};
  training::Spec spec;
  spec.method = descent;
  ModelShape shape{4, 1, sizeof(float)};
  shape.start = {7, Activation::kGated};
  EXPECT_EQ(BytesOfModels(spec, shape), 3 * 7 * (4 + 1 + 4) * 4);
}

TEST(BytesOfModels, IsNothingForConvexTraining) { EXPECT_EQ(BytesOfModels({}, kShape), 0); }

}  // namespace
}  // namespace cvxnn::server
