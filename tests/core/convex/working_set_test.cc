// SPDX-License-Identifier: Apache-2.0
// Solves over working sets arrive where whole ones do, on fewer patterns, with certificates of the whole program.
#include "core/convex/solvers/working_set.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "core/convex/solve.h"
#include "tests/core/convex/oracle_cases.h"
#include "tests/core/convex/random_programs.h"
#include "tests/core/convex/two_parts.h"

namespace cvxnn::convex {
namespace {

using testing::HasSubstr;

Options OverSets(SolverKind solver, double tolerance = 1e-6) {
  Options options;
  options.solver = solver;
  options.tolerance = tolerance;
  options.max_epochs = 50000;
  options.working_set = true;
  return options;
}

class WorkingSetOracle : public testing::TestWithParam<OracleGroup> {};

TEST_P(WorkingSetOracle, TheOptimumAgrees) {
  for (const OracleCase& oracle : GetParam().cases) {
    SCOPED_TRACE(oracle.name);
    const bool tight = SolverFor(oracle.program) == SolverKind::kFista;
    double highest = 0;
    const auto solution = Solve(oracle.program, {}, OverSets(SolverFor(oracle.program), tight ? 1e-7 : 2e-5),
                                [&](const Progress& progress) {
                                  highest = std::max(highest, progress.lower_bound);
                                  return true;
                                });
    ASSERT_TRUE(solution.ok()) << solution.status();
    EXPECT_EQ(solution->reason, StopReason::kConverged) << solution->progress.gap;
    EXPECT_NEAR(solution->progress.objective, oracle.optimum, (tight ? 1e-6 : 1e-4) * oracle.optimum);
    EXPECT_LE(highest, oracle.optimum * (1 + std::max(1e-8, 2 * oracle.accuracy)));
  }
}

std::vector<OracleGroup> GroupsWithBlocks() {
  std::vector<OracleGroup> groups;
  for (OracleGroup& group : ReadOracleGroups(at::kDouble)) {
    const Program& program = group.cases.front().program;
    const bool gated = program.activation == Activation::kGated;
    if (HasBlocks(program.penalty) && (gated || !IsNuclear(program))) groups.push_back(std::move(group));
  }
  return groups;
}

INSTANTIATE_TEST_SUITE_P(Float64, WorkingSetOracle, testing::ValuesIn(GroupsWithBlocks()), GroupName);

struct Kind {
  std::string name;
  SolverKind solver;
  Loss loss;
  Penalty penalty;
  std::int64_t outputs;
  Activation activation = Activation::kGated;
};
void PrintTo(const Kind& kind, std::ostream* out) { *out << kind.name; }

class OverWorkingSets : public testing::TestWithParam<Kind> {
 protected:
  Program ProgramOf(std::uint64_t seed, double share) const {
    Program program = RandomProgram(seed, GetParam().loss, GetParam().penalty, GetParam().outputs);
    program.beta_max_fraction = share;
    program.activation = GetParam().activation;
    return program;
  }
  // ADMM takes thousands of epochs for the last digits of a program with cones.
  double Tolerance() const {
    if (GetParam().loss == Loss::kHinge) return 1e-5;
    const bool cones = GetParam().activation == Activation::kRelu;
    return cones && GetParam().solver == SolverKind::kAdmm ? 1e-4 : 1e-7;
  }
};

TEST_P(OverWorkingSets, ObjectivesAreThoseOfWholeSolves) {
  for (const std::uint64_t seed : {11, 12, 13}) {
    for (const double share : {0.6, 0.1}) {
      const Program program = ProgramOf(seed, share);
      const double tolerance = Tolerance();
      Options whole = OverSets(GetParam().solver, tolerance);
      whole.working_set = false;
      const auto expected = Solve(program, {}, whole),
                 found = Solve(program, {}, OverSets(GetParam().solver, tolerance));
      ASSERT_TRUE(expected.ok() && found.ok()) << expected.status() << found.status();
      EXPECT_EQ(found->reason, StopReason::kConverged);
      EXPECT_NEAR(found->progress.objective, expected->progress.objective,
                  2 * tolerance * expected->progress.objective);
      EXPECT_GE(found->working_set.rounds, 1);
      EXPECT_EQ(expected->working_set.rounds, 0);
      if (share > 0.5) {
        EXPECT_LT(found->working_set.patterns, 30);
      }
    }
  }
}

class ResumedOverWorkingSets : public OverWorkingSets {};

TEST_P(ResumedOverWorkingSets, GoOnFromACheckpointBitForBit) {
  const Program program = ProgramOf(21, 0.1);
  const Options options = OverSets(GetParam().solver, Tolerance());
  const auto whole = Solve(program, {}, options);
  ASSERT_TRUE(whole.ok());
  ASSERT_GT(whole->epochs, 3);
  for (const std::int64_t at : {std::int64_t{1}, whole->epochs / 2, whole->epochs - 1}) {
    const auto rest = SolveInTwoParts(program, options, at);
    ASSERT_TRUE(rest.ok()) << rest.status();
    EXPECT_EQ(rest->epochs, whole->epochs);
    EXPECT_TRUE(at::equal(rest->positive, whole->positive));
    if (program.activation == Activation::kRelu) {
      EXPECT_TRUE(at::equal(rest->negative, whole->negative));
      EXPECT_TRUE(at::equal(rest->state.multipliers, whole->state.multipliers));
    }
    EXPECT_EQ(rest->progress.lower_bound, whole->progress.lower_bound);
    EXPECT_EQ(rest->working_set.patterns, whole->working_set.patterns);
    EXPECT_EQ(rest->working_set.screened, whole->working_set.screened);
    EXPECT_EQ(rest->working_set.rounds, whole->working_set.rounds);
  }
}

constexpr auto kRelu = Activation::kRelu;
const Kind kResumable[] = {
    {"fista", SolverKind::kFista, Loss::kSquared, Penalty::kGroupL2, 1},
    {"fista_of_3_outputs", SolverKind::kFista, Loss::kSquared, Penalty::kGroupL2, 3},
    {"fista_nuclear", SolverKind::kFista, Loss::kSquared, Penalty::kWeightDecay, 3},
    {"fista_logistic", SolverKind::kFista, Loss::kLogistic, Penalty::kGroupL2, 1},
    {"fista_cross_entropy", SolverKind::kFista, Loss::kCrossEntropy, Penalty::kGroupL2, 3},
    {"admm", SolverKind::kAdmm, Loss::kSquared, Penalty::kGroupL2, 1},
    {"newton", SolverKind::kNewton, Loss::kSquared, Penalty::kGroupL2, 3},
    {"relu", SolverKind::kAdmm, Loss::kSquared, Penalty::kGroupL2, 1, kRelu},
    {"relu_of_3_outputs", SolverKind::kAdmm, Loss::kSquared, Penalty::kGroupL2, 3, kRelu},
    {"relu_logistic", SolverKind::kAdmm, Loss::kLogistic, Penalty::kWeightDecay, 1, kRelu},
};
const Kind kOthers[] = {
    {"interior_point", SolverKind::kInteriorPoint, Loss::kSquared, Penalty::kGroupL2, 1},
    {"relu_interior_point", SolverKind::kInteriorPoint, Loss::kSquared, Penalty::kGroupL2, 2, kRelu},
};
const auto kName = [](const auto& test) { return test.param.name; };

INSTANTIATE_TEST_SUITE_P(Solvers, OverWorkingSets, testing::ValuesIn(kResumable), kName);
INSTANTIATE_TEST_SUITE_P(Others, OverWorkingSets, testing::ValuesIn(kOthers), kName);
INSTANTIATE_TEST_SUITE_P(Solvers, ResumedOverWorkingSets, testing::ValuesIn(kResumable), kName);

TEST(WorkingSet, StartsWhereAnotherSolveEndedAndScreensFromThere) {
  Program program = RandomProgram(31, Loss::kSquared, Penalty::kGroupL2, 1);
  program.beta_max_fraction = 0.5;
  const auto before = Solve(program, {}, OverSets(SolverKind::kFista, 1e-8));
  ASSERT_TRUE(before.ok());
  program.beta_max_fraction = 0.49;
  const auto cold = Solve(program, {}, OverSets(SolverKind::kFista, 1e-6));
  Options options = OverSets(SolverKind::kFista, 1e-6);
  options.start = StartAt(*before);
  // The first look, before any epoch that could lower the gap further.
  options.max_epochs = 1;
  const auto first = Solve(program, {}, options);
  ASSERT_TRUE(first.ok() && cold.ok());
  EXPECT_GT(first->working_set.screened, 0);
  options.max_epochs = 50000;
  const auto warm = Solve(program, {}, options);
  ASSERT_TRUE(warm.ok());
  EXPECT_EQ(warm->reason, StopReason::kConverged);
  EXPECT_LT(warm->epochs, cold->epochs);
  EXPECT_NEAR(warm->progress.objective, cold->progress.objective, 2e-6 * cold->progress.objective);
}

TEST(WorkingSet, OfAReluProgramStaysWellBelowItsPatterns) {
  Program program = RandomProgram(51, Loss::kSquared, Penalty::kGroupL2, 1);
  program.activation = Activation::kRelu;
  program.patterns.gates = RandomNormal(5, 300, 52);
  program.patterns.mask = program.features.mm(program.patterns.gates).ge(0);
  program.beta_max_fraction = 0.1;
  Options whole = OverSets(SolverKind::kInteriorPoint, 1e-8);
  whole.working_set = false;
  const auto expected = Solve(program, {}, whole);
  ASSERT_TRUE(expected.ok()) << expected.status();
  ASSERT_EQ(expected->reason, StopReason::kConverged);
  const at::Tensor sizes =
      at::maximum(expected->positive.norm(2, at::IntArrayRef{0}), expected->negative.norm(2, at::IntArrayRef{0}));
  for (const SolverKind solver : {SolverKind::kAdmm, SolverKind::kInteriorPoint}) {
    const double tolerance = solver == SolverKind::kAdmm ? 1e-5 : 1e-8;
    const auto found = Solve(program, {}, OverSets(solver, tolerance));
    ASSERT_TRUE(found.ok()) << found.status();
    EXPECT_EQ(found->reason, StopReason::kConverged);
    EXPECT_NEAR(found->progress.objective, expected->progress.objective, 2 * tolerance * expected->progress.objective);
    EXPECT_LT(found->working_set.patterns, 150);
    EXPECT_GT(found->working_set.screened, 0);
    EXPECT_LE(found->working_set.screened, sizes.lt(1e-6 * sizes.max().item<double>()).sum().item<std::int64_t>());
  }
}

TEST(WorkingSet, OfAReluProgramLeavesOutTheBlocksThatItLeavesOut) {
  Program program = RandomProgram(61, Loss::kSquared, Penalty::kGroupL2, 1);
  program.activation = Activation::kRelu;
  program.beta_max_fraction = 0.1;
  program.blocks = at::arange(60).remainder(3).ne(0);
  Options whole = OverSets(SolverKind::kAdmm, 1e-5);
  whole.working_set = false;
  const auto expected = Solve(program, {}, whole), found = Solve(program, {}, OverSets(SolverKind::kAdmm, 1e-5));
  ASSERT_TRUE(expected.ok() && found.ok()) << expected.status() << found.status();
  EXPECT_EQ(found->reason, StopReason::kConverged);
  EXPECT_NEAR(found->progress.objective, expected->progress.objective, 2e-5 * expected->progress.objective);
  const at::Tensor norms = at::cat({found->positive, found->negative}, 1).norm(2, at::IntArrayRef{0});
  EXPECT_EQ(norms.masked_select(program.blocks.logical_not()).max().item<double>(), 0);
  EXPECT_GT(norms.max().item<double>(), 0);
}

TEST(WorkingSet, OfAReluProgramGoesOnFromAnotherAnswer) {
  Program program = RandomProgram(71, Loss::kSquared, Penalty::kGroupL2, 1);
  program.activation = Activation::kRelu;
  program.beta_max_fraction = 0.2;
  const auto before = Solve(program, {}, OverSets(SolverKind::kAdmm, 1e-5));
  ASSERT_TRUE(before.ok());
  ASSERT_EQ(before->state.multipliers.size(1), 60);
  program.beta_max_fraction = 0.19;
  const auto cold = Solve(program, {}, OverSets(SolverKind::kAdmm, 1e-4));
  Options options = OverSets(SolverKind::kAdmm, 1e-4);
  options.start = StartAt(*before);
  const auto warm = Solve(program, {}, options);
  ASSERT_TRUE(cold.ok() && warm.ok());
  EXPECT_EQ(warm->reason, StopReason::kConverged);
  EXPECT_LT(warm->epochs, cold->epochs);
  EXPECT_NEAR(warm->progress.objective, cold->progress.objective, 2e-4 * cold->progress.objective);
}

TEST(WorkingSet, OfAReluProgramAboveBetaMaxIsZero) {
  Program program = RandomProgram(81, Loss::kSquared, Penalty::kGroupL2, 1);
  program.activation = Activation::kRelu;
  program.beta_max_fraction = 1;
  const auto zero = Solve(program, {}, OverSets(SolverKind::kAdmm));
  ASSERT_TRUE(zero.ok());
  EXPECT_EQ(zero->reason, StopReason::kZeroIsExact);
  // Below the β_max of the gated program and above that of the cones, zero is the optimum too.
  program.beta_max_fraction = 0.97;
  const auto near = Solve(program, {}, OverSets(SolverKind::kAdmm));
  ASSERT_TRUE(near.ok());
  EXPECT_EQ(near->reason, StopReason::kConverged);
}

TEST(WorkingSet, EndsAtEveryRule) {
  Program program = RandomProgram(41, Loss::kSquared, Penalty::kGroupL2, 1);
  program.beta_max_fraction = 0.1;
  Options options = OverSets(SolverKind::kFista, 0);
  options.max_epochs = 7;
  const auto limited = Solve(program, {}, options);
  ASSERT_TRUE(limited.ok());
  EXPECT_EQ(limited->reason, StopReason::kEpochLimit);
  EXPECT_EQ(limited->epochs, 7);
  options.max_epochs = 50000;
  const auto stopped = Solve(program, {}, options, [](const Progress& progress) { return progress.epoch < 5; });
  ASSERT_TRUE(stopped.ok());
  EXPECT_EQ(stopped->reason, StopReason::kStopped);
  EXPECT_EQ(stopped->epochs, 5);
  const auto stalled = Solve(program, {}, options);
  ASSERT_TRUE(stalled.ok());
  EXPECT_EQ(stalled->reason, StopReason::kStalled);
  EXPECT_LE(std::abs(stalled->progress.gap), 1e-9);
  program.beta_max_fraction = 1;
  const auto zero = Solve(program, {}, options);
  ASSERT_TRUE(zero.ok());
  EXPECT_EQ(zero->reason, StopReason::kZeroIsExact);
}

TEST(WorkingSet, OfWideFloat32DataIsSolvedInTheBasisOfItsRows) {
  for (const char* name : {"gated_wide_c1_half_sum", "gated_wide_c3_half_sum", "gated_duplicate_rows_c1_mean",
                           "relu_wide_c1_half_sum", "relu_duplicate_rows_c3_mean"}) {
    for (const OracleCase& oracle : ReadOracleCases(at::kFloat)) {
      if (oracle.name != name) continue;
      const auto solution = Solve(oracle.program, {}, OverSets(SolverFor(oracle.program), 2e-5));
      ASSERT_TRUE(solution.ok()) << solution.status();
      EXPECT_EQ(solution->reason, StopReason::kConverged);
      EXPECT_NEAR(solution->progress.objective, oracle.optimum, 5e-5 * oracle.optimum);
      EXPECT_LE(solution->progress.lower_bound, oracle.optimum * (1 + 1e-5));
    }
  }
}

TEST(WorkingSet, IsRefusedWhereItIsNotBuilt) {
  const auto refusal = [](Program program, SolverKind solver) {
    program.beta_max_fraction.reset();
    program.beta = 0.1;
    return std::string(Solve(program, {}, OverSets(solver)).status().message());
  };
  const Program gated = RandomProgram(1, Loss::kSquared, Penalty::kGroupL2, 1);
  Program other = gated;
  other.penalty = Penalty::kRidge;
  EXPECT_THAT(refusal(other, SolverKind::kFista), HasSubstr("working_set: must be off but for programs of the group"));
  other.penalty = Penalty::kL1;
  EXPECT_THAT(refusal(other, SolverKind::kAdmm), HasSubstr("working_set"));
  EXPECT_THAT(refusal(gated, SolverKind::kPenalty), HasSubstr("working_set"));
  other = RandomProgram(1, Loss::kSquared, Penalty::kWeightDecay, 2);
  other.activation = Activation::kRelu;
  EXPECT_THAT(refusal(other, SolverKind::kAdmm), HasSubstr("(ReLU: of one output)"));
}

}  // namespace
}  // namespace cvxnn::convex
