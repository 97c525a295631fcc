// SPDX-License-Identifier: Apache-2.0
// Gap-safe screening: what it calls zero is zero in tight solutions that were found without it.
#include "core/convex/screening.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <utility>

#include "core/convex/dual_loss.h"
#include "core/convex/solve.h"
#include "core/network/loss_function.h"
#include "tests/core/convex/random_programs.h"

namespace cvxnn::convex {
namespace {

// The screening of a program at weights, with the dual point that they give.
at::Tensor ScreenedAt(const Program& program, double beta, const at::Tensor& weights, Screening* screening,
                      const PatternOperator& map, const PenaltyFunction& penalty) {
  const at::Tensor outputs = map.Apply(weights);
  const double objective = LossValue(program.loss, LossScale::kHalfSum, outputs, program.targets) +
                           beta * penalty.Prox(weights, 0).terms.sum().item<double>();
  const at::Tensor dual = FunctionOf(program.loss).Gradient(outputs, program.targets).mul(-0.5);
  return screening->Zero(objective, dual, map.Adjoint(dual));
}

struct Kind {
  std::string name;
  Loss loss;
  Penalty penalty;
  std::int64_t outputs;
};
void PrintTo(const Kind& kind, std::ostream* out) { *out << kind.name; }

class ScreeningOf : public testing::TestWithParam<Kind> {};

TEST_P(ScreeningOf, LeavesOutOnlyWhatIsZeroAtTheOptimum) {
  std::int64_t screened_in_all = 0;
  for (const std::uint64_t seed : {1, 2, 3, 4}) {
    Program program = RandomProgram(seed, GetParam().loss, GetParam().penalty, GetParam().outputs);
    program.beta_max_fraction = seed % 2 == 0 ? 0.5 : 0.2;
    Options options;
    options.tolerance = 1e-9;
    options.max_epochs = 20000;
    const auto tight = Solve(program, {}, options);
    ASSERT_TRUE(tight.ok()) << tight.status();
    ASSERT_LE(tight->progress.gap, 1e-6);
    const auto penalty = MakePenaltyFunction(program.penalty, GetParam().outputs);
    const PatternOperator map(program.features, program.patterns.mask, GetParam().outputs);
    Screening screening(map, program.targets, program.loss, tight->beta, *penalty);
    const at::Tensor sizes = tight->positive.norm(2, at::IntArrayRef{0}).view({30, -1}).amax(1);
    const double least = 1e-7 * sizes.max().item<double>();
    // From the optimum itself, and from points ever further from it.
    for (const double share : {1.0, 0.999, 0.99, 0.9, 0.5, 0.0}) {
      const at::Tensor zero = ScreenedAt(program, tight->beta, tight->positive.mul(share), &screening, map, *penalty);
      EXPECT_EQ(zero.logical_and(sizes.gt(least)).sum().item<std::int64_t>(), 0) << seed << " at " << share;
      screened_in_all += zero.sum().item<std::int64_t>();
    }
  }
  EXPECT_GT(screened_in_all, 20);
}

TEST_P(ScreeningOf, LeavesOutAllAboveBetaMax) {
  Program program = RandomProgram(7, GetParam().loss, GetParam().penalty, GetParam().outputs);
  program.beta_max_fraction = 1;
  const auto zero = Solve(program, {}, Options());
  ASSERT_TRUE(zero.ok());
  const double beta = 1.01 * zero->beta_max;
  const auto penalty = MakePenaltyFunction(program.penalty, GetParam().outputs);
  const PatternOperator map(program.features, program.patterns.mask, GetParam().outputs);
  Screening screening(map, program.targets, program.loss, beta, *penalty);
  const at::Tensor nothing = at::zeros({5, 30 * GetParam().outputs}, program.features.options());
  EXPECT_TRUE(ScreenedAt(program, beta, nothing, &screening, map, *penalty).all().item<bool>());
}

INSTANTIATE_TEST_SUITE_P(Programs, ScreeningOf,
                         testing::Values(Kind{"squared", Loss::kSquared, Penalty::kGroupL2, 1},
                                         Kind{"squared_of_3_outputs", Loss::kSquared, Penalty::kGroupL2, 3},
                                         Kind{"nuclear", Loss::kSquared, Penalty::kWeightDecay, 3},
                                         Kind{"logistic", Loss::kLogistic, Penalty::kGroupL2, 1},
                                         Kind{"squared_hinge", Loss::kSquaredHinge, Penalty::kGroupL2, 1},
                                         Kind{"cross_entropy", Loss::kCrossEntropy, Penalty::kGroupL2, 3}),
                         [](const auto& test) { return test.param.name; });

TEST(Screening, SaysNothingOfALossWithAKink) {
  const Program program = RandomProgram(1, Loss::kHinge, Penalty::kGroupL2, 1);
  const auto penalty = MakePenaltyFunction(program.penalty, 1);
  const PatternOperator map(program.features, program.patterns.mask, 1);
  const Screening screening(map, program.targets, program.loss, 1e9, *penalty);
  EXPECT_FALSE(screening.applies());
  EXPECT_FALSE(screening.Zero(1, program.targets, map.Adjoint(program.targets)).any().item<bool>());
}

TEST(SpectralNormBound, IsTheNormAndNeverLess) {
  for (const auto& [rows, columns] : {std::pair{30, 7}, {7, 30}, {1, 1}}) {
    const at::Tensor x = RandomNormal(rows, columns, 5);
    const double norm = at::linalg_svdvals(x).max().item<double>();
    EXPECT_GE(SpectralNormBound(x), norm);
    EXPECT_NEAR(SpectralNormBound(x), norm, 1e-6 * norm);
  }
  EXPECT_EQ(SpectralNormBound(at::zeros({3, 2}, at::kDouble)), 0);
}

TEST(SpectralNormBound, OfLargeMatricesIsALittleMore) {
  // An orthogonal matrix times numbers: singular values are known.
  const std::int64_t size = 1030;
  const at::Tensor values = at::linspace(1, 4, size, at::TensorOptions().dtype(at::kDouble));
  const at::Tensor x = at::diag(values);
  EXPECT_GE(SpectralNormBound(x), 4);
  EXPECT_LE(SpectralNormBound(x), 4 * std::pow(static_cast<double>(size), 1.0 / 16) * 1.001);
  EXPECT_GT(SpectralNormBound(x.mul(1e-60)), 3.9e-60);
}

}  // namespace
}  // namespace cvxnn::convex
