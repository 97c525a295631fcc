// SPDX-License-Identifier: Apache-2.0
// The loop around the solvers: trivial answers, scaling, stopping, refusals.
#include "core/convex/solve.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/convex/solvers/admm_factors.h"
#include "core/convex/solvers/fista.h"
#include "core/patterns/sampled.h"
#include "tests/core/convex/oracle_cases.h"

namespace cvxnn::convex {
namespace {

using testing::HasSubstr;

Options OptionsFor(const Program& program) {
  Options options;
  options.solver = program.activation == Activation::kGated ? SolverKind::kFista : SolverKind::kAdmm;
  options.tolerance = 1e-6;
  options.max_epochs = 50000;
  return options;
}

class Either : public testing::TestWithParam<std::string> {
 protected:
  Program program_ = ReadOracleCase(GetParam() + "_plain_c1_half_sum").program;
};
INSTANTIATE_TEST_SUITE_P(Activation, Either, testing::Values("gated", "relu"));

TEST_P(Either, IsZeroFromBetaMaxOn) {
  program_.beta = BetaMax(program_);
  int epochs = 0;
  const auto solution = Solve(program_, {}, OptionsFor(program_), [&](const Progress&) { return ++epochs > 0; });
  ASSERT_TRUE(solution.ok());
  EXPECT_EQ(solution->reason, StopReason::kZeroIsExact);
  EXPECT_EQ(solution->positive.abs().max().item<double>(), 0);
  EXPECT_EQ(solution->progress.active_neurons, 0);
  EXPECT_EQ(solution->progress.gap, 0);
  EXPECT_NEAR(solution->progress.objective, program_.targets.square().sum().item<double>() / 2, 1e-12);
  EXPECT_EQ(epochs, 1);
}

TEST(Solve, IsNotZeroJustBelowBetaMaxForGatedPrograms) {
  Program program = ReadOracleCase("gated_plain_c1_half_sum").program;
  program.beta = 0.99 * BetaMax(program);
  const auto solution = Solve(program, {}, OptionsFor(program));
  ASSERT_TRUE(solution.ok());
  EXPECT_GT(solution->progress.active_neurons, 0);
}

TEST_P(Either, ScalesLikeItsLoss) {
  // s·½‖·‖² + sβ‖·‖ is s times the half-sum program.
  const auto half = Solve(program_, {}, OptionsFor(program_));
  const double n = static_cast<double>(program_.features.size(0)), beta = program_.beta;
  program_.loss_scale = LossScale::kMean;
  program_.beta = beta * 2 / n;
  const auto mean = Solve(program_, {}, OptionsFor(program_));
  ASSERT_TRUE(half.ok() && mean.ok());
  EXPECT_NEAR(mean->progress.objective, half->progress.objective * 2 / n, 2e-6 * mean->progress.objective);
  EXPECT_NEAR(mean->progress.lower_bound, half->progress.lower_bound * 2 / n, 2e-6 * mean->progress.objective);
}

TEST_P(Either, DoesNotDependOnTheOrderOfRows) {
  const auto ordered = Solve(program_, {}, OptionsFor(program_));
  const at::Tensor order = at::arange(program_.features.size(0) - 1, -1, -1, at::TensorOptions().dtype(at::kLong));
  program_.features = program_.features.index_select(0, order);
  program_.targets = program_.targets.index_select(0, order);
  program_.patterns.mask = program_.patterns.mask.index_select(0, order);
  const auto reversed = Solve(program_, {}, OptionsFor(program_));
  ASSERT_TRUE(ordered.ok() && reversed.ok());
  EXPECT_NEAR(ordered->progress.objective, reversed->progress.objective, 1e-5 * ordered->progress.objective);
}

TEST_P(Either, LeavesColumnsOfZerosAlone) {
  const auto plain = Solve(program_, {}, OptionsFor(program_));
  program_.features = at::cat({program_.features, at::zeros_like(program_.features)}, 1);
  const auto padded = Solve(program_, {}, OptionsFor(program_));
  ASSERT_TRUE(plain.ok() && padded.ok());
  EXPECT_NEAR(plain->progress.objective, padded->progress.objective, 1e-5 * plain->progress.objective);
  EXPECT_EQ(padded->positive.size(0), program_.features.size(1));
  EXPECT_EQ(padded->positive.narrow(0, 4, 4).abs().max().item<double>(), 0);
}

TEST_P(Either, RepeatsItselfExactly) {
  const auto first = Solve(program_, {}, OptionsFor(program_)), second = Solve(program_, {}, OptionsFor(program_));
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_TRUE(at::equal(first->positive, second->positive));
  EXPECT_EQ(first->epochs, second->epochs);
}

TEST_P(Either, StopsAtTheEpochLimitWithEveryEpochReported) {
  Options options = OptionsFor(program_);
  options.tolerance = 0;
  options.max_epochs = 7;
  std::vector<std::int64_t> epochs;
  const auto solution = Solve(program_, {}, options, [&](const Progress& progress) {
    epochs.push_back(progress.epoch);
    return true;
  });
  ASSERT_TRUE(solution.ok());
  EXPECT_EQ(solution->reason, StopReason::kEpochLimit);
  EXPECT_THAT(epochs, testing::ElementsAre(1, 2, 3, 4, 5, 6, 7));
}

TEST_P(Either, StopsAfterTheEpochInWhichTheCallbackAsks) {
  const auto solution =
      Solve(program_, {}, OptionsFor(program_), [](const Progress& progress) { return progress.epoch < 3; });
  ASSERT_TRUE(solution.ok());
  EXPECT_EQ(solution->reason, StopReason::kStopped);
  EXPECT_EQ(solution->epochs, 3);
}

TEST_P(Either, StopsDuringSetUpWithTheZeroSolution) {
  Options options = OptionsFor(program_);
  options.should_stop = [] { return true; };
  const auto solution = Solve(program_, {}, options);
  ASSERT_TRUE(solution.ok());
  EXPECT_EQ(solution->reason, StopReason::kStopped);
  EXPECT_EQ(solution->epochs, 0);
  EXPECT_EQ(solution->progress.active_neurons, 0);
  EXPECT_GE(solution->progress.gap, 0);
}

TEST_P(Either, ReportsTestRows) {
  Evaluation evaluation;
  evaluation.counting = Counting::kSign;
  evaluation.test_features = program_.features.narrow(0, 0, 5);
  evaluation.test_targets = program_.targets.narrow(0, 0, 5);
  Options options = OptionsFor(program_);
  const auto solution = Solve(program_, evaluation, options);
  ASSERT_TRUE(solution.ok());
  ASSERT_TRUE(solution->progress.test_accuracy.has_value() && solution->progress.test_loss.has_value());
  // The test rows are training rows, so the training accuracy bounds what can be wrong among them.
  const double wrong = (1 - *solution->progress.train_accuracy) * static_cast<double>(program_.features.size(0));
  EXPECT_GE(*solution->progress.test_accuracy, 1 - wrong / 5 - 1e-12);
  EXPECT_LE(*solution->progress.test_loss, solution->progress.loss * (1 + 1e-4));
}

TEST_P(Either, StallsWhenRoundingHidesFurtherProgress) {
  program_.features = program_.features.to(at::kFloat);
  program_.targets = program_.targets.to(at::kFloat);
  program_.patterns.gates = program_.patterns.gates.to(at::kFloat);
  Options options = OptionsFor(program_);
  options.tolerance = 0;
  const auto solution = Solve(program_, {}, options);
  ASSERT_TRUE(solution.ok());
  EXPECT_EQ(solution->reason, StopReason::kStalled);
}

TEST(Solve, FactorsRankDeficientDataWithATinyBetaInSinglePrecision) {
  // XᵀX in float32 then has eigenvalues below zero by more than the ρ₁ that suits the penalty.
  const at::Tensor factor = at::arange(200, at::TensorOptions().dtype(at::kDouble)).mul(1.7).sin().view({40, 5});
  const at::Tensor mix = at::arange(150, at::TensorOptions().dtype(at::kDouble)).mul(2.3).cos().view({5, 30});
  Program program;
  program.activation = Activation::kRelu;
  program.features = at::mm(factor, mix).to(at::kFloat);
  program.targets = factor.select(1, 0).sign().unsqueeze(1).to(at::kFloat);
  auto patterns = SamplePatterns(program.features, 10, 1);
  ASSERT_TRUE(patterns.ok());
  program.patterns = *std::move(patterns);
  program.beta = 1e-6 * BetaMax(program);
  Options options = OptionsFor(program);
  options.max_epochs = 50;
  const auto solution = Solve(program, {}, options);
  ASSERT_TRUE(solution.ok()) << solution.status();
  EXPECT_LT(solution->progress.objective, 20);
}

TEST(Solve, RefusesTheSolverOfTheOtherActivation) {
  const Program program = ReadOracleCase("relu_plain_c1_half_sum").program;
  Options options = OptionsFor(program);
  options.solver = SolverKind::kFista;
  const auto solution = Solve(program, {}, options);
  EXPECT_EQ(solution.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(solution.status().message()), HasSubstr("solver = fista"));
}

TEST(Solve, RefusesPatternsOfAnotherLength) {
  Program program = ReadOracleCase("gated_plain_c1_half_sum").program;
  program.patterns.mask = program.patterns.mask.narrow(0, 0, 5);
  const auto solution = Solve(program, {}, OptionsFor(program));
  EXPECT_EQ(solution.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(solution.status().message()), HasSubstr("patterns: must have 14 rows"));
}

TEST(Solve, AnswersZeroWithoutPatterns) {
  Program program = ReadOracleCase("gated_plain_c1_half_sum").program;
  program.patterns.mask = program.patterns.mask.narrow(1, 0, 0);
  program.patterns.gates = program.patterns.gates.narrow(1, 0, 0);
  const auto solution = Solve(program, {}, OptionsFor(program));
  ASSERT_TRUE(solution.ok()) << solution.status();
  EXPECT_EQ(solution->reason, StopReason::kZeroIsExact);
}

TEST(Memory, IsRefusedWithNeededAndAvailableBytes) {
  const at::Tensor like = at::empty({0}, at::TensorOptions().dtype(at::kFloat).device(at::kCPU));
  const absl::Status status = CheckAdmmMemory(20'000'000, 10, 10, like);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(status.message()), testing::MatchesRegex(".*needs [0-9]+ bytes.*available on cpu: [0-9]+.*"));
  EXPECT_TRUE(CheckAdmmMemory(100, 10, 10, like).ok());
  EXPECT_EQ(CheckFistaMemory(100, 1'000'000, 10'000'000, like).code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(CheckFistaMemory(100, 10, 10, like).ok());
}

}  // namespace
}  // namespace cvxnn::convex
