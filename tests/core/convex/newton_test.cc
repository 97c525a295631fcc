// SPDX-License-Identifier: Apache-2.0
// Newton's method on augmented Lagrangians of the dual: optima of the oracle to many digits, in tens of epochs.
#include "core/convex/solvers/newton.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "core/convex/solve.h"
#include "tests/core/convex/oracle_cases.h"
#include "tests/core/convex/random_programs.h"
#include "tests/core/convex/two_parts.h"

namespace cvxnn::convex {
namespace {

using testing::HasSubstr;

Options ByNewton(double tolerance) {
  Options options;
  options.solver = SolverKind::kNewton;
  options.tolerance = tolerance;
  options.max_epochs = 300;
  return options;
}

bool IsBuiltFor(const Program& program) {
  return program.activation == Activation::kGated && program.loss == Loss::kSquared &&
         (program.penalty == Penalty::kGroupL2 ||
          (program.penalty == Penalty::kWeightDecay && program.targets.size(1) == 1));
}

TEST(NewtonMethod, AgreesWithTheOracleInTensOfEpochs) {
  int cases = 0;
  for (const OracleCase& oracle : ReadOracleCases(at::kDouble)) {
    if (!IsBuiltFor(oracle.program)) continue;
    SCOPED_TRACE(oracle.name);
    ++cases;
    double highest = 0;
    const auto solution = Solve(oracle.program, {}, ByNewton(1e-8), [&](const Progress& progress) {
      highest = std::max(highest, progress.lower_bound);
      return true;
    });
    ASSERT_TRUE(solution.ok()) << solution.status();
    EXPECT_EQ(solution->reason, StopReason::kConverged) << solution->progress.gap;
    EXPECT_NEAR(solution->progress.objective, oracle.optimum, std::max(2e-8, 2 * oracle.accuracy) * oracle.optimum);
    EXPECT_LE(highest, oracle.optimum * (1 + std::max(1e-8, 2 * oracle.accuracy)));
    EXPECT_LE(solution->epochs, 100);
  }
  EXPECT_GE(cases, 10);
}

TEST(NewtonMethod, AgreesInSinglePrecision) {
  for (const OracleCase& oracle : ReadOracleCases(at::kFloat)) {
    if (!IsBuiltFor(oracle.program)) continue;
    SCOPED_TRACE(oracle.name);
    const auto solution = Solve(oracle.program, {}, ByNewton(2e-5));
    ASSERT_TRUE(solution.ok()) << solution.status();
    EXPECT_EQ(solution->reason, StopReason::kConverged) << solution->progress.gap;
    EXPECT_NEAR(solution->progress.objective, oracle.optimum, 5e-5 * oracle.optimum);
    EXPECT_LE(solution->progress.lower_bound, oracle.optimum * (1 + 1e-5));
  }
}

// FISTA is the other way to the same optimum; small β make long solves of it.
TEST(NewtonMethod, AgreesWithFistaOverStrengths) {
  for (const std::uint64_t seed : {1, 2, 3}) {
    for (const double share : {0.9, 0.3, 0.03}) {
      Program program = RandomProgram(seed, Loss::kSquared, Penalty::kGroupL2, 2);
      program.beta_max_fraction = share;
      Options fista;
      fista.tolerance = 1e-7;
      fista.max_epochs = 100000;
      const auto expected = Solve(program, {}, fista), found = Solve(program, {}, ByNewton(1e-7));
      ASSERT_TRUE(expected.ok() && found.ok());
      EXPECT_EQ(found->reason, StopReason::kConverged);
      EXPECT_NEAR(found->progress.objective, expected->progress.objective, 2e-7 * expected->progress.objective);
    }
  }
}

TEST(NewtonMethod, FromAnOptimumEndsSoonAndNoWorse) {
  Program program = RandomProgram(5, Loss::kSquared, Penalty::kGroupL2, 1);
  program.beta_max_fraction = 0.2;
  const auto cold = Solve(program, {}, ByNewton(1e-8));
  ASSERT_TRUE(cold.ok());
  Options options = ByNewton(1e-6);
  options.start = StartAt(*cold);
  const auto warm = Solve(program, {}, options);
  ASSERT_TRUE(warm.ok());
  EXPECT_EQ(warm->reason, StopReason::kConverged);
  EXPECT_LT(warm->epochs, cold->epochs);
  EXPECT_LE(warm->progress.objective, cold->progress.objective * (1 + 1e-6));
}

TEST(NewtonMethod, WithoutMoreToGainStalls) {
  Program program = RandomProgram(6, Loss::kSquared, Penalty::kGroupL2, 1);
  program.beta_max_fraction = 0.2;
  const auto solution = Solve(program, {}, ByNewton(0));
  ASSERT_TRUE(solution.ok()) << solution.status();
  EXPECT_TRUE(solution->reason == StopReason::kStalled || solution->reason == StopReason::kEpochLimit);
  EXPECT_LE(std::abs(solution->progress.gap), 1e-10);
}

TEST(NewtonMethod, GoesOnFromACheckpointBitForBit) {
  Program program = RandomProgram(7, Loss::kSquared, Penalty::kGroupL2, 2);
  program.beta_max_fraction = 0.05;
  const auto whole = Solve(program, {}, ByNewton(1e-8));
  ASSERT_TRUE(whole.ok());
  for (const std::int64_t at : {std::int64_t{1}, whole->epochs / 2, whole->epochs - 1}) {
    const auto rest = SolveInTwoParts(program, ByNewton(1e-8), at);
    ASSERT_TRUE(rest.ok()) << rest.status();
    EXPECT_EQ(rest->epochs, whole->epochs);
    EXPECT_TRUE(at::equal(rest->positive, whole->positive));
    EXPECT_EQ(rest->progress.lower_bound, whole->progress.lower_bound);
  }
}

TEST(NewtonMethod, IsRefusedForOtherProgramsAndWhereItDoesNotFit) {
  const auto status = [](Program program) {
    program.beta_max_fraction = 0.1;
    return Solve(program, {}, ByNewton(1e-4)).status();
  };
  EXPECT_THAT(std::string(status(RandomProgram(1, Loss::kLogistic, Penalty::kGroupL2, 1)).message()),
              HasSubstr("solver = newton: must be for gated programs of the squared loss"));
  EXPECT_TRUE(absl::IsInvalidArgument(status(RandomProgram(1, Loss::kSquared, Penalty::kL1, 1))));
  EXPECT_TRUE(absl::IsInvalidArgument(status(RandomProgram(1, Loss::kSquared, Penalty::kWeightDecay, 2))));
  Program relu = RandomProgram(1, Loss::kSquared, Penalty::kGroupL2, 1);
  relu.activation = Activation::kRelu;
  EXPECT_TRUE(absl::IsInvalidArgument(status(relu)));
  const at::Tensor like = at::zeros({1}, at::TensorOptions().device(at::kCPU));
  EXPECT_TRUE(absl::IsResourceExhausted(CheckNewtonMemory(20000000, 10, 10, like)));
  EXPECT_TRUE(CheckNewtonMemory(100, 10, 10, like).ok());
}

}  // namespace
}  // namespace cvxnn::convex
