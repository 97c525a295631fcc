// SPDX-License-Identifier: Apache-2.0
// Specs, metrics and results: every field of the messages has a meaning to core, or is refused.
#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include "server/translate/job_progress.h"
#include "server/translate/job_spec.h"
#include "tests/server/translate/field_walk.h"

namespace cvxnn::server {
namespace {

using google::protobuf::util::MessageDifferencer;

v1::JobSpec Base(bool convex) {
  v1::JobSpec spec;
  spec.set_dataset("datasets/d");
  spec.set_beta(0.1);
  if (convex) {
    spec.mutable_convex();
  } else {
    spec.mutable_descent();
  }
  return spec;
}

TEST(SpecFromProto, FillsInTheDocumentedDefaults) {
  const auto convex = SpecFromProto(Base(true));
  ASSERT_TRUE(convex.ok()) << convex.status();
  const auto convex_again = SpecToProto(*convex, "datasets/d");
  EXPECT_EQ(convex_again.stopping().max_epochs(), 1000);
  EXPECT_EQ(convex_again.stopping().tolerance(), 1e-4);
  EXPECT_EQ(convex_again.convex().activation(), v1::ACTIVATION_GATED);
  EXPECT_EQ(convex_again.convex().patterns().sampled().count(), 100);
  EXPECT_EQ(convex_again.penalty(), v1::PENALTY_GROUP_L2);
  EXPECT_EQ(convex_again.loss_scale(), v1::LOSS_SCALE_HALF_SUM);
  const auto descent = SpecFromProto(Base(false));
  ASSERT_TRUE(descent.ok()) << descent.status();
  const auto again = SpecToProto(*descent, "datasets/d").descent();
  EXPECT_EQ(again.activation(), v1::ACTIVATION_RELU);
  EXPECT_EQ(again.neurons(), 100);
  EXPECT_EQ(again.learning_rate(), 1e-2);
  EXPECT_EQ(again.adam_beta1(), 0.9);
  EXPECT_EQ(again.adam_beta2(), 0.999);
  EXPECT_EQ(again.adam_epsilon(), 1e-8);
  EXPECT_EQ(again.trials(), 1);
  EXPECT_EQ(again.initialization_scale(), 1.0);
}

TEST(SpecFromProto, IgnoresNoFieldOfTheSpec) {
  for (const bool convex : {true, false}) {
    const auto base = SpecFromProto(Base(convex));
    ASSERT_TRUE(base.ok());
    const v1::JobSpec filled = SpecToProto(*base, "datasets/d");
    const auto differs = [&](const FieldChange& change) {
      v1::JobSpec changed = Base(convex);
      change.apply(&changed);
      const auto spec = SpecFromProto(changed);
      if (!spec.ok()) return true;
      const v1::JobSpec again = SpecToProto(*spec, changed.dataset());
      const auto same = SpecFromProto(again);
      EXPECT_TRUE(same.ok() && MessageDifferencer::Equals(SpecToProto(*same, changed.dataset()), again)) << change.path;
      return !MessageDifferencer::Equals(again, filled);
    };
    EXPECT_THAT(IgnoredPaths(ChangesOf(v1::JobSpec::descriptor(), 7, 0.5), differs), ::testing::IsEmpty());
  }
}

TEST(SpecFromProto, RefusesEveryFieldOutOfItsRange) {
  // -7 and -0.5 are in no field's range; seeds wrap, strings and enums have their own values.
  for (const auto& change : ChangesOf(v1::JobSpec::descriptor(), -7, -0.5)) {
    if (change.path == "seed" || change.path == "device") continue;
    v1::JobSpec changed = Base(change.path.rfind("descent", 0) != 0);
    change.apply(&changed);
    const auto* field = v1::JobSpec::descriptor()->FindFieldByName(change.path);
    const bool is_enum = (field != nullptr && field->enum_type() != nullptr) ||
                         change.path.find("activation") != std::string::npos ||
                         change.path.find("solver") != std::string::npos ||
                         change.path.find("optimizer") != std::string::npos || change.path == "descent.initialization";
    if (is_enum) continue;
    EXPECT_FALSE(SpecFromProto(changed).ok()) << change.path;
  }
}

TEST(SpecFromProto, RefusesEnumValuesThatTheContractDoesNotHave) {
  v1::JobSpec spec = Base(true);
  spec.set_loss(static_cast<v1::Loss>(99));
  const auto status = SpecFromProto(spec).status();
  EXPECT_TRUE(absl::IsInvalidArgument(status));
  EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr("loss = 99: must be one of LOSS_SQUARED"));
}

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
  result.models = {{network, metrics, true}, {network, metrics, true}};
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
  const v1::Model model = ModelToProto(result.models[0]);
  EXPECT_EQ(model.inputs(), 2);
  EXPECT_EQ(model.neurons(), 3);
  EXPECT_EQ(model.outputs(), 1);
  EXPECT_EQ(model.activation(), v1::ACTIVATION_GATED);
  EXPECT_EQ(model.data_type(), v1::DATA_TYPE_FLOAT64);
}

}  // namespace
}  // namespace cvxnn::server
