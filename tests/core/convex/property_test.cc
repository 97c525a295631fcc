// SPDX-License-Identifier: Apache-2.0
// What must not matter to a program, under every penalty: units, the order of rows and patterns, rows said twice as one
// row of double weight, columns of zeros.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <tuple>

#include "core/convex/reconstruct.h"
#include "core/convex/solve.h"
#include "tests/core/convex/oracle_cases.h"

namespace cvxnn::convex {
namespace {

class EveryProgram : public testing::TestWithParam<std::tuple<Activation, Penalty>> {
 protected:
  void SetUp() override {
    program_.activation = std::get<0>(GetParam());
    program_.penalty = std::get<1>(GetParam());
    if (program_.penalty == Penalty::kNone) {
      // Over all eight patterns every target is met.
      program_.patterns.mask = program_.patterns.mask.narrow(1, 0, 2);
      program_.patterns.gates = program_.patterns.gates.narrow(1, 0, 2);
      program_.beta = 0;
    }
    optimum_ = Solved(program_).progress.objective;
  }

  bool Gated() const { return program_.activation == Activation::kGated; }
  double Tolerance() const { return Gated() ? 1e-6 : 3e-5; }

  Solution Solved(const Program& program) const {
    Options options;
    options.solver = Gated() ? SolverKind::kFista : SolverKind::kAdmm;
    options.tolerance = Tolerance();
    options.max_epochs = 20000;
    auto solution = Solve(program, {}, options);
    EXPECT_TRUE(solution.ok()) << solution.status();
    EXPECT_EQ(solution->reason, StopReason::kConverged) << "gap " << solution->progress.gap;
    return *std::move(solution);
  }

  void ExpectOptimum(const Program& program, double optimum) const {
    EXPECT_NEAR(Solved(program).progress.objective, optimum, 4 * Tolerance() * optimum);
  }

  Program program_ = ReadOracleCase("gated_plain_c1_half_sum").program;
  double optimum_ = 0;
};

INSTANTIATE_TEST_SUITE_P(Program, EveryProgram,
                         testing::Combine(testing::Values(Activation::kGated, Activation::kRelu),
                                          testing::Values(Penalty::kGroupL2, Penalty::kRidge, Penalty::kL1,
                                                          Penalty::kFeatureGroups, Penalty::kNone)),
                         [](const auto& test) {
                           return Name(std::get<0>(test.param)) + "_" + Name(std::get<1>(test.param));
                         });

TEST_P(EveryProgram, ScalesWithItsTargets) {
  program_.targets = program_.targets.mul(1e-3);
  // Ridge is of degree two, as the loss is.
  if (program_.penalty != Penalty::kRidge) program_.beta *= 1e-3;
  ExpectOptimum(program_, 1e-6 * optimum_);
}

TEST_P(EveryProgram, ScalesWithItsFeatures) {
  program_.features = program_.features.mul(50);
  program_.beta *= program_.penalty == Penalty::kRidge ? 2500 : 50;
  ExpectOptimum(program_, optimum_);
}

TEST_P(EveryProgram, DoesNotDependOnTheOrderOfRowsAndPatterns) {
  const auto whole = at::TensorOptions().dtype(at::kLong);
  const at::Tensor rows = at::arange(program_.features.size(0) - 1, -1, -1, whole);
  const at::Tensor patterns = at::arange(program_.patterns.count() - 1, -1, -1, whole);
  program_.features = program_.features.index_select(0, rows);
  program_.targets = program_.targets.index_select(0, rows);
  program_.patterns.mask = program_.patterns.mask.index_select(0, rows).index_select(1, patterns);
  program_.patterns.gates = program_.patterns.gates.index_select(1, patterns);
  ExpectOptimum(program_, optimum_);
}

TEST_P(EveryProgram, CountsARowSaidTwiceTwice) {
  program_.features = at::cat({program_.features, program_.features}, 0);
  program_.targets = at::cat({program_.targets, program_.targets}, 0);
  program_.patterns.mask = at::cat({program_.patterns.mask, program_.patterns.mask}, 0);
  program_.beta *= 2;
  ExpectOptimum(program_, 2 * optimum_);
}

TEST_P(EveryProgram, LeavesColumnsOfZerosAlone) {
  program_.features = at::cat({program_.features, at::zeros_like(program_.features)}, 1);
  program_.patterns.gates = at::cat({program_.patterns.gates, at::zeros_like(program_.patterns.gates)}, 0);
  const Solution padded = Solved(program_);
  EXPECT_NEAR(padded.progress.objective, optimum_, 4 * Tolerance() * optimum_);
  EXPECT_EQ(padded.positive.narrow(0, 4, 4).abs().max().item<double>(), 0);
}

TEST_P(EveryProgram, BecomesANetworkWithItsOwnObjective) {
  const Solution solution = Solved(program_);
  const Network network = Reconstruct(program_, solution);
  ASSERT_TRUE(Validate(network).ok());
  const double objective =
      LossValue(program_.loss, program_.loss_scale, Forward(network, program_.features), program_.targets) +
      PenaltyValue(program_.penalty, program_.beta, network);
  EXPECT_NEAR(objective, solution.progress.network_objective, 1e-9 * objective);
  EXPECT_EQ(network.neurons(), solution.progress.active_neurons);
}

TEST(FeatureGroups, DropInputsThatSayNothing) {
  // Only the first two inputs have to do with the targets.
  const auto options = at::TensorOptions().dtype(at::kDouble);
  Program program;
  program.features = at::outer(at::arange(200, options), at::tensor({1.3, 2.1, 2.9, 0.7}, options)).sin();
  const at::Tensor x = program.features;
  program.targets = x.select(1, 0).sub(x.select(1, 1)).unsqueeze(1);
  program.patterns.gates = at::cat({at::eye(4, options), at::eye(4, options).neg()}, 1);
  program.patterns.mask = MaskOfGates(x, program.patterns.gates);
  program.penalty = Penalty::kFeatureGroups;
  program.beta_max_fraction = 0.4;
  const auto solution = Solve(program, {}, {});
  ASSERT_TRUE(solution.ok()) << solution.status();
  EXPECT_EQ(solution->reason, StopReason::kConverged);
  const at::Tensor used = solution->positive.abs().amax(1);
  EXPECT_GT(used[0].item<double>(), 0);
  EXPECT_GT(used[1].item<double>(), 0);
  EXPECT_EQ(used[2].item<double>() + used[3].item<double>(), 0);
}

TEST(Penalties, AreNotRotatedAwayWhereTheBasisMatters) {
  // More columns than rows: solved without rank reduction, so zeros of the optimum stay zeros.
  Program program = ReadOracleCase("gated_wide_c1_half_sum").program;
  program.penalty = Penalty::kL1;
  program.beta_max_fraction = 0.5;
  const auto solution = Solve(program, {}, {});
  ASSERT_TRUE(solution.ok()) << solution.status();
  EXPECT_GT(solution->positive.eq(0).sum().item<std::int64_t>(), solution->positive.numel() / 2);
}

TEST(NoPenalty, HasNoBoundForLossesWithoutAProjection) {
  Program program = ReadOracleCase("gated_plain_c1_half_sum").program;
  program.penalty = Penalty::kNone;
  program.beta = 0;
  program.loss = Loss::kLogistic;
  Options options;
  options.max_epochs = 50;
  const auto solution = Solve(program, {}, options);
  ASSERT_TRUE(solution.ok()) << solution.status();
  EXPECT_EQ(solution->reason, StopReason::kEpochLimit);
  EXPECT_EQ(solution->progress.lower_bound, 0);
  EXPECT_EQ(solution->progress.gap, 1);
}

}  // namespace
}  // namespace cvxnn::convex
