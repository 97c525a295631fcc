// SPDX-License-Identifier: Apache-2.0
// Conjugates against their definition: sup over outputs, by Fenchel's inequality and by the point where it is tight.
#include "core/convex/dual_loss.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/network/loss_function.h"
#include "tests/core/convex/double_tensors.h"

namespace cvxnn::convex {
namespace {

constexpr Loss kLosses[] = {Loss::kSquared, Loss::kLogistic, Loss::kCrossEntropy, Loss::kHinge, Loss::kSquaredHinge};

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
    if (!std::isfinite(DualOf(loss)->Curvature())) continue;
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

TEST(DualLoss, KnowsThatTheHingeHasAKink) { EXPECT_TRUE(std::isinf(DualOf(Loss::kHinge)->Curvature())); }

TEST(DualLoss, HasAProxThatNoPointNearbyUndercuts) {
  for (const Loss loss : kLosses) {
    SCOPED_TRACE(Name(loss));
    for (const double rho : {1e-3, 0.1, 1.0, 50.0}) {
      for (const double size : {0.01, 1.0, 40.0}) {
        const at::Tensor point = Outputs(0.8).mul(size);
        const at::Tensor found = DualOf(loss)->Prox(point, TargetsFor(loss), rho);
        const auto objective = [&](const at::Tensor& r) {
          return HalfSum(loss, r) + 0.5 * rho * r.sub(point).square().sum().item<double>();
        };
        const double least = objective(found);
        for (double phase = 0; phase < 6; phase += 0.7) {
          for (const double step : {1e-1, 1e-3, 1e-5}) {
            EXPECT_GE(objective(found.add(Outputs(phase), step)), least - 1e-13 * (1 + least)) << rho << " " << size;
          }
        }
      }
    }
  }
}

TEST(DualLoss, MakesADualPointOfItsProx) {
  // ρ(q − r) = −ν is a slope of L at r, so ν lies in the domain and is tight there.
  for (const Loss loss : kLosses) {
    for (const double rho : {0.05, 3.0}) {
      const at::Tensor point = Outputs(0.8).mul(2), targets = TargetsFor(loss);
      const at::Tensor found = DualOf(loss)->Prox(point, targets, rho), dual = found.sub(point).mul(rho);
      EXPECT_TRUE(at::allclose(DualOf(loss)->IntoDomain(dual, targets), dual, 1e-9, 1e-11)) << Name(loss);
      const at::Tensor inside = DualOf(loss)->IntoDomain(dual, targets);
      EXPECT_NEAR(Value(loss, inside), HalfSum(loss, found) + inside.mul(found).sum().item<double>(), 1e-9)
          << Name(loss);
    }
  }
}

TEST(DualLoss, HasAProxFarFromTheKinkAndForSmallRho) {
  // Where the slope of the loss is flat on both sides of the root; stationarity is the same as the identity of ν.
  for (const Loss loss : {Loss::kLogistic, Loss::kCrossEntropy}) {
    for (const double rho : {1e-4, 2.6e-3, 0.05}) {
      for (const double size : {0.0, 10.0, 300.0}) {
        const at::Tensor point = TargetsFor(loss).mul(-size).add(Outputs(0.4));
        const at::Tensor found = DualOf(loss)->Prox(point, TargetsFor(loss), rho);
        const at::Tensor slope = FunctionOf(loss).Gradient(found, TargetsFor(loss)).mul(0.5);
        EXPECT_LT(found.sub(point).mul(rho).add(slope).abs().max().item<double>(), 1e-12)
            << Name(loss) << " " << rho << " " << size;
      }
    }
  }
}

TEST(DualLoss, HasAProxInSinglePrecision) {
  for (const Loss loss : kLosses) {
    const at::Tensor point = Outputs(0.8).mul(3), targets = TargetsFor(loss);
    const at::Tensor wide = DualOf(loss)->Prox(point, targets, 0.2);
    const at::Tensor narrow = DualOf(loss)->Prox(point.to(at::kFloat), targets.to(at::kFloat), 0.2);
    EXPECT_EQ(narrow.scalar_type(), at::kFloat);
    EXPECT_TRUE(at::allclose(narrow.to(at::kDouble), wide, 1e-5, 1e-5)) << Name(loss);
  }
}

}  // namespace
}  // namespace cvxnn::convex
