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

TEST(ChooseSolverTest, GatedProgramsOfLongPassesGoToAdmm) {
  EXPECT_EQ(Chosen(ProgramOf(2000, 500, 300)), convex::SolverKind::kAdmm);
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
