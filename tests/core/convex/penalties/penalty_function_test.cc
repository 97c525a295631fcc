// SPDX-License-Identifier: Apache-2.0
// Every penalty by its definition: values written out, the prox as the least of its own objective, conjugates by
// Fenchel's inequality and where it is tight.
#include "core/convex/penalties/penalty_function.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "tests/core/convex/double_tensors.h"

namespace cvxnn::convex {
namespace {

constexpr std::int64_t kInputs = 5, kPatterns = 4, kOutputs = 3;

at::Tensor Wave(double phase) {
  return (at::arange(kInputs * kPatterns * kOutputs, kDouble) * 1.7 + phase).sin().view({kInputs, -1});
}

// R written out.
double ValueOf(Penalty penalty, const at::Tensor& weights) {
  double sum = 0;
  switch (penalty) {
    case Penalty::kNone:
      return 0;
    case Penalty::kRidge:
      return 0.5 * weights.square().sum().item<double>();
    case Penalty::kL1:
      return weights.abs().sum().item<double>();
    case Penalty::kGroupL2:
      for (std::int64_t j = 0; j < weights.size(1); ++j) sum += weights.select(1, j).norm().item<double>();
      return sum;
    case Penalty::kFeatureGroups:
      for (std::int64_t i = 0; i < weights.size(0); ++i) sum += weights.select(0, i).norm().item<double>();
      return sum;
    case Penalty::kWeightDecay:
      for (std::int64_t p = 0; p < kPatterns; ++p) {
        sum += at::linalg_svdvals(weights.narrow(1, p * kOutputs, kOutputs)).sum().item<double>();
      }
      return sum;
  }
  return sum;
}

class EveryPenalty : public testing::TestWithParam<Penalty> {
 protected:
  const std::unique_ptr<const PenaltyFunction> penalty_ = MakePenaltyFunction(GetParam(), kOutputs);
};
INSTANTIATE_TEST_SUITE_P(Penalty, EveryPenalty,
                         testing::Values(Penalty::kGroupL2, Penalty::kWeightDecay, Penalty::kRidge, Penalty::kL1,
                                         Penalty::kFeatureGroups, Penalty::kNone),
                         [](const auto& test) { return Name(test.param); });

TEST_P(EveryPenalty, MeasuresWithAThresholdOfZero) {
  const PenalizedPoint point = penalty_->Prox(Wave(0.2), 0);
  EXPECT_TRUE(at::allclose(point.weights, Wave(0.2), 1e-12, 1e-13));
  // Singular values are square roots of eigenvalues: zeros come back as the root of rounding.
  EXPECT_NEAR(point.terms.sum().item<double>(), ValueOf(GetParam(), Wave(0.2)),
              GetParam() == Penalty::kWeightDecay ? 1e-6 : 1e-11);
  EXPECT_TRUE(at::allclose(point.norms, Wave(0.2).norm(2, {0}), 1e-12));
}

TEST_P(EveryPenalty, SharesNoMemoryWithWhatItShrinks) {
  for (const double threshold : {0.0, 0.5}) {
    const at::Tensor weights = Wave(0.2);
    const at::Tensor shrunk = penalty_->Prox(weights, threshold).weights, copy = shrunk.clone();
    weights.zero_();
    EXPECT_TRUE(at::equal(shrunk, copy));
  }
}

TEST_P(EveryPenalty, HasAProxThatNoPointNearbyUndercuts) {
  constexpr double kThreshold = 0.8;
  const at::Tensor start = Wave(0.2);
  const PenalizedPoint point = penalty_->Prox(start, kThreshold);
  const auto objective = [&](const at::Tensor& z) {
    return 0.5 * z.sub(start).square().sum().item<double>() + kThreshold * ValueOf(GetParam(), z);
  };
  EXPECT_NEAR(point.terms.sum().item<double>(), ValueOf(GetParam(), point.weights), 1e-11);
  EXPECT_TRUE(at::allclose(point.norms, point.weights.norm(2, {0}), 1e-12, 1e-14));
  const double least = objective(point.weights);
  for (double phase = 0; phase < 6; phase += 0.3) {
    for (const double step : {1e-1, 1e-3, -1e-2}) {
      EXPECT_GE(objective(point.weights.add(Wave(phase), step)), least - 1e-12);
      EXPECT_GE(objective(point.weights.mul(1 + step)), least - 1e-12);
    }
  }
}

TEST_P(EveryPenalty, HasASubgradient) {
  // A wave in the square of the place: every block has all its singular values.
  at::Tensor weights = (at::arange(kInputs * kPatterns * kOutputs, kDouble).square() * 0.37).sin().view({kInputs, -1});
  const at::Tensor gradient = penalty_->Subgradient(weights);
  for (std::int64_t i = 0; i < weights.numel(); ++i) {
    const auto value = [&](double step) {
      at::Tensor moved = weights.clone();
      moved.view({-1}).select(0, i).add_(step);
      return ValueOf(GetParam(), moved);
    };
    EXPECT_NEAR(gradient.view({-1})[i].item<double>(), (value(1e-6) - value(-1e-6)) / 2e-6, 1e-7) << i;
  }
  // Where parts are zero, or a block has not all its singular directions: R(z) >= R(w) + ⟨g, z − w⟩.
  weights.narrow(1, 0, 4).zero_();
  weights.select(0, 2).zero_();
  weights.select(1, 7).copy_(weights.select(1, 6));
  const at::Tensor chosen = penalty_->Subgradient(weights);
  for (int i = 0; i < 50; ++i) {
    const at::Tensor other = weights + Wave(i) * (i % 5 + 1) * 0.2;
    const double line = ValueOf(GetParam(), weights) + chosen.mul(other.sub(weights)).sum().item<double>();
    EXPECT_GE(ValueOf(GetParam(), other), line - 1e-9);
  }
  EXPECT_EQ(penalty_->Subgradient(at::zeros_like(weights)).abs().max().item<double>(), 0);
}

TEST_P(EveryPenalty, MakesExactZerosOnlyWhereItHasAKink) {
  const PenalizedPoint point = penalty_->Prox(Wave(0.2), 100);
  const bool zero = point.weights.abs().max().item<double>() == 0;
  EXPECT_EQ(zero, HasBetaMax(GetParam()));
  EXPECT_EQ(penalty_->Neurons(point.norms, point.terms), zero ? 0 : kPatterns * kOutputs);
}

TEST_P(EveryPenalty, BoundsEveryProductByItsDualNorm) {
  // <q, w> <= R°(q) R(w), and for ridge <q, w> <= ½‖q‖² + ½‖w‖²; without a penalty q must vanish.
  for (double phase = 0; phase < 6; phase += 0.4) {
    const at::Tensor products = Wave(phase).mul(1 + phase), norms = penalty_->DualNorms(products, at::Tensor());
    for (double other = 0.1; other < 6; other += 0.4) {
      const at::Tensor weights = Wave(other);
      const double inner = products.mul(weights).sum().item<double>(), value = ValueOf(GetParam(), weights);
      switch (penalty_->conjugate()) {
        case Conjugate::kBall:
          EXPECT_LE(inner, norms.max().item<double>() * value * (1 + 1e-12));
          break;
        case Conjugate::kQuadratic:
          EXPECT_LE(inner, 0.5 * norms.square().sum().item<double>() + value + 1e-12);
          break;
        case Conjugate::kSubspace:
          EXPECT_NEAR(norms.square().sum().item<double>(), products.square().sum().item<double>(), 1e-10);
      }
    }
  }
}

TEST_P(EveryPenalty, HasADualNormThatIsReached) {
  // The prox splits w = z + t·q with q in the subdifferential of R at z: <q, z> = R(z), R°(q) <= 1 (Moreau).
  if (penalty_->conjugate() != Conjugate::kBall) return;
  const at::Tensor start = Wave(0.2);
  const PenalizedPoint point = penalty_->Prox(start, 0.8);
  const at::Tensor slope = start.sub(point.weights).div(0.8);
  EXPECT_NEAR(slope.mul(point.weights).sum().item<double>(), ValueOf(GetParam(), point.weights), 1e-10);
  EXPECT_NEAR(penalty_->DualNorms(slope, at::Tensor()).max().item<double>(), 1, 1e-10);
}

TEST_P(EveryPenalty, JoinsDualNormsOfPartsAndRaisesThemByErrors) {
  const at::Tensor products = Wave(1.1), none;
  const auto size = [](const at::Tensor& norms) { return norms.square().sum().item<double>(); };
  std::vector<at::Tensor> parts;
  for (std::int64_t p = 0; p < kPatterns; ++p) {
    parts.push_back(penalty_->DualNorms(products.narrow(1, p * kOutputs, kOutputs), none));
  }
  EXPECT_NEAR(size(penalty_->JoinDualNorms(parts)), size(penalty_->DualNorms(products, none)), 1e-10);
  // Whatever lies within the errors has no larger norm.
  const at::Tensor change = Wave(2.7).mul(1e-3);
  const at::Tensor raised = penalty_->DualNorms(products, change.norm(2, {0}));
  EXPECT_TRUE(raised.ge(penalty_->DualNorms(products.add(change), none)).all().item<bool>());
  EXPECT_TRUE(raised.ge(penalty_->DualNorms(products.sub(change), none)).all().item<bool>());
}

TEST_P(EveryPenalty, PassesOnWhatIsNotANumber) {
  at::Tensor weights = Wave(0.2);
  weights[1][2] = std::numeric_limits<double>::quiet_NaN();
  const PenalizedPoint point = penalty_->Prox(weights, 0.5);
  EXPECT_FALSE(point.norms.isfinite().all().item<bool>());
}

}  // namespace
}  // namespace cvxnn::convex
