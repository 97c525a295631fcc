// SPDX-License-Identifier: Apache-2.0
// Certificates of networks: never above what a conic solver found (tests/oracle), and tight where there is an optimum.
#include "core/convex/optimality.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "core/convex/cone_projection.h"
#include "core/convex/reconstruct.h"
#include "core/convex/solve.h"
#include "core/network/reduction/prune.h"
#include "core/patterns/enumerated.h"
#include "tests/core/convex/oracle_cases.h"

namespace cvxnn::convex {
namespace {

Objective ObjectiveOf(const Program& program) {
  return {program.loss, program.loss_scale, program.penalty, program.beta};
}

Network Solved(const Program& program) {
  const bool gated = program.activation == Activation::kGated;
  Options options;
  options.solver = gated ? SolverKind::kFista : SolverKind::kAdmm;
  options.tolerance = gated ? 1e-7 : 1e-5;
  options.max_epochs = 20000;
  const auto solution = Solve(program, {}, options);
  EXPECT_TRUE(solution.ok()) << solution.status();
  return Reconstruct(program, *solution);
}

class OptimalityOfSolutions : public testing::TestWithParam<OracleCase> {};

TEST_P(OptimalityOfSolutions, IsCertifiedOverTheirPatterns) {
  const auto& [name, program, beta_max, optimum, accuracy] = GetParam();
  const Network network = Solved(program);
  OptimalityOptions options;
  options.patterns = program.patterns;
  const auto checked = CheckOptimality(network, program.features, program.targets, ObjectiveOf(program), options);
  ASSERT_TRUE(checked.ok()) << checked.status();
  EXPECT_EQ(checked->reach, Reach::kRestricted);
  EXPECT_EQ(checked->patterns, program.patterns.count());
  EXPECT_LE(checked->lower_bound, optimum * (1 + 2 * accuracy));
  EXPECT_GE(checked->lower_bound, optimum * (1 - 1e-3));
  EXPECT_NEAR(checked->dual_ratio, 1, 1e-2);
  EXPECT_TRUE(checked->dual_gate_is_own);

  // A network that is not optimal: the bound holds still, and the measures say so.
  Network worse = network;
  worse.first_layer = network.first_layer * 0.7;
  const auto doubted = CheckOptimality(worse, program.features, program.targets, ObjectiveOf(program), options);
  ASSERT_TRUE(doubted.ok()) << doubted.status();
  EXPECT_LE(doubted->lower_bound, optimum * (1 + 2 * accuracy));
  EXPECT_GT(doubted->gap, checked->gap);
  EXPECT_GT(doubted->stationarity, 1e-3);
}

// A few of every kind: each costs a solve.
std::vector<OracleCase> SomeCases() {
  std::vector<OracleCase> cases;
  for (const char* name :
       {"gated_plain_c1_half_sum", "gated_wide_c3_mean", "gated_rank_deficient_c1_mean", "gated_plain_c3_sum",
        "relu_plain_c1_half_sum", "relu_duplicate_rows_c1_mean", "relu_rank_deficient_c3_half_sum",
        "gated_logistic_plain_c3_half_sum", "gated_squared_hinge_bias_c1_mean", "gated_cross_entropy_bias_c3_mean",
        "gated_nuclear_plain_c3_half_sum", "gated_cross_entropy_nuclear_wide_c3_mean"}) {
    cases.push_back(ReadOracleCase(name));
  }
  return cases;
}

INSTANTIATE_TEST_SUITE_P(Float64, OptimalityOfSolutions, testing::ValuesIn(SomeCases()), CaseName);

TEST(CheckOptimality, FindsAGatedOptimumStationaryWithItsOwnPatterns) {
  const Program program = ReadOracleCase("gated_plain_c1_half_sum").program;
  const auto checked = CheckOptimality(Solved(program), program.features, program.targets, ObjectiveOf(program));
  ASSERT_TRUE(checked.ok()) << checked.status();
  EXPECT_LT(checked->stationarity, 1e-2);
  EXPECT_LT(std::abs(checked->gap), 1e-4);
}

TEST(CheckOptimality, IsGlobalOverAllPatterns) {
  // Seven rows and three of the patterns: a program over all patterns is small, and three are not enough.
  Program program = ReadOracleCase("relu_plain_c1_half_sum").program;
  program.features = program.features.narrow(0, 0, 7).contiguous();
  program.targets = program.targets.narrow(0, 0, 7).contiguous();
  program.patterns.gates = program.patterns.gates.narrow(1, 0, 3).contiguous();
  program.patterns.mask = MaskOfGates(program.features, program.patterns.gates);
  program.beta *= 0.1;
  const Network restricted = Solved(program);
  OptimalityOptions options;
  options.max_enumerated = 100000;
  const auto checked = CheckOptimality(restricted, program.features, program.targets, ObjectiveOf(program), options);
  ASSERT_TRUE(checked.ok()) << checked.status();
  EXPECT_EQ(checked->reach, Reach::kGlobal);
  EXPECT_GT(checked->dual_ratio, 1) << "a few patterns are not enough here";

  auto all = EnumeratePatterns(program.features, 100000);
  ASSERT_TRUE(all.ok());
  program.patterns = *all;
  Options solving;
  solving.solver = SolverKind::kAdmm;
  solving.tolerance = 1e-5;
  solving.max_epochs = 5000;
  const auto optimal = Solve(program, {}, solving);
  ASSERT_TRUE(optimal.ok());
  const double optimum = optimal->progress.objective;
  EXPECT_LE(checked->lower_bound, optimum * (1 + 1e-4));
  const auto certified =
      CheckOptimality(Reconstruct(program, *optimal), program.features, program.targets, ObjectiveOf(program), options);
  ASSERT_TRUE(certified.ok());
  EXPECT_NEAR(certified->lower_bound, optimum, 5e-3 * optimum);

  // The search meets the same violation from random directions, without the list.
  OptimalityOptions search;
  search.search_starts = 200;
  const auto searched = CheckOptimality(restricted, program.features, program.targets, ObjectiveOf(program), search);
  ASSERT_TRUE(searched.ok()) << searched.status();
  EXPECT_EQ(searched->reach, Reach::kSearched);
  EXPECT_GT(searched->dual_ratio, 1);
  EXPECT_NEAR(searched->dual_ratio, checked->dual_ratio, 0.02 * checked->dual_ratio);
  EXPECT_FALSE(searched->dual_gate_is_own);
}

TEST(CheckOptimality, HasAnAnswerForTheZeroNetwork) {
  const Program program = ReadOracleCase("relu_plain_c1_half_sum").program;
  Network zero;
  zero.first_layer = at::zeros({program.features.size(1), 0}, program.features.options());
  zero.second_layer = at::zeros({0, 1}, program.features.options());
  const auto alone = CheckOptimality(zero, program.features, program.targets, ObjectiveOf(program));
  ASSERT_TRUE(alone.ok()) << alone.status();
  EXPECT_NEAR(alone->gap, 0, 1e-12) << "without patterns nothing is better than nothing";
  EXPECT_EQ(alone->patterns, 0);
  Objective large = ObjectiveOf(program);
  OptimalityOptions options;
  options.max_enumerated = 100000;
  large.beta = 1e6;
  const auto certain = CheckOptimality(zero, program.features, program.targets, large, options);
  ASSERT_TRUE(certain.ok());
  EXPECT_NEAR(certain->gap, 0, 1e-12);
  EXPECT_LT(certain->dual_ratio, 1);
}

TEST(CheckOptimality, RefusesWhatDoesNotFit) {
  const Program program = ReadOracleCase("relu_plain_c1_half_sum").program;
  const Network network = Solved(program);
  const auto with = [&](Objective objective, const at::Tensor& targets) {
    return CheckOptimality(network, program.features, targets, objective).status();
  };
  Objective objective = ObjectiveOf(program);
  EXPECT_TRUE(absl::IsInvalidArgument(with(objective, at::cat({program.targets, program.targets}, 1))));
  objective.beta = 0;
  EXPECT_TRUE(absl::IsInvalidArgument(with(objective, program.targets)));
  objective.beta = 1;
  objective.loss = Loss::kHinge;
  EXPECT_TRUE(absl::IsUnimplemented(with(objective, program.targets)));
  OptimalityOptions options;
  options.max_enumerated = 1;
  EXPECT_TRUE(absl::IsResourceExhausted(
      CheckOptimality(network, program.features, program.targets, ObjectiveOf(program), options).status()));
}

// The left-hand side at its best is max gᵀu over the unit vectors of the cone: here by sampling the cone.
TEST(ConeMultipliers, GiveTheLargestProductOverTheCone) {
  at::manual_seed(3);
  const auto options = at::TensorOptions().dtype(at::kDouble).device(at::kCPU);
  for (const std::int64_t inputs : {3, 70}) {  // both methods
    const std::int64_t rows = 6;
    const at::Tensor x = at::randn({rows, inputs}, options), slopes = at::randn({inputs, 4}, options);
    const at::Tensor signs = at::mm(x, at::randn({inputs, 4}, options)).ge(0).to(at::kDouble).mul_(2).sub_(1);
    const at::Tensor multipliers = ConeMultipliers(x, signs, slopes);
    EXPECT_GE((multipliers * signs).min().item<double>(), 0);
    const at::Tensor projected = slopes + at::mm(x.t(), multipliers);
    // The projection is in the cone and orthogonal to what was added: the optimality conditions of Moreau.
    const at::Tensor sides = at::mm(x, projected) * signs;
    EXPECT_GE(sides.min().item<double>(), -1e-7);
    EXPECT_LE((sides * multipliers * signs).abs().max().item<double>(), 1e-6);
    if (inputs > 3) continue;
    const at::Tensor u = at::randn({inputs, 200000}, options);
    const at::Tensor unit = u / u.square().sum(0).sqrt();
    for (std::int64_t j = 0; j < 4; ++j) {
      const at::Tensor inside = (at::mm(x, unit) * signs.narrow(1, j, 1)).ge(0).all(0);
      const at::Tensor products = at::mv(unit.t(), slopes.select(1, j)).masked_select(inside);
      const double sampled = products.numel() == 0 ? 0 : std::max(0.0, products.max().item<double>());
      const double norm = projected.select(1, j).norm().item<double>();
      EXPECT_LE(sampled, norm * (1 + 1e-9) + 1e-9);
      EXPECT_GE(sampled, norm - 0.1 * slopes.select(1, j).norm().item<double>());
    }
  }
}

}  // namespace
}  // namespace cvxnn::convex
