// SPDX-License-Identifier: Apache-2.0
// The penalty method: its subgradients against central differences, its answers against the conic solver's optima as ρ
// grows, its bounds below them, and the same answer for the same seed.
#include "core/convex/solvers/penalty_method.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <tuple>
#include <vector>

#include "core/convex/solve.h"
#include "core/convex/solvers/penalized_objective.h"
#include "tests/core/convex/oracle_cases.h"

namespace cvxnn::convex {
namespace {

// In the square of the place, so that blocks have all their singular values and no norm a kink.
at::Tensor Wave(std::int64_t rows, std::int64_t cols, double phase) {
  const auto options = at::TensorOptions().device(at::kCPU).dtype(at::kDouble);
  return (at::arange(rows * cols, options).square() * 0.37 + phase).sin().view({rows, cols});
}

struct Pieces {
  Pieces(Loss loss, Penalty penalty, std::int64_t outputs)
      : map(Wave(7, 4, 0.3), Wave(7, 5, 0.1).gt(0).to(at::kByte), outputs),
        targets(loss == Loss::kCrossEntropy
                    ? at::one_hot(at::arange(7, at::kLong).remainder(outputs), outputs).to(at::kDouble)
                    : (loss == Loss::kSquared ? Wave(7, outputs, 0.9) : Wave(7, outputs, 0.9).sign())),
        function(MakePenaltyFunction(penalty, outputs)),
        problem{map, targets, correlations, loss, 0.3, {}, *function} {}

  PatternOperator map;
  at::Tensor targets, correlations;
  std::unique_ptr<const PenaltyFunction> function;
  HalfSumProblem problem;
};

class EveryPenalizedObjective : public testing::TestWithParam<std::tuple<Loss, Penalty, bool>> {};
INSTANTIATE_TEST_SUITE_P(Program, EveryPenalizedObjective,
                         testing::Combine(testing::Values(Loss::kSquared, Loss::kLogistic, Loss::kCrossEntropy,
                                                          Loss::kHinge, Loss::kSquaredHinge),
                                          testing::Values(Penalty::kGroupL2, Penalty::kWeightDecay, Penalty::kRidge,
                                                          Penalty::kL1, Penalty::kFeatureGroups, Penalty::kNone),
                                          testing::Bool()),
                         [](const auto& test) {
                           return Name(std::get<0>(test.param)) + "_" + Name(std::get<1>(test.param)) +
                                  (std::get<2>(test.param) ? "_relu" : "_gated");
                         });

TEST_P(EveryPenalizedObjective, HasTheSubgradientOfCentralDifferences) {
  const auto& [loss, penalty, cones] = GetParam();
  const Pieces pieces(loss, penalty, /*outputs=*/3);
  const PenalizedObjective objective(pieces.problem, cones, /*rho=*/0.7);
  at::Tensor weights = Wave(4, objective.columns(), 0.5), gradient = at::zeros_like(weights);
  DualRows duals{at::zeros_like(pieces.targets), at::zeros({7, objective.columns()}, weights.options())};
  objective.Pass(weights, {}, &gradient, &duals);
  gradient.add_(pieces.function->Subgradient(weights), pieces.problem.beta);
  constexpr double kStep = 1e-6;
  for (std::int64_t i = 0; i < weights.numel(); i += 7) {
    const auto value = [&](double step) {
      at::Tensor moved = weights.clone();
      moved.view({-1}).select(0, i).add_(step);
      return objective.Value(objective.Pass(moved, {}, nullptr, nullptr), moved);
    };
    EXPECT_NEAR(gradient.view({-1})[i].item<double>(), (value(kStep) - value(-kStep)) / (2 * kStep), 1e-7) << i;
  }
}

TEST_P(EveryPenalizedObjective, IsTheSumOfItsBatches) {
  const auto& [loss, penalty, cones] = GetParam();
  const Pieces pieces(loss, penalty, /*outputs=*/3);
  const PenalizedObjective objective(pieces.problem, cones, /*rho=*/0.7);
  const at::Tensor weights = Wave(4, objective.columns(), 0.5);
  const auto pass = [&](const std::vector<std::vector<std::int64_t>>& batches) {
    at::Tensor gradient = at::zeros_like(weights);
    DualRows duals{at::zeros_like(pieces.targets), at::zeros({7, objective.columns()}, weights.options())};
    PenalizedSums all;
    for (const auto& rows : batches) {
      const PenalizedSums sums =
          objective.Pass(weights, rows.empty() ? at::Tensor() : at::tensor(rows, at::kLong), &gradient, &duals);
      all.loss += sums.loss;
      all.violation += sums.violation;
    }
    return std::tuple(all.loss, all.violation, gradient, duals.dual, duals.row_side);
  };
  const auto whole = pass({{}}), parts = pass({{3, 0}, {6, 1, 2}, {5, 4}});
  EXPECT_NEAR(std::get<0>(parts), std::get<0>(whole), 1e-12);
  EXPECT_NEAR(std::get<1>(parts), std::get<1>(whole), 1e-12);
  EXPECT_TRUE(at::allclose(std::get<2>(parts), std::get<2>(whole), 1e-12, 1e-13));
  EXPECT_TRUE(at::allclose(std::get<3>(parts), std::get<3>(whole), 1e-12, 1e-13));
  EXPECT_TRUE(at::allclose(std::get<4>(parts), std::get<4>(whole), 1e-12, 1e-13));
  // What the bound takes for the constraints of the dual point is Xᵀ of its rows.
  const at::Tensor side = cones ? std::get<4>(whole) : pieces.map.Adjoint(std::get<3>(whole));
  const at::Tensor constraints = cones ? at::mm(pieces.map.features().t(), side) : side;
  EXPECT_TRUE(at::allclose(constraints, std::get<2>(whole).neg(), 1e-12, 1e-13));
}

Solution Solved(const Program& program, const PenaltySettings& settings, std::int64_t epochs, std::uint64_t seed = 0) {
  Options options;
  options.solver = SolverKind::kPenalty;
  options.penalty = settings;
  options.max_epochs = epochs;
  options.tolerance = 0;
  options.seed = seed;
  auto solution = Solve(program, {}, options);
  EXPECT_TRUE(solution.ok()) << solution.status();
  return *std::move(solution);
}

PenaltySettings Falling(double rho, double rate, std::int64_t epochs, std::int64_t batch_size) {
  PenaltySettings settings;
  settings.rho = rho;
  settings.optimizer = descent::Adam();
  settings.learning_rate = rate;
  settings.schedule.kind = descent::CosineAnnealing{epochs, 0};
  settings.batch_size = batch_size;
  return settings;
}

TEST(PenaltyMethod, ApproachesTheOptimumAsRhoGrows) {
  const OracleCase oracle = ReadOracleCase("relu_plain_c1_half_sum");
  std::vector<double> objectives, violations;
  for (const double rho : {0.01, 0.1, 10.0}) {
    Options options;
    options.solver = SolverKind::kPenalty;
    options.penalty = Falling(rho, 0.02, 1500, 0);
    options.max_epochs = 1500;
    options.tolerance = 0;
    // Where it ends: an answer is the iterate that was nearest to an optimum of the program, gap and cones together.
    Progress last;
    const auto solution = Solve(oracle.program, {}, options, [&](const Progress& progress) {
      last = progress;
      return true;
    });
    ASSERT_TRUE(solution.ok());
    objectives.push_back(last.objective);
    violations.push_back(*last.constraint_violation);
    EXPECT_LE(solution->progress.lower_bound, oracle.optimum * (1 + 1e-8));
  }
  // With a low price the cones are left and the objective is below the optimum; it rises to it.
  EXPECT_LT(objectives[0], 0.99 * oracle.optimum);
  EXPECT_LT(objectives[0], objectives[1]);
  EXPECT_LT(objectives[1], objectives[2]);
  EXPECT_GT(violations[0], violations[1]);
  EXPECT_GT(violations[1], 10 * violations[2]);
  EXPECT_NEAR(objectives[2], oracle.optimum, 2e-3 * oracle.optimum);
  EXPECT_LE(violations[2], 2e-3);
}

TEST(PenaltyMethod, CertifiesMoreThanZero) {
  const OracleCase oracle = ReadOracleCase("relu_plain_c1_half_sum");
  const Solution solution = Solved(oracle.program, Falling(1, 0.02, 1500, 0), 1500);
  EXPECT_GE(solution.progress.lower_bound, 0.9 * oracle.optimum);
  EXPECT_LE(solution.progress.lower_bound, oracle.optimum * (1 + 1e-8));
}

class PenaltyMethodWith : public testing::TestWithParam<descent::Optimizer> {};
INSTANTIATE_TEST_SUITE_P(Optimizer, PenaltyMethodWith,
                         testing::Values(descent::Sgd{0.9}, descent::Adam(), descent::Adagrad(), descent::Adadelta(),
                                         descent::Lbfgs()),
                         [](const auto& test) { return descent::Name(test.param); });

TEST_P(PenaltyMethodWith, LowersGatedObjectivesTowardsTheOptimum) {
  const OracleCase oracle = ReadOracleCase("gated_plain_c1_half_sum");
  PenaltySettings settings;
  settings.optimizer = GetParam();
  if (std::holds_alternative<descent::Sgd>(GetParam())) settings.learning_rate = 1e-3;
  if (std::holds_alternative<descent::Adam>(GetParam())) settings.learning_rate = 0.02;
  if (std::holds_alternative<descent::Adagrad>(GetParam())) settings.learning_rate = 0.1;
  if (std::holds_alternative<descent::Adadelta>(GetParam())) settings.learning_rate = 5;
  const Solution solution = Solved(oracle.program, settings, 1500);
  EXPECT_NEAR(solution.progress.objective, oracle.optimum, 0.15 * oracle.optimum);
  EXPECT_GE(solution.progress.objective, oracle.optimum * (1 - 1e-9));
  EXPECT_LE(solution.progress.lower_bound, oracle.optimum * (1 + 1e-9));
}

TEST(PenaltyMethod, ReachesTheOptimumWithMiniBatches) {
  for (const char* const name : {"relu_plain_c1_half_sum", "gated_plain_c1_half_sum"}) {
    const OracleCase oracle = ReadOracleCase(name);
    const Solution solution = Solved(oracle.program, Falling(10, 0.02, 600, 3), 600);
    EXPECT_NEAR(solution.progress.objective, oracle.optimum, 2e-2 * oracle.optimum) << name;
    EXPECT_LE(solution.progress.constraint_violation.value_or(0), 2e-2) << name;
    EXPECT_LE(solution.progress.lower_bound, oracle.optimum * (1 + 1e-9)) << name;
  }
}

TEST(PenaltyMethod, HasOneRhoForSumsAndOneForMeans) {
  // The mean over n rows is the half sum over n/2: with β scaled alike both are one program.
  OracleCase oracle = ReadOracleCase("relu_plain_c1_half_sum");
  const double half_rows = 0.5 * static_cast<double>(oracle.program.features.size(0));
  const Solution sum = Solved(oracle.program, Falling(1, 0.02, 50, 0), 50);
  oracle.program.loss_scale = LossScale::kMean;
  oracle.program.beta /= half_rows;
  // The price is a mean like the loss, which is not halved.
  const Solution mean = Solved(oracle.program, Falling(2, 0.02, 50, 0), 50);
  EXPECT_NEAR(mean.progress.objective * half_rows, sum.progress.objective, 1e-6 * sum.progress.objective);
  EXPECT_NEAR(*mean.progress.constraint_violation, *sum.progress.constraint_violation, 1e-6);
}

TEST(PenaltyMethod, RepeatsWithTheSeedAndDiffersWithout) {
  const OracleCase oracle = ReadOracleCase("relu_plain_c1_half_sum");
  const PenaltySettings settings = Falling(1, 0.02, 20, 3);
  const Solution first = Solved(oracle.program, settings, 20, 5), again = Solved(oracle.program, settings, 20, 5),
                 other = Solved(oracle.program, settings, 20, 6);
  EXPECT_TRUE(at::equal(first.positive, again.positive));
  EXPECT_TRUE(at::equal(first.negative, again.negative));
  EXPECT_FALSE(at::equal(first.positive, other.positive));
}

TEST(PenaltyMethod, LowersItsRateOnAPlateau) {
  const OracleCase oracle = ReadOracleCase("relu_plain_c1_half_sum");
  PenaltySettings settings = Falling(1, 0.5, 1, 0);
  settings.schedule.kind = descent::ReduceOnPlateau{0.5, 3};
  Options options;
  options.solver = SolverKind::kPenalty;
  options.penalty = settings;
  options.max_epochs = 200;
  double last = 0;
  ASSERT_TRUE(Solve(oracle.program, {}, options, [&](const Progress& progress) {
                last = progress.step_size;
                return true;
              }).ok());
  EXPECT_GT(last, 0);
  EXPECT_LT(last, 0.5);
}

TEST(PenaltyMethod, CertifiesInFloat64WhatFloat32Estimates) {
  OracleCase oracle = ReadOracleCase("relu_plain_c1_half_sum");
  oracle.program.features = oracle.program.features.to(at::kFloat);
  oracle.program.targets = oracle.program.targets.to(at::kFloat);
  oracle.program.patterns.gates = oracle.program.patterns.gates.to(at::kFloat);
  const Solution solution = Solved(oracle.program, Falling(1, 0.02, 500, 4), 500);
  EXPECT_GE(solution.progress.lower_bound, 0.5 * oracle.optimum);
  EXPECT_LE(solution.progress.lower_bound, oracle.optimum * (1 + 1e-6));
}

TEST(PenaltyMethod, RefusesWhatIsOutOfRange) {
  const OracleCase oracle = ReadOracleCase("relu_plain_c1_half_sum");
  Options options;
  options.solver = SolverKind::kPenalty;
  options.penalty.rho = 0;
  EXPECT_EQ(Solve(oracle.program, {}, options).status().message(), "penalty.rho = 0: must be > 0 and finite");
  options.penalty.rho = 1;
  options.penalty.learning_rate = -1;
  EXPECT_THAT(std::string(Solve(oracle.program, {}, options).status().message()),
              testing::StartsWith("penalty.learning_rate = -1: must be"));
  const at::Tensor like = oracle.program.features;
  EXPECT_EQ(CheckPenaltyMethodMemory(1000000, 3000, 1000000, true, descent::Adam(), like).code(),
            absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace cvxnn::convex
