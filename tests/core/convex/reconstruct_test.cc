// SPDX-License-Identifier: Apache-2.0
// The way back: a network with the convex objective, whose objective is computed by the network room alone.
#include "core/convex/reconstruct.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "core/network/network.h"
#include "tests/core/convex/oracle_cases.h"

namespace cvxnn::convex {
namespace {

class Reconstruction : public testing::TestWithParam<OracleGroup> {};

TEST_P(Reconstruction, KeepsTheObjectiveAtAFeasibleOptimum) {
  for (const OracleCase& oracle : GetParam().cases) {
    SCOPED_TRACE(oracle.name);
    const Program& program = oracle.program;
    const bool tight = SolverFor(program) == SolverKind::kFista;
    Options options;
    options.solver = SolverFor(program);
    options.tolerance = 1e-5;
    options.max_epochs = 50000;
    const auto solution = Solve(program, {}, options);
    ASSERT_TRUE(solution.ok());
    const Network network = Reconstruct(program, *solution);
    ASSERT_TRUE(Validate(network).ok());
    EXPECT_EQ(network.neurons(), solution->progress.active_neurons);
    const double objective =
        LossValue(program.loss, program.loss_scale, Forward(network, program.features), program.targets) +
        PenaltyValue(program.penalty, program.beta, network);
    EXPECT_NEAR(objective, solution->progress.network_objective, 1e-9 * objective);
    // Weight decay of several outputs is relaxed with cones: networks stay above the optimum.
    if (IsNuclear(program) && program.activation == Activation::kRelu) {
      EXPECT_GE(objective, oracle.optimum * (1 - 1e-4));
    } else {
      EXPECT_NEAR(objective, oracle.optimum, (tight ? 1e-5 : 1e-4) * oracle.optimum);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Float64, Reconstruction, testing::ValuesIn(ReadOracleGroups(at::kDouble)), GroupName);

TEST(Reconstruct, IsBalancedAndDropsZeroBlocks) {
  Program program = ReadOracleCase("relu_plain_c1_half_sum").program;
  const auto options = at::TensorOptions().dtype(at::kDouble);
  Solution solution;
  solution.positive = at::zeros({4, program.patterns.count()}, options);
  solution.negative = at::zeros({4, program.patterns.count()}, options);
  solution.positive.select(1, 2).copy_(at::tensor({0.0, 3.0, 0.0, 4.0}, options));
  solution.negative.select(1, 1).copy_(at::tensor({0.0, 0.0, 9.0, 0.0}, options));
  const Network network = Reconstruct(program, solution);
  ASSERT_EQ(network.neurons(), 2);
  EXPECT_FALSE(network.gates.defined());
  EXPECT_NEAR(network.second_layer[0][0].item<double>(), std::sqrt(5), 1e-12);
  EXPECT_NEAR(network.second_layer[1][0].item<double>(), -3, 1e-12);
  EXPECT_NEAR(network.first_layer[3][0].item<double>(), 4 / std::sqrt(5), 1e-12);
  EXPECT_NEAR(network.first_layer[2][1].item<double>(), 3, 1e-12);
}

}  // namespace
}  // namespace cvxnn::convex
