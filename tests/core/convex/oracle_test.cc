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
  options.solver = SolverFor(oracle.program);
  options.tolerance = tolerance;
  options.max_epochs = max_epochs;
  auto solution = Solve(oracle.program, {}, options);
  EXPECT_TRUE(solution.ok()) << solution.status();
  return *std::move(solution);
}

class AgainstTheOracle : public testing::TestWithParam<OracleGroup> {};

TEST_P(AgainstTheOracle, TheOptimumAgrees) {
  for (const OracleCase& oracle : GetParam().cases) {
    SCOPED_TRACE(oracle.name);
    const bool tight = SolverFor(oracle.program) == SolverKind::kFista;
    const double tolerance = tight ? 1e-7 : 2e-5;
    const Solution solution = SolveCase(oracle, tolerance, 50000);
    EXPECT_EQ(solution.reason, StopReason::kConverged)
        << "gap " << solution.progress.gap << " violation " << solution.progress.constraint_violation.value_or(0);
    EXPECT_NEAR(solution.progress.objective, oracle.optimum, (tight ? 1e-6 : 1e-4) * oracle.optimum);
    EXPECT_LE(solution.progress.constraint_violation.value_or(0), tolerance);
    EXPECT_NEAR(solution.beta_max, oracle.beta_max, 1e-10 * oracle.beta_max);
  }
}

TEST_P(AgainstTheOracle, TheLowerBoundStaysBelowTheOptimumAtEveryEpoch) {
  for (const OracleCase& oracle : GetParam().cases) {
    SCOPED_TRACE(oracle.name);
    Options options;
    options.solver = SolverFor(oracle.program);
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
}

INSTANTIATE_TEST_SUITE_P(Float64, AgainstTheOracle, testing::ValuesIn(ReadOracleGroups(at::kDouble)), GroupName);

class InSinglePrecision : public testing::TestWithParam<OracleGroup> {};

TEST_P(InSinglePrecision, TheOptimumAgreesAndIsBoundedFromBelow) {
  for (const OracleCase& oracle : GetParam().cases) {
    SCOPED_TRACE(oracle.name);
    // Rounded to float32 its rows have full rank, and without a penalty that is another program.
    if (oracle.name == "gated_none_rank_deficient_c1_mean") continue;
    const bool tight = SolverFor(oracle.program) == SolverKind::kFista;
    const Solution solution = SolveCase(oracle, tight ? 2e-5 : 3e-4, 20000);
    EXPECT_EQ(solution.reason, StopReason::kConverged)
        << "gap " << solution.progress.gap << " violation " << solution.progress.constraint_violation.value_or(0);
    EXPECT_NEAR(solution.progress.objective, oracle.optimum, (tight ? 5e-5 : 2e-3) * oracle.optimum);
    EXPECT_LE(solution.progress.lower_bound, oracle.optimum * (1 + 1e-5));
  }
}

INSTANTIATE_TEST_SUITE_P(Float32, InSinglePrecision, testing::ValuesIn(ReadOracleGroups(at::kFloat)), GroupName);

TEST(Pyscnn, FindsTheSameOptimaAndNothingBelowTheBound) {
  const auto answers = ReadPyscnnAnswers();
  EXPECT_GE(answers.size(), 10);
  for (const auto& [name, objective] : answers) {
    const Solution solution = SolveCase(ReadOracleCase(name), 1e-8, 50000);
    EXPECT_NEAR(solution.progress.objective, objective, 1e-7 * objective) << name;
    EXPECT_LE(solution.progress.lower_bound, objective * (1 + 1e-9)) << name;
  }
}

}  // namespace
}  // namespace cvxnn::convex
