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
    if (program.activation == Activation::kGated && HasBlocks(program.penalty)) groups.push_back(std::move(group));
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
};
void PrintTo(const Kind& kind, std::ostream* out) { *out << kind.name; }

class OverWorkingSets : public testing::TestWithParam<Kind> {
 protected:
  Program ProgramOf(std::uint64_t seed, double share) const {
    Program program = RandomProgram(seed, GetParam().loss, GetParam().penalty, GetParam().outputs);
    program.beta_max_fraction = share;
    return program;
  }
};

TEST_P(OverWorkingSets, ObjectivesAreThoseOfWholeSolves) {
  for (const std::uint64_t seed : {11, 12, 13}) {
    for (const double share : {0.6, 0.1}) {
      const Program program = ProgramOf(seed, share);
      const double tolerance = GetParam().loss == Loss::kHinge ? 1e-5 : 1e-7;
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

TEST_P(OverWorkingSets, GoOnFromACheckpointBitForBit) {
  const Program program = ProgramOf(21, 0.1);
  const Options options = OverSets(GetParam().solver, 1e-7);
  const auto whole = Solve(program, {}, options);
  ASSERT_TRUE(whole.ok());
  ASSERT_GT(whole->epochs, 3);
  for (const std::int64_t at : {std::int64_t{1}, whole->epochs / 2, whole->epochs - 1}) {
    Options interrupted = options;
    std::string saved;  // made at once: a solver may change its tensors in place
    std::int64_t epoch = 0;
    interrupted.checkpoint_due = [&] { return epoch == at; };
    interrupted.save_state = [&](descent::State state) { saved = descent::ToBytes(state); };
    ASSERT_TRUE(Solve(program, {}, interrupted, [&](const Progress& progress) {
                  epoch = progress.epoch;
                  return true;
                }).ok());
    const auto state = descent::FromBytes(saved);
    ASSERT_TRUE(state.ok());
    Options resumed = options;
    resumed.resume_from = &*state;
    const auto rest = Solve(program, {}, resumed);
    ASSERT_TRUE(rest.ok()) << rest.status();
    EXPECT_EQ(rest->epochs, whole->epochs);
    EXPECT_TRUE(at::equal(rest->positive, whole->positive));
    EXPECT_EQ(rest->progress.lower_bound, whole->progress.lower_bound);
    EXPECT_EQ(rest->working_set.patterns, whole->working_set.patterns);
    EXPECT_EQ(rest->working_set.screened, whole->working_set.screened);
    EXPECT_EQ(rest->working_set.rounds, whole->working_set.rounds);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Solvers, OverWorkingSets,
    testing::Values(Kind{"fista", SolverKind::kFista, Loss::kSquared, Penalty::kGroupL2, 1},
                    Kind{"fista_of_3_outputs", SolverKind::kFista, Loss::kSquared, Penalty::kGroupL2, 3},
                    Kind{"fista_nuclear", SolverKind::kFista, Loss::kSquared, Penalty::kWeightDecay, 3},
                    Kind{"fista_logistic", SolverKind::kFista, Loss::kLogistic, Penalty::kGroupL2, 1},
                    Kind{"fista_cross_entropy", SolverKind::kFista, Loss::kCrossEntropy, Penalty::kGroupL2, 3},
                    Kind{"admm", SolverKind::kAdmm, Loss::kSquared, Penalty::kGroupL2, 1},
                    Kind{"newton", SolverKind::kNewton, Loss::kSquared, Penalty::kGroupL2, 3}),
    [](const auto& test) { return test.param.name; });

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
  for (const char* name : {"gated_wide_c1_half_sum", "gated_wide_c3_half_sum", "gated_duplicate_rows_c1_mean"}) {
    for (const OracleCase& oracle : ReadOracleCases(at::kFloat)) {
      if (oracle.name != name) continue;
      const auto solution = Solve(oracle.program, {}, OverSets(SolverKind::kFista, 2e-5));
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
  EXPECT_THAT(refusal(other, SolverKind::kFista), HasSubstr("working_set: must be off but for gated programs"));
  other.penalty = Penalty::kL1;
  EXPECT_THAT(refusal(other, SolverKind::kAdmm), HasSubstr("working_set"));
  EXPECT_THAT(refusal(gated, SolverKind::kInteriorPoint), HasSubstr("working_set"));
  EXPECT_THAT(refusal(gated, SolverKind::kPenalty), HasSubstr("working_set"));
  other = gated;
  other.activation = Activation::kRelu;
  EXPECT_THAT(refusal(other, SolverKind::kAdmm), HasSubstr("working_set"));
}

}  // namespace
}  // namespace cvxnn::convex
