// SPDX-License-Identifier: Apache-2.0
// The precision of tensors made of a data set.
#include "core/training/tensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/training/train.h"
#include "tests/core/training/small_dataset.h"
#include "tests/core/training/small_specs.h"

namespace cvxnn::training {
namespace {

using testing::HasSubstr;

TEST(Precision, IsFloat32ForLargeDataUnlessAsked) {
  data::Dataset large;
  large.train.features = data::Matrix(data::ElementType::kFloat32, 1025, 1024);
  EXPECT_EQ(ChoosePrecision(Precision::kAuto, large, c10::Device("cpu")), Precision::kFloat32);
  EXPECT_EQ(ChoosePrecision(Precision::kAuto, SmallDataset(), c10::Device("cpu")), Precision::kFloat64);
  EXPECT_EQ(ChoosePrecision(Precision::kAuto, SmallDataset(), c10::Device("cuda:0")), Precision::kFloat32);
  EXPECT_EQ(ChoosePrecision(Precision::kFloat64, large, c10::Device("cuda:0")), Precision::kFloat64);
}

TEST(Precision, MustHoldTheDataAndTheirSquares) {
  for (const double size : {1e30, 1e300}) {
    data::Dataset dataset = SmallDataset();
    data::RowMajor<double> features = dataset.train.features.ToDouble();
    features(3, 1) = size;
    dataset.train.features = data::Matrix(features);
    for (Spec spec : {SmallConvexSpec(Activation::kGated), SmallDescentSpec()}) {
      spec.precision = Precision::kFloat32;
      const auto result = Train(spec, dataset);
      EXPECT_EQ(result.status().code(), absl::StatusCode::kInvalidArgument) << result.status();
      EXPECT_THAT(std::string(result.status().message()),
                  HasSubstr("precision = float32: the squares of train.features overflow"));
    }
  }
}

}  // namespace
}  // namespace cvxnn::training
