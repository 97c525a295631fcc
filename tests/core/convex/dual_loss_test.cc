// SPDX-License-Identifier: Apache-2.0
// Conjugates against their definition: sup over outputs, by Fenchel's inequality and by the point where it is tight.
#include "core/convex/dual_loss.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <limits>

#include "core/network/loss_function.h"

namespace cvxnn::convex {
namespace {

constexpr Loss kLosses[] = {Loss::kSquared, Loss::kLogistic, Loss::kCrossEntropy, Loss::kSquaredHinge};
const auto kDouble = at::TensorOptions().device(at::kCPU).dtype(at::kDouble);

at::Tensor Outputs(double phase) { return (at::arange(12, kDouble) * 1.7 + phase).sin().mul(2).view({4, 3}); }
at::Tensor TargetsFor(Loss loss) {
  const at::Tensor values = (at::arange(12, kDouble) * 0.9).cos().view({4, 3});
  if (loss == Loss::kSquared) return values;
  if (loss == Loss::kCrossEntropy) return at::zeros_like(values).scatter_(1, values.argmax(1, true), 1);
  return values.sign();
}
double HalfSum(Loss loss, const at::Tensor& outputs) {
  return 0.5 * FunctionOf(loss).Sum(outputs, TargetsFor(loss)).item<double>();
}
at::Tensor DualAt(Loss loss, const at::Tensor& outputs) {
  return FunctionOf(loss).Gradient(outputs, TargetsFor(loss)).mul(-0.5);
}
double Value(Loss loss, const at::Tensor& dual) {
  return DualOf(loss)->Values(dual, TargetsFor(loss)).sum().item<double>();
}

TEST(DualLoss, IsTightAtItsOwnGradient) {
  // L(f) + L*(−ν) = −νᵀf where −ν = ∇L(f).
  for (const Loss loss : kLosses) {
    const at::Tensor outputs = Outputs(0.3), dual = DualAt(loss, outputs);
    EXPECT_NEAR(Value(loss, dual), HalfSum(loss, outputs) + dual.mul(outputs).sum().item<double>(), 1e-12)
        << Name(loss);
  }
}

TEST(DualLoss, IsBelowEveryOutputElsewhere) {
  // −L*(−ν) <= L(f) + νᵀf for every f: what makes the dual a lower bound. ν at scales of a gradient stays in the
  // domain.
  for (const Loss loss : kLosses) {
    for (double phase = 0; phase < 6; phase += 0.37) {
      for (const double scale : {0.0, 0.2, 0.9, 1.0}) {
        const at::Tensor dual = DualAt(loss, Outputs(phase)).mul(scale);
        for (double other = 0; other < 6; other += 0.53) {
          const at::Tensor outputs = Outputs(other).mul(1 + other);
          EXPECT_LE(Value(loss, dual), HalfSum(loss, outputs) + dual.mul(outputs).sum().item<double>() + 1e-12)
              << Name(loss);
        }
      }
    }
  }
}

TEST(DualLoss, MovesPointsIntoItsDomainAndLeavesThoseInIt) {
  for (const Loss loss : kLosses) {
    const at::Tensor targets = TargetsFor(loss), inside = DualAt(loss, Outputs(0.3)).mul(0.7);
    EXPECT_TRUE(at::allclose(DualOf(loss)->IntoDomain(inside, targets), inside, 1e-14, 1e-14)) << Name(loss);
    const at::Tensor moved = DualOf(loss)->IntoDomain(Outputs(1).mul(3), targets);
    const at::Tensor again = DualOf(loss)->IntoDomain(moved, targets);
    EXPECT_TRUE(at::allclose(again, moved, 1e-14, 1e-14)) << Name(loss);
    EXPECT_TRUE(std::isfinite(Value(loss, moved))) << Name(loss);
  }
}

TEST(DualLoss, BendsNoMoreThanItsCurvature) {
  constexpr double kStep = 1e-5;
  for (const Loss loss : kLosses) {
    double most = 0;
    for (double phase = 0; phase < 6; phase += 0.11) {
      const at::Tensor outputs = Outputs(phase).mul(phase / 6), direction = Outputs(2 * phase + 1);
      const at::Tensor turned = DualAt(loss, outputs).sub(DualAt(loss, outputs.add(direction, kStep)));
      for (std::int64_t row = 0; row < 4; ++row) {
        const double bend = turned[row].dot(direction[row]).item<double>() / kStep;
        most = std::max(most, bend / direction[row].square().sum().item<double>());
      }
    }
    EXPECT_LE(most, DualOf(loss)->Curvature() * (1 + 1e-4)) << Name(loss);
    EXPECT_GE(most, DualOf(loss)->Curvature() * 0.5) << Name(loss);
  }
}

TEST(DualLoss, DoesNotKnowTheHinge) { EXPECT_EQ(DualOf(Loss::kHinge), nullptr); }

}  // namespace
}  // namespace cvxnn::convex
