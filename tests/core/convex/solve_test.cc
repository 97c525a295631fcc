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
  program_.beta_max_fraction = 1;
  int epochs = 0;
  const auto solution = Solve(program_, {}, OptionsFor(program_), [&](const Progress&) { return ++epochs > 0; });
  ASSERT_TRUE(solution.ok());
  EXPECT_EQ(solution->reason, StopReason::kZeroIsExact);
  EXPECT_EQ(solution->positive.abs().max().item<double>(), 0);
  EXPECT_EQ(solution->progress.active_neurons, 0);
  EXPECT_EQ(solution->progress.gap, 0);
  EXPECT_NEAR(solution->progress.objective, program_.targets.square().sum().item<double>() / 2, 1e-12);
  EXPECT_EQ(epochs, 1);
  EXPECT_DOUBLE_EQ(solution->beta, solution->beta_max);
}

TEST_P(Either, IsZeroAtBetaMaxInAnotherBasisAndWithAnotherScale) {
  for (const LossScale scale : {LossScale::kHalfSum, LossScale::kSum, LossScale::kMean}) {
    for (std::int64_t inputs = 15; inputs < 40; ++inputs) {
      program_.loss_scale = scale;
      program_.features = at::arange(14 * inputs, at::TensorOptions().dtype(at::kDouble)).mul(1.7).sin().view({14, -1});
      program_.beta_max_fraction = 1;
      const auto by_share = Solve(program_, {}, OptionsFor(program_));
      ASSERT_TRUE(by_share.ok());
      EXPECT_EQ(by_share->reason, StopReason::kZeroIsExact) << inputs;
      // The formula itself, on the columns as they are.
      const double s = HalfSumMultiple(scale, 14);
      program_.beta_max_fraction.reset();
      program_.beta = 0;
      for (std::int64_t p = 0; p < program_.patterns.count(); ++p) {
        const at::Tensor rows = program_.patterns.mask.select(1, p).to(at::kDouble).unsqueeze(1);
        const at::Tensor correlation = program_.features.t().mm(program_.targets.mul(rows));
        program_.beta = std::max(program_.beta, s * correlation.norm().item<double>());
      }
      EXPECT_NEAR(by_share->beta, program_.beta, 1e-12 * program_.beta);
      const auto by_value = Solve(program_, {}, OptionsFor(program_));
      ASSERT_TRUE(by_value.ok());
      EXPECT_EQ(by_value->reason, StopReason::kZeroIsExact) << inputs;
    }
  }
}

TEST_P(Either, HasAGapWithoutAUnit) {
  Options options = OptionsFor(program_);
  options.tolerance = 1e-4;
  const auto plain = Solve(program_, {}, options);
  program_.targets = program_.targets.mul(1e-9);
  program_.beta *= 1e-9;
  std::vector<double> gaps;
  const auto small = Solve(program_, {}, options, [&](const Progress& progress) {
    gaps.push_back(progress.gap);
    return true;
  });
  ASSERT_TRUE(plain.ok() && small.ok());
  EXPECT_GT(std::abs(gaps[0]), 1e-3);
  EXPECT_EQ(small->reason, StopReason::kConverged);
  EXPECT_NEAR(small->progress.objective, 1e-18 * plain->progress.objective, 3e-4 * small->progress.objective);
}

TEST(Solve, IsNotZeroJustBelowBetaMaxForGatedPrograms) {
  Program program = ReadOracleCase("gated_plain_c1_half_sum").program;
  program.beta_max_fraction = 0.99;
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

TEST_P(Either, EndsAtTheTimeLimitDuringSetUp) {
  Options options = OptionsFor(program_);
  options.max_seconds = 1e-9;
  const auto solution = Solve(program_, {}, options);
  ASSERT_TRUE(solution.ok());
  EXPECT_EQ(solution->reason, StopReason::kTimeLimit);
  EXPECT_EQ(solution->epochs, 0);
}

TEST_P(Either, KeepsTheBestIterateWhenNumbersFailLate) {
  Options options = OptionsFor(program_);
  options.tolerance = 0;
  double best = std::numeric_limits<double>::infinity();
  const auto solution = Solve(program_, {}, options, [&](const Progress& progress) {
    best = std::min(best, progress.objective);
    // What the solver works on stops being finite.
    if (progress.epoch == 30) program_.features.fill_(std::numeric_limits<double>::quiet_NaN());
    return true;
  });
  ASSERT_TRUE(solution.ok()) << solution.status();
  EXPECT_EQ(solution->reason, StopReason::kStalled);
  EXPECT_THAT(solution->trouble, testing::HasSubstr("finite"));
  EXPECT_GE(solution->epochs, 30);
  EXPECT_LT(solution->epochs, 100);
  EXPECT_GT(solution->progress.active_neurons, 0);
  EXPECT_TRUE(solution->positive.isfinite().all().item<bool>());
  EXPECT_TRUE(std::isfinite(solution->progress.gap));
}

TEST_P(Either, FailsWhenNumbersFailAtOnce) {
  program_.features.fill_(std::numeric_limits<double>::quiet_NaN());
  const auto solution = Solve(program_, {}, OptionsFor(program_));
  EXPECT_EQ(solution.status().code(), absl::StatusCode::kInternal) << solution.status();
}

TEST_P(Either, SolvesOneRowOfOneColumnOverOnePattern) {
  // min ½(2v − 3)² + v has its minimum at v = (2·3 − 1)/2².
  const auto options = at::TensorOptions().dtype(at::kDouble);
  program_.features = at::full({1, 1}, 2, options);
  program_.targets = at::full({1, 1}, 3, options);
  program_.patterns.mask = at::ones({1, 1}, options.dtype(at::kBool));
  program_.patterns.gates = at::ones({1, 1}, options);
  program_.beta = 1;
  const auto solution = Solve(program_, {}, OptionsFor(program_));
  ASSERT_TRUE(solution.ok()) << solution.status();
  EXPECT_EQ(solution->reason, StopReason::kConverged);
  EXPECT_NEAR(solution->positive.item<double>(), 1.25, 1e-3);
  EXPECT_NEAR(solution->progress.objective, 0.5 * 0.25 + 1.25, 3e-6);
  EXPECT_EQ(solution->progress.active_neurons, 1);
}

TEST(Solve, IsRidgelessRegressionWithAGroupNormOverOnePattern) {
  // One pattern with every row active: Xᵀ(Xv − y) + βv/‖v‖ = 0.
  Program program = ReadOracleCase("gated_plain_c1_half_sum").program;
  program.patterns.mask = at::ones({14, 1}, at::TensorOptions().dtype(at::kBool));
  program.patterns.gates = at::ones({4, 1}, at::TensorOptions().dtype(at::kDouble));
  program.beta_max_fraction = 0.3;
  Options options = OptionsFor(program);
  options.tolerance = 1e-12;
  const auto solution = Solve(program, {}, options);
  ASSERT_TRUE(solution.ok());
  const at::Tensor v = solution->positive;
  const at::Tensor gradient = program.features.t().mm(program.features.mm(v).sub(program.targets));
  EXPECT_LT(gradient.add(v.div(v.norm()), solution->beta).norm().item<double>(), 1e-5 * solution->beta);
}

TEST(Solve, SolvesManyRowsOfOneColumn) {
  // Gated over {x >= 0} and {x < 0} with scalars: each side is soft thresholding of its own regression.
  const auto options = at::TensorOptions().dtype(at::kDouble);
  Program program;
  program.features = at::tensor({1.0, 2.0, -1.0, -3.0}, options).unsqueeze(1);
  program.targets = at::tensor({1.0, 1.5, 2.0, 2.5}, options).unsqueeze(1);
  program.patterns.gates = at::tensor({1.0, -1.0}, options).unsqueeze(0);
  program.patterns.mask = MaskOfGates(program.features, program.patterns.gates);
  program.beta = 0.5;
  const auto solution = Solve(program, {}, OptionsFor(program));
  ASSERT_TRUE(solution.ok());
  EXPECT_NEAR(solution->positive[0][0].item<double>(), (1 + 3 - 0.5) / 5, 1e-3);
  EXPECT_NEAR(solution->positive[0][1].item<double>(), -(2 + 7.5 - 0.5) / 10, 1e-3);
}

TEST(Solve, ClaimsInSinglePrecisionNoBoundThatFloat64Refutes) {
  // Rows far from their centre and a small β: float32 loses the products that the constraints are made of.
  const auto wide = at::TensorOptions().dtype(at::kDouble);
  const at::Tensor noise = at::arange(2400 * 4, wide).mul(1.3).sin().view({2400, 4});
  Program program;
  program.features = noise.mul(at::tensor({1.0, 0.5, 0.25, 0.1}, wide)).add(30);
  program.targets = noise.select(1, 0).mul(noise.select(1, 1)).sign().unsqueeze(1);
  program.patterns = *SamplePatterns(noise, 6, 1);
  program.beta_max_fraction = 1e-4;
  Options options = OptionsFor(program);
  options.max_epochs = 300;
  options.tolerance = 1e-4;
  const auto exact = Solve(program, {}, options);
  program.features = program.features.to(at::kFloat);
  program.targets = program.targets.to(at::kFloat);
  program.patterns.gates = program.patterns.gates.to(at::kFloat);
  const auto narrow = Solve(program, {}, options);
  ASSERT_TRUE(exact.ok() && narrow.ok());
  EXPECT_LE(narrow->progress.lower_bound, exact->progress.objective * (1 + 1e-6));
  EXPECT_GT(narrow->progress.lower_bound, 0);
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
  program.beta_max_fraction = 1e-6;
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

TEST(Solve, RefusesAKinkForFista) {
  Program program = ReadOracleCase("gated_plain_c1_half_sum").program;
  program.loss = Loss::kHinge;
  const auto solution = Solve(program, {}, OptionsFor(program));
  EXPECT_EQ(solution.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(solution.status().message()), HasSubstr("solver = fista: must be admm for the hinge loss"));
}

TEST(Solve, SolvesGatedProgramsByEitherSolver) {
  for (const char* name : {"gated_plain_c3_half_sum", "gated_logistic_plain_c1_half_sum",
                           "gated_nuclear_plain_c3_half_sum", "gated_l1_wide_c1_mean"}) {
    SCOPED_TRACE(name);
    const OracleCase oracle = ReadOracleCase(name);
    Options options = OptionsFor(oracle.program);
    options.solver = SolverKind::kAdmm;
    options.tolerance = 1e-5;
    const auto solution = Solve(oracle.program, {}, options);
    ASSERT_TRUE(solution.ok()) << solution.status();
    EXPECT_EQ(solution->reason, StopReason::kConverged);
    EXPECT_NEAR(solution->progress.objective, oracle.optimum, 1e-5 * oracle.optimum);
  }
}

TEST(Solve, GoesWithoutTheKernelToTheSameOptimum) {
  for (const char* name : {"relu_plain_c3_half_sum", "relu_wide_c1_mean", "relu_duplicate_rows_c1_half_sum"}) {
    SCOPED_TRACE(name);
    const OracleCase oracle = ReadOracleCase(name);
    Options options = OptionsFor(oracle.program);
    options.tolerance = 1e-4;
    const auto with = Solve(oracle.program, {}, options);
    options.without_kernel = true;
    const auto without = Solve(oracle.program, {}, options);
    ASSERT_TRUE(with.ok() && without.ok());
    EXPECT_FALSE(with->without_kernel);
    EXPECT_TRUE(without->without_kernel);
    EXPECT_EQ(without->reason, StopReason::kConverged);
    EXPECT_NEAR(without->progress.objective, oracle.optimum, 2e-4 * oracle.optimum);
    EXPECT_LE(without->progress.lower_bound, oracle.optimum * (1 + 1e-8));
  }
}

TEST(Solve, RefusesPenaltiesThatItsSolversCannotTake) {
  Program program = ReadOracleCase("relu_plain_c3_half_sum").program;
  program.penalty = Penalty::kNone;
  EXPECT_EQ(Solve(program, {}, OptionsFor(program)).status().message(),
            "beta: must be 0, and beta_max_fraction absent, without a penalty");
  program.penalty = Penalty::kRidge;
  program.beta_max_fraction = 0.5;
  EXPECT_EQ(Solve(program, {}, OptionsFor(program)).status().message(),
            "beta_max_fraction = 0.5: must be absent for ridge, under which no beta makes zero optimal");
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
  const absl::Status status = CheckAdmmMemory(20'000'000, 10, 10, 1, KernelSolve::kFactor, 0, like);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(status.message()), testing::MatchesRegex(".*needs [0-9]+ bytes.*available on cpu: [0-9]+.*"));
  EXPECT_TRUE(CheckAdmmMemory(100, 10, 10, 1, KernelSolve::kFactor, 0, like).ok());
  // What is over budget with the kernel of 10^6 rows need not be without.
  EXPECT_FALSE(CheckAdmmMemory(1'000'000, 10, 10, 1, KernelSolve::kFactor, 0, like).ok());
  EXPECT_TRUE(CheckAdmmMemory(1'000'000, 10, 10, 1, KernelSolve::kConjugateGradients, 0, like).ok());
  EXPECT_EQ(CheckFistaMemory(100, 1'000'000, 10'000'000, 1, like).code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(CheckFistaMemory(100, 10, 10, 1, like).ok());
}

}  // namespace
}  // namespace cvxnn::convex
