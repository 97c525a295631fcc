// SPDX-License-Identifier: Apache-2.0
// The interior point method: the oracle's optimum to many digits, on data that tempt a factorisation to fail.
#include "core/convex/solvers/interior_point.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "core/convex/solve.h"
#include "core/patterns/enumerated.h"
#include "core/patterns/sampled.h"
#include "tests/core/convex/oracle_cases.h"

namespace cvxnn::convex {
namespace {

using testing::HasSubstr;

const auto kWide = at::TensorOptions().dtype(at::kDouble);  // NOLINT(cert-err58-cpp)

Options WithTolerance(double tolerance, SolverKind solver = SolverKind::kInteriorPoint) {
  Options options;
  options.solver = solver;
  options.tolerance = tolerance;
  options.max_epochs = solver == SolverKind::kInteriorPoint ? 60 : 100000;
  return options;
}

std::vector<OracleCase> SquaredCases() {
  std::vector<OracleCase> cases = ReadOracleCases(at::kDouble);
  std::erase_if(cases, [](const OracleCase& oracle) {
    return oracle.program.loss != Loss::kSquared || oracle.program.penalty != Penalty::kGroupL2;
  });
  return cases;
}

class InteriorPointAgainstTheOracle : public testing::TestWithParam<OracleCase> {};
INSTANTIATE_TEST_SUITE_P(Squared, InteriorPointAgainstTheOracle, testing::ValuesIn(SquaredCases()), CaseName);

TEST_P(InteriorPointAgainstTheOracle, TheOptimumAgreesAndTheBoundStaysBelow) {
  const OracleCase& oracle = GetParam();
  double highest = 0;
  const auto solution = Solve(oracle.program, {}, WithTolerance(1e-9), [&](const Progress& progress) {
    highest = std::max(highest, progress.lower_bound);
    return true;
  });
  ASSERT_TRUE(solution.ok()) << solution.status();
  EXPECT_EQ(solution->reason, StopReason::kConverged)
      << solution->trouble << " gap " << solution->progress.gap << " violation "
      << solution->progress.constraint_violation.value_or(0);
  EXPECT_LE(solution->epochs, 40);
  const double accuracy = std::max(1e-8, 2 * oracle.accuracy);
  EXPECT_NEAR(solution->progress.objective, oracle.optimum, accuracy * oracle.optimum);
  EXPECT_LE(highest, oracle.optimum * (1 + accuracy));
}

TEST_P(InteriorPointAgainstTheOracle, FailsGracefullyWhenAskedForMoreThanFloat64Has) {
  Options options = WithTolerance(0);
  options.max_epochs = 500;
  const auto solution = Solve(GetParam().program, {}, options);
  ASSERT_TRUE(solution.ok()) << solution.status();
  EXPECT_EQ(solution->reason, StopReason::kStalled);
  EXPECT_LE(std::abs(solution->progress.gap), 1e-9);
  EXPECT_LE(solution->progress.constraint_violation.value_or(0), 1e-9);
}

// Rows on a circle with repeats, a row of zeros, a column of zeros and columns that depend on others.
Program AwkwardProgram(Activation activation) {
  Program program;
  program.activation = activation;
  const at::Tensor t = at::arange(12, kWide);
  const at::Tensor plane = at::stack({t.mul(1.3).sin(), t.mul(0.7).cos()}, 1);
  const at::Tensor rows =
      at::cat({plane, plane.narrow(0, 0, 4), plane.narrow(0, 2, 2).mul(-3), at::zeros({1, 2}, kWide)});
  program.features = at::cat({rows, at::zeros({19, 1}, kWide), rows.sum(1, true)}, 1);
  program.targets = at::arange(19, kWide).mul(2.1).sin().unsqueeze(1);
  program.patterns = *EnumeratePatterns(program.features, 1000);
  return program;
}

class InteriorPointOnAwkwardData : public testing::TestWithParam<Activation> {};
INSTANTIATE_TEST_SUITE_P(Activation, InteriorPointOnAwkwardData, testing::Values(Activation::kGated, Activation::kRelu),
                         [](const testing::TestParamInfo<Activation>& test) { return Name(test.param); });

TEST_P(InteriorPointOnAwkwardData, IsExactFromTinyBetaToNearlyBetaMax) {
  Program program = AwkwardProgram(GetParam());
  for (const double share : {1e-4, 1e-2, 0.3, 0.9, 0.999}) {
    program.beta_max_fraction = share;
    const auto exact = Solve(program, {}, WithTolerance(1e-8));
    ASSERT_TRUE(exact.ok()) << exact.status();
    EXPECT_EQ(exact->reason, StopReason::kConverged) << share << ": gap " << exact->progress.gap;
    EXPECT_LE(exact->epochs, 50);
    if (share < 0.01) continue;
    const auto other = Solve(
        program, {}, WithTolerance(1e-5, GetParam() == Activation::kGated ? SolverKind::kFista : SolverKind::kAdmm));
    ASSERT_TRUE(other.ok());
    EXPECT_NEAR(exact->progress.objective, other->progress.objective, 3e-5 * exact->progress.objective) << share;
  }
}

TEST_P(InteriorPointOnAwkwardData, IsSparse) {
  Program program = AwkwardProgram(GetParam());
  program.beta_max_fraction = 0.2;
  const auto solution = Solve(program, {}, WithTolerance(1e-9));
  ASSERT_TRUE(solution.ok());
  EXPECT_GT(solution->progress.active_neurons, 0);
  EXPECT_LE(solution->progress.active_neurons, 19);  // there is an optimum with no more neurons than rows
  EXPECT_LT(solution->progress.active_neurons, program.patterns.count());
}

TEST_P(InteriorPointOnAwkwardData, GivesMultipliersThatStartAdmm) {
  if (GetParam() == Activation::kGated) return;
  Program program = AwkwardProgram(GetParam());
  program.beta_max_fraction = 0.2;
  const auto exact = Solve(program, {}, WithTolerance(1e-9));
  ASSERT_TRUE(exact.ok());
  Options options = WithTolerance(1e-5, SolverKind::kAdmm);
  const auto cold = Solve(program, {}, options);
  options.start = StartAt(*exact);
  const auto warm = Solve(program, {}, options);
  ASSERT_TRUE(cold.ok() && warm.ok());
  EXPECT_LE(warm->epochs, 3);
  EXPECT_GT(cold->epochs, 10);
}

Program PlaneProgram(std::int64_t rows, double beta) {
  Program program;
  program.activation = Activation::kRelu;
  const at::Tensor t = at::arange(rows, kWide);
  program.features = at::stack({t.mul(1.7).sin(), t.mul(2.9).cos()}, 1);
  program.targets = t.mul(0.9).sin().add(t.mul(0.3).cos()).unsqueeze(1);
  program.patterns = *EnumeratePatterns(program.features, 1000);
  program.beta = beta;
  return program;
}

// The same program, without what is done for data in the plane.
Program WithAColumnOfZeros(Program program) {
  program.features = at::cat({program.features, at::zeros({program.features.size(0), 1}, kWide)}, 1);
  program.patterns.gates = at::Tensor();
  return program;
}

// Cells are thin, and weights in them long, when there are many: with so small a β they reach lengths of thousands.
TEST(InteriorPoint, SolvesOverAllPatternsOfPlaneData) {
  for (const auto& [rows, beta] : {std::pair(20, 1e-4), std::pair(60, 1e-2)}) {
    const auto solution = Solve(PlaneProgram(rows, beta), {}, WithTolerance(1e-10));
    ASSERT_TRUE(solution.ok()) << solution.status();
    EXPECT_EQ(solution->reason, StopReason::kConverged) << rows << ": gap " << solution->progress.gap;
    EXPECT_LE(solution->epochs, 50);
    const auto other = Solve(WithAColumnOfZeros(PlaneProgram(rows, beta)), {}, WithTolerance(1e-7));
    ASSERT_TRUE(other.ok()) << other.status();
    EXPECT_EQ(other->reason, StopReason::kConverged);
    EXPECT_NEAR(solution->progress.objective, other->progress.objective, 2e-7 * other->progress.objective);
    EXPECT_LE(other->progress.lower_bound, solution->progress.objective * (1 + 1e-12));
  }
}

TEST(InteriorPoint, SolvesOverSomePatternsAndSeveralOutputsOfPlaneData) {
  Program program = PlaneProgram(40, 0.05);
  const at::Tensor some = at::arange(0, program.patterns.count(), 3, at::kLong);
  program.patterns = {program.patterns.mask.index_select(1, some), at::Tensor()};
  // The last output is zero, and the one before nearly.
  const at::Tensor& y = program.targets;
  program.targets = at::cat({y, y.square(), y.mul(1e-3), at::zeros_like(y)}, 1);
  const auto solution = Solve(program, {}, WithTolerance(1e-9));
  const auto other = Solve(WithAColumnOfZeros(program), {}, WithTolerance(1e-6));
  ASSERT_TRUE(solution.ok() && other.ok());
  EXPECT_EQ(other->reason, StopReason::kConverged) << other->progress.gap;
  EXPECT_EQ(solution->reason, StopReason::kConverged) << solution->progress.gap;
  EXPECT_NEAR(solution->progress.objective, other->progress.objective, 1e-6 * other->progress.objective);
  EXPECT_LE(solution->progress.lower_bound, other->progress.objective * (1 + 1e-12));
}

TEST(InteriorPoint, GivesMultipliersOfPlaneDataThatStartAdmm) {
  const Program program = PlaneProgram(10, 0.2);
  const auto exact = Solve(program, {}, WithTolerance(1e-9));
  ASSERT_TRUE(exact.ok());
  Options options = WithTolerance(1e-5, SolverKind::kAdmm);
  const auto cold = Solve(program, {}, options);
  options.start = StartAt(*exact);
  const auto warm = Solve(program, {}, options);
  ASSERT_TRUE(cold.ok() && warm.ok());
  EXPECT_LE(warm->epochs, 3) << cold->epochs;
  EXPECT_GT(cold->epochs, 10);
}

TEST(InteriorPoint, IsRefusedForOtherLossesPenaltiesAndPrecisions) {
  Program program = ReadOracleCase("gated_plain_c3_half_sum").program;
  const auto message = [](const Program& asked) {
    return std::string(Solve(asked, {}, WithTolerance(1e-8)).status().message());
  };
  Program other = program;
  other.loss = Loss::kSquaredHinge;
  EXPECT_THAT(message(other), HasSubstr("solver = interior_point: must be for the squared loss"));
  other = program;
  other.penalty = Penalty::kWeightDecay;
  EXPECT_THAT(message(other), HasSubstr("solver = interior_point"));
  other = program;
  other.features = other.features.to(at::kFloat);
  EXPECT_THAT(message(other), HasSubstr("solver = interior_point"));
}

TEST(InteriorPoint, IsRefusedWhereItsFactorsDoNotFit) {
  const at::Tensor like = at::empty({0}, kWide);
  const absl::Status status = CheckInteriorPointMemory(2'000'000, 10, 10, 1, true, like);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(status.message()), testing::MatchesRegex(".*needs [0-9]+ bytes.*available on cpu: [0-9]+.*"));
  EXPECT_TRUE(CheckInteriorPointMemory(100, 10, 10, 1, true, like).ok());
}

}  // namespace
}  // namespace cvxnn::convex
