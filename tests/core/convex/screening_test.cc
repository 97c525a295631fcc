// SPDX-License-Identifier: Apache-2.0
// Gap-safe screening: what it calls zero is zero in tight solutions that were found without it.
#include "core/convex/screening.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "core/convex/cone_dual.h"
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

TEST(ScreeningOfRelu, LeavesOutOnlyWhatIsZeroAtTheOptimum) {
  std::int64_t screened_in_all = 0;
  for (const std::uint64_t seed : {1, 2, 3, 4}) {
    Program program = RandomProgram(seed, Loss::kSquared, Penalty::kGroupL2, 1 + static_cast<std::int64_t>(seed % 2));
    program.activation = Activation::kRelu;
    program.beta_max_fraction = seed < 3 ? 0.3 : 0.1;
    Options options;
    options.solver = SolverKind::kInteriorPoint;
    options.tolerance = 1e-9;
    const auto tight = Solve(program, {}, options);
    ASSERT_TRUE(tight.ok()) << tight.status();
    ASSERT_LE(tight->progress.gap, 1e-8);
    const std::int64_t outputs = program.targets.size(1);
    const auto penalty = MakePenaltyFunction(program.penalty, outputs);
    const PatternOperator map(program.features, program.patterns.mask, outputs);
    const at::Tensor correlations = map.Adjoint(program.targets);
    const HalfSumProblem problem{map, program.targets, correlations, program.loss, tight->beta, {}, *penalty};
    const ConeDual cones(map);
    const Screening screening(map, program.targets, program.loss, tight->beta, *penalty);
    const at::Tensor weights = at::cat({tight->positive, tight->negative}, 1);
    const at::Tensor sizes = weights.norm(2, at::IntArrayRef{0}).view({2, 30, outputs}).amax(at::IntArrayRef{0, 2});
    const double least = 1e-5 * sizes.max().item<double>();
    for (const double share : {1.0, 0.999, 0.99, 0.9, 0.5, 0.0}) {
      const at::Tensor here = weights.mul(share).add(RandomNormal(5, 60 * outputs, seed), 0.01 * (1 - share));
      const PenalizedPoint point = penalty->Prox(here, 0);
      const double upper = cones.FeasibleObjective({point.weights, point.norms, {}, point.terms}, problem);
      EXPECT_GE(upper, tight->progress.objective * (1 - 1e-8));
      const std::int64_t blocks = map.blocks();
      const at::Tensor dual =
          program.targets.sub(map.Apply(here.narrow(1, 0, blocks).sub(here.narrow(1, blocks, blocks))));
      const auto constraints = cones.At(dual, {}, 0, {});
      ASSERT_TRUE(constraints.ok());
      const at::Tensor zero = screening.Zero(upper, dual, constraints->products, constraints->row_side.norm(2, 0));
      EXPECT_EQ(zero.logical_and(sizes.gt(least)).sum().item<std::int64_t>(), 0) << seed << " at " << share;
      screened_in_all += zero.sum().item<std::int64_t>();
      // Cones make the constraints weaker than those of the gated program.
      const at::Tensor gated = penalty->DualNorms(map.Adjoint(dual), at::Tensor()).repeat(2);
      EXPECT_TRUE(penalty->DualNorms(constraints->products, at::Tensor()).le(gated.mul(1 + 1e-12)).all().item<bool>());
    }
    const double infinite = std::numeric_limits<double>::infinity();
    EXPECT_FALSE(screening.Zero(infinite, program.targets, correlations).any().item<bool>());
  }
  EXPECT_GT(screened_in_all, 20);
}

TEST(ConeDual, KeepsWhatIsKnownAndSkipsWhatIsSmall) {
  const Program program = RandomProgram(5, Loss::kSquared, Penalty::kGroupL2, 2);
  const PatternOperator map(program.features, program.patterns.mask, 2);
  const ConeDual cones(map);
  KnownRowSide known{{3, 17}, RandomNormal(40, 8, 6)};
  const auto all = cones.At(program.targets, known, std::numeric_limits<double>::infinity(), {});
  ASSERT_TRUE(all.ok());
  const at::Tensor spread = program.targets.unsqueeze(1).mul(program.patterns.mask.unsqueeze(2));
  const at::Tensor sides = all->row_side.view({40, 2, 30, 2});
  for (std::int64_t p = 0; p < 30; ++p) {
    const std::int64_t place = p == 3 ? 0 : 1;
    const at::Tensor own = known.row_side.view({40, 2, 2, 2}).select(2, place);
    const at::Tensor plain = at::stack({spread.select(1, p), spread.select(1, p).neg()}, 1);
    EXPECT_TRUE(at::equal(sides.select(2, p), p == 3 || p == 17 ? own : plain)) << p;
  }
  EXPECT_TRUE(at::allclose(all->products, program.features.t().mm(all->row_side)));
  const auto stopped = cones.At(program.targets, {}, 0, [] { return true; });
  EXPECT_TRUE(absl::IsCancelled(stopped.status()));
}

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
