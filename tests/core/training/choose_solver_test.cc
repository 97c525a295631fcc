// SPDX-License-Identifier: Apache-2.0
// Which solver `auto` takes, by sizes alone: nothing is solved.
#include "core/training/choose_solver.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace cvxnn::training {
namespace {

convex::Program ProgramOf(std::int64_t rows, std::int64_t inputs, std::int64_t patterns) {
  convex::Program program;
  program.features = at::zeros({rows, inputs}, at::kFloat);
  program.targets = at::zeros({rows, 1}, at::kFloat);
  program.patterns.mask = at::zeros({rows, patterns}, at::kBool);
  program.beta = 1;
  return program;
}

convex::SolverKind Chosen(const convex::Program& program, ConvexSolver asked = ConvexSolver::kAuto) {
  Spec spec;
  spec.loss = program.loss;
  ConvexTraining convex;
  convex.activation = program.activation;
  convex.solver = asked;
  return ChooseSolver(spec, convex, program).kind;
}

TEST(ChooseSolverTest, GatedProgramsOfLongPassesGoToNewtonsMethodOrAdmm) {
  EXPECT_EQ(Chosen(ProgramOf(2000, 500, 300)), convex::SolverKind::kNewton);
  EXPECT_EQ(Chosen(ProgramOf(1000, 50, 500)), convex::SolverKind::kNewton);
  convex::Program wide = ProgramOf(1000, 50, 500);
  wide.features = wide.features.to(at::kDouble);
  Spec tight;
  tight.stopping.tolerance = 1e-8;
  EXPECT_EQ(ChooseSolver(tight, ConvexTraining(), wide).kind, convex::SolverKind::kNewton);
  EXPECT_EQ(Chosen(ProgramOf(8000, 500, 300)), convex::SolverKind::kAdmm);
  convex::Program nuclear = ProgramOf(2000, 500, 300);
  nuclear.targets = at::zeros({2000, 2}, at::kFloat);
  EXPECT_EQ(Chosen(nuclear), convex::SolverKind::kNewton);
  nuclear.penalty = Penalty::kWeightDecay;
  EXPECT_EQ(Chosen(nuclear), convex::SolverKind::kAdmm);
}

TEST(ChooseSolverTest, WorkingSetsGoWithFistaOverManyPatternsUnlessTheSpecSays) {
  const auto over_sets = [](const convex::Program& program, ConvexSolver asked, WorkingSet working_set) {
    Spec spec;
    spec.loss = program.loss;
    spec.penalty = program.penalty;
    ConvexTraining convex;
    convex.activation = program.activation;
    convex.solver = asked;
    convex.working_set = working_set;
    return ChooseSolver(spec, convex, program).working_set;
  };
  convex::Program program = ProgramOf(2000, 500, 300);
  EXPECT_TRUE(over_sets(program, ConvexSolver::kFista, WorkingSet::kAuto));
  EXPECT_FALSE(over_sets(program, ConvexSolver::kFista, WorkingSet::kOff));
  EXPECT_FALSE(over_sets(program, ConvexSolver::kAuto, WorkingSet::kAuto));
  EXPECT_TRUE(over_sets(program, ConvexSolver::kAuto, WorkingSet::kOn));
  EXPECT_FALSE(over_sets(ProgramOf(100, 20, 40), ConvexSolver::kFista, WorkingSet::kAuto));
  EXPECT_FALSE(over_sets(ProgramOf(2000, 500, 31), ConvexSolver::kFista, WorkingSet::kAuto));
  program.loss = Loss::kLogistic;
  EXPECT_TRUE(over_sets(program, ConvexSolver::kAuto, WorkingSet::kAuto));
  program.penalty = Penalty::kL1;
  EXPECT_FALSE(over_sets(program, ConvexSolver::kAuto, WorkingSet::kAuto));
}

TEST(ChooseSolverTest, SmallGatedProgramsAndThoseOfManyRowsGoToFista) {
  EXPECT_EQ(Chosen(ProgramOf(100, 20, 30)), convex::SolverKind::kFista);
  EXPECT_EQ(Chosen(ProgramOf(60000, 10, 500)), convex::SolverKind::kFista);
}

TEST(ChooseSolverTest, OtherLossesAndNamedSolversAreLeftAlone) {
  convex::Program program = ProgramOf(2000, 500, 300);
  EXPECT_EQ(Chosen(program, ConvexSolver::kFista), convex::SolverKind::kFista);
  program.loss = Loss::kLogistic;
  EXPECT_EQ(Chosen(program), convex::SolverKind::kFista);
}

}  // namespace
}  // namespace cvxnn::training
