// SPDX-License-Identifier: Apache-2.0
// Metrics and results: every field of core has its place in the messages.
#include "server/translate/job_progress.h"

#include <ATen/ATen.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include <vector>

#include "tests/server/translate/field_walk.h"

namespace cvxnn::server {
namespace {

using google::protobuf::util::MessageDifferencer;

TEST(MetricsToProto, KeepsEveryFieldAndLeavesTheOthersAbsent) {
  for (const auto& change : ChangesOf(v1::EpochMetrics::descriptor(), 7, 0.5)) {
    v1::EpochMetrics metrics;
    change.apply(&metrics);
    EXPECT_TRUE(MessageDifferencer::Equals(MetricsToProto(MetricsFromProto(metrics)), metrics)) << change.path;
  }
  EXPECT_EQ(MetricsToProto({}).ByteSizeLong(), 0u);
}

TEST(ResultToProto, FillsEveryField) {
  training::Result result;
  const auto options = at::TensorOptions().dtype(at::kDouble).device(at::kCPU);
  Network network{Activation::kGated, at::ones({2, 3}, options), at::ones({3, 1}, options), at::ones({2, 3}, options)};
  training::EpochMetrics metrics;
  metrics.trial = 1;
  const training::TrialSetting setting{9, 3, 0.5, 0.25};
  result.models = {{network, metrics, true, 7, setting}, {network, metrics, true, 7, setting}};
  result.best = 1;
  result.summary = {
      training::Termination::kConverged, "done", 0.5, 9, training::Precision::kFloat32, "cpu", "fista", 3, 1.5,
      training::Certificate{true, true}};
  const v1::JobResult proto = ResultToProto(result, {"models/a", "models/b"});
  std::vector<const google::protobuf::FieldDescriptor*> set;
  proto.GetReflection()->ListFields(proto, &set);
  EXPECT_EQ(static_cast<int>(set.size()), v1::JobResult::descriptor()->field_count());
  proto.models(1).GetReflection()->ListFields(proto.models(1), &set);
  EXPECT_EQ(static_cast<int>(set.size()), v1::TrainedModel::descriptor()->field_count());
  EXPECT_EQ(proto.best_model(), "models/b");
  proto.models(1).setting().GetReflection()->ListFields(proto.models(1).setting(), &set);
  EXPECT_EQ(static_cast<int>(set.size()), v1::TrialSetting::descriptor()->field_count());
  EXPECT_EQ(proto.models(1).diverged_epoch(), 7);
  EXPECT_EQ(proto.models(1).setting().training_rows(), 9);
  const v1::Model model = ModelToProto(network, metrics);
  EXPECT_EQ(model.inputs(), 2);
  EXPECT_EQ(model.neurons(), 3);
  EXPECT_EQ(model.outputs(), 1);
  EXPECT_EQ(model.activation(), v1::ACTIVATION_GATED);
  EXPECT_EQ(model.data_type(), v1::DATA_TYPE_FLOAT64);
}

}  // namespace
}  // namespace cvxnn::server
