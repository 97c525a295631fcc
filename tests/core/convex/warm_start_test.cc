// SPDX-License-Identifier: Apache-2.0
// Solves that begin at given weights: they arrive where cold ones do, sooner, and never end worse than they began.
#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "core/convex/solve.h"
#include "tests/core/convex/oracle_cases.h"

namespace cvxnn::convex {
namespace {

using testing::HasSubstr;

bool IsGated(const Program& program) { return program.activation == Activation::kGated; }

Options StartingAt(const Program& program, std::optional<Start> start, double tolerance = 1e-6) {
  Options options;
  options.solver = IsGated(program) ? SolverKind::kFista : SolverKind::kAdmm;
  options.tolerance = tolerance;
  options.max_epochs = 50000;
  options.start = std::move(start);
  return options;
}

// Weights that satisfy every cone: each pattern's own gate, `size` long, for v and w of every output.
Start FeasibleStart(const Program& program, double size) {
  const at::Tensor gates = program.patterns.gates;
  const at::Tensor blocks =
      gates.div(gates.norm(2, at::IntArrayRef{0}, true)).mul(size).repeat_interleave(program.targets.size(1), 1);
  return {blocks, IsGated(program) ? at::Tensor() : blocks.mul(0.5), {}};
}

class WarmStart : public testing::TestWithParam<std::string> {
 protected:
  Program program_ = ReadOracleCase(GetParam()).program;
};
INSTANTIATE_TEST_SUITE_P(Programs, WarmStart,
                         testing::Values("gated_plain_c1_half_sum", "gated_wide_c3_half_sum",
                                         "gated_rank_deficient_c1_mean", "gated_nuclear_plain_c3_half_sum",
                                         "gated_logistic_plain_c1_half_sum", "relu_plain_c1_half_sum",
                                         "relu_wide_c3_half_sum", "gated_l1_plain_c3_half_sum",
                                         "relu_duplicate_rows_c1_mean"),
                         [](const auto& test) { return test.param; });

TEST_P(WarmStart, AtTheOptimumConvergesInAFewEpochs) {
  const auto cold = Solve(program_, {}, StartingAt(program_, {}, 1e-7));
  ASSERT_TRUE(cold.ok());
  const auto warm = Solve(program_, {}, StartingAt(program_, StartAt(*cold), 1e-6));
  ASSERT_TRUE(warm.ok()) << warm.status();
  EXPECT_EQ(warm->reason, StopReason::kConverged);
  EXPECT_GT(cold->epochs, 30);
  // Combinations of dual points need a few of them.
  EXPECT_LE(warm->epochs, std::max<std::int64_t>(10, cold->epochs / 4));
  EXPECT_NEAR(warm->progress.objective, cold->progress.objective, 2e-6 * cold->progress.objective);
}

TEST_P(WarmStart, AgreesWithColdSolvesAlongAPathAndTakesFewerEpochs) {
  program_.beta_max_fraction = 0.5;
  std::optional<Start> start;
  std::int64_t cold_epochs = 0, warm_epochs = 0;
  for (int point = 0; point < 6; ++point) {
    const auto cold = Solve(program_, {}, StartingAt(program_, {}, 1e-5));
    const auto warm = Solve(program_, {}, StartingAt(program_, start, 1e-5));
    ASSERT_TRUE(cold.ok() && warm.ok());
    EXPECT_EQ(warm->reason, StopReason::kConverged);
    EXPECT_NEAR(warm->progress.objective, cold->progress.objective, 3e-5 * cold->progress.objective);
    cold_epochs += cold->epochs;
    warm_epochs += warm->epochs;
    start = StartAt(*warm);
    *program_.beta_max_fraction *= 0.8;
  }
  EXPECT_LT(warm_epochs, cold_epochs);
}

TEST_P(WarmStart, IsLeftForZeroWhereZeroIsExact) {
  program_.beta_max_fraction = 1;
  const auto solution = Solve(program_, {}, StartingAt(program_, FeasibleStart(program_, 1)));
  ASSERT_TRUE(solution.ok()) << solution.status();
  EXPECT_EQ(solution->reason, StopReason::kZeroIsExact);
  EXPECT_EQ(solution->positive.abs().max().item<double>(), 0);
  EXPECT_EQ(solution->progress.penalty, 0);
}

TEST_P(WarmStart, EndsNoWorseThanAFeasibleStart) {
  // Long before the optimum, from starts near it and far from it.
  for (const double size : {1e-3, 1e-1, 10.0}) {
    const Start start = FeasibleStart(program_, size);
    double at_start = std::numeric_limits<double>::infinity();
    for (const std::int64_t epochs : {1, 2, 5}) {
      Options options = StartingAt(program_, start, 0);
      options.max_epochs = epochs;
      const auto solution = Solve(program_, {}, options);
      ASSERT_TRUE(solution.ok()) << solution.status();
      // What the start is worth, from a solve that may do nothing.
      options.should_stop = [polls = 0]() mutable { return ++polls > 1; };
      const auto nothing = Solve(program_, {}, options);
      ASSERT_TRUE(nothing.ok());
      EXPECT_EQ(nothing->epochs, 0);
      at_start = nothing->progress.objective;
      EXPECT_LE(nothing->progress.constraint_violation.value_or(0), 1e-12);
      EXPECT_LE(solution->progress.objective, at_start * (1 + 1e-12)) << size << " after " << epochs;
    }
  }
}

TEST_P(WarmStart, KeepsAnOptimumThatOneEpochCannotImprove) {
  const auto optimum = Solve(program_, {}, StartingAt(program_, {}, 1e-6));
  ASSERT_TRUE(optimum.ok());
  Options options = StartingAt(program_, Start{optimum->positive, optimum->negative, {}}, 0);
  options.max_epochs = 1;
  const auto after = Solve(program_, {}, options);
  ASSERT_TRUE(after.ok());
  EXPECT_NEAR(after->progress.objective, optimum->progress.objective, 2e-6 * optimum->progress.objective);
  EXPECT_LE(after->progress.constraint_violation.value_or(0), 2e-6);
}

TEST_P(WarmStart, LeavesWhatNoRowSees) {
  // The start in the space of the rows and orthogonal to them: X·W is the same, the penalty higher.
  program_ = ReadOracleCase(IsGated(program_) ? "gated_wide_c1_half_sum" : "relu_wide_c1_half_sum").program;
  const auto optimum = Solve(program_, {}, StartingAt(program_, {}, 1e-7));
  ASSERT_TRUE(optimum.ok());
  const at::Tensor x = program_.features;
  const at::Tensor noise = at::ones_like(optimum->positive);
  const at::Tensor unseen = noise.sub(at::linalg_pinv(x).mm(x.mm(noise)));
  ASSERT_GT(unseen.norm().item<double>(), 0.1);
  Start start = StartAt(*optimum);
  start.positive = start.positive.add(unseen);
  const auto solution = Solve(program_, {}, StartingAt(program_, start));
  ASSERT_TRUE(solution.ok());
  EXPECT_LE(solution->epochs, 10);
  EXPECT_NEAR(solution->progress.objective, optimum->progress.objective, 2e-6 * optimum->progress.objective);
}

TEST(Start, OfAnotherShapeIsRefused) {
  const Program gated = ReadOracleCase("gated_plain_c1_half_sum").program;
  const Program relu = ReadOracleCase("relu_plain_c1_half_sum").program;
  const auto message = [](const Program& program, const Start& start) {
    const absl::Status status = Solve(program, {}, StartingAt(program, start)).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    return std::string(status.message());
  };
  const Start right = FeasibleStart(relu, 1);
  const std::int64_t blocks = relu.patterns.count();
  EXPECT_THAT(message(relu, {}), HasSubstr("start.positive is absent: must be 4×"));
  EXPECT_THAT(message(relu, {right.positive, {}, {}}), HasSubstr("start.negative is absent: must be 4×"));
  EXPECT_EQ(message(relu, {right.positive.narrow(1, 1, 1), right.negative, {}}),
            "start.positive is of size 4×1: must be 4×" + std::to_string(blocks));
  EXPECT_EQ(
      message(relu, {right.positive, right.negative, {right.positive, 0, 0}}),
      "start.state.multipliers is of size 4×" + std::to_string(blocks) + ": must be 14×" + std::to_string(2 * blocks));
  EXPECT_EQ(message(relu, {right.positive.div(0), right.negative, {}}), "start.positive: must be finite");
  EXPECT_EQ(message(gated, {FeasibleStart(gated, 1).positive, FeasibleStart(gated, 1).positive, {}}),
            "start.negative: must be absent for gated programs");
}

}  // namespace
}  // namespace cvxnn::convex
