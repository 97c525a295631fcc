// SPDX-License-Identifier: Apache-2.0
// Both solvers against optima found by a conic interior-point solver on the formulas written out block by block.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "core/convex/solve.h"
#include "tests/core/convex/oracle_cases.h"

namespace cvxnn::convex {
namespace {

// The conic solver's own relative accuracy, with room.
double Accuracy(const OracleCase& oracle) { return std::max(1e-8, 2 * oracle.accuracy); }

Solution SolveCase(const OracleCase& oracle, double tolerance, std::int64_t max_epochs) {
  Options options;
  options.solver = oracle.program.activation == Activation::kGated ? SolverKind::kFista : SolverKind::kAdmm;
  options.tolerance = tolerance;
  options.max_epochs = max_epochs;
  auto solution = Solve(oracle.program, {}, options);
  EXPECT_TRUE(solution.ok()) << solution.status();
  return *std::move(solution);
}

class AgainstTheOracle : public testing::TestWithParam<OracleCase> {};

TEST_P(AgainstTheOracle, TheOptimumAgrees) {
  const OracleCase& oracle = GetParam();
  const bool gated = oracle.program.activation == Activation::kGated;
  const double tolerance = gated ? 1e-7 : 2e-5;
  const Solution solution = SolveCase(oracle, tolerance, 50000);
  EXPECT_EQ(solution.reason, StopReason::kConverged)
      << "gap " << solution.progress.gap << " violation " << solution.progress.constraint_violation.value_or(0);
  EXPECT_NEAR(solution.progress.objective, oracle.optimum, (gated ? 1e-6 : 1e-4) * oracle.optimum);
  EXPECT_LE(solution.progress.constraint_violation.value_or(0), tolerance);
}

TEST_P(AgainstTheOracle, TheLowerBoundStaysBelowTheOptimumAtEveryEpoch) {
  const OracleCase& oracle = GetParam();
  Options options;
  options.solver = oracle.program.activation == Activation::kGated ? SolverKind::kFista : SolverKind::kAdmm;
  options.tolerance = 0;
  options.max_epochs = 400;
  double highest = 0;
  bool falls = false;
  const auto solution = Solve(oracle.program, {}, options, [&](const Progress& progress) {
    falls = falls || progress.lower_bound < highest;
    highest = std::max(highest, progress.lower_bound);
    return true;
  });
  ASSERT_TRUE(solution.ok());
  EXPECT_LE(highest, oracle.optimum * (1 + Accuracy(oracle)));
  EXPECT_FALSE(falls);
}

TEST_P(AgainstTheOracle, BetaMaxAgrees) {
  EXPECT_NEAR(SolveCase(GetParam(), 0, 1).beta_max, GetParam().beta_max, 1e-10 * GetParam().beta_max);
}

INSTANTIATE_TEST_SUITE_P(Float64, AgainstTheOracle, testing::ValuesIn(ReadOracleCases(at::kDouble)), CaseName);

class InSinglePrecision : public testing::TestWithParam<OracleCase> {};

TEST_P(InSinglePrecision, TheOptimumAgreesAndIsBoundedFromBelow) {
  const OracleCase& oracle = GetParam();
  const bool gated = oracle.program.activation == Activation::kGated;
  const Solution solution = SolveCase(oracle, gated ? 1e-5 : 3e-4, 20000);
  EXPECT_EQ(solution.reason, StopReason::kConverged)
      << "gap " << solution.progress.gap << " violation " << solution.progress.constraint_violation.value_or(0);
  EXPECT_NEAR(solution.progress.objective, oracle.optimum, (gated ? 5e-5 : 2e-3) * oracle.optimum);
  EXPECT_LE(solution.progress.lower_bound, oracle.optimum * (1 + 1e-5));
}

INSTANTIATE_TEST_SUITE_P(Float32, InSinglePrecision, testing::ValuesIn(ReadOracleCases(at::kFloat)), CaseName);

}  // namespace
}  // namespace cvxnn::convex
