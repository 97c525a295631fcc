// SPDX-License-Identifier: Apache-2.0
// What trajectories on well-behaved networks do not show: weights whose gradient is always zero, clipping trial by
// trial, line searches that meet walls.
#include "core/descent/optimizers/optimizer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/descent/optimizers/line_search.h"
#include "core/descent/row_math.h"
#include "tests/core/descent/small_problem.h"

namespace cvxnn::descent {
namespace {

// Epsilons that are legal, but zero in float32.
TEST(Optimizer, LeavesWeightsWithoutAGradientAlone) {
  const double tiny = 1e-60;
  const Optimizer optimizers[] = {Adam{.epsilon = tiny},    AdamW{.epsilon = tiny, .weight_decay = 0},
                                  Adagrad{.epsilon = tiny}, Adadelta{.epsilon = tiny},
                                  RmsProp{.epsilon = tiny}, RmsProp{.epsilon = tiny, .centered = true}};
  for (const Optimizer& optimizer : optimizers) {
    for (const Arithmetic arithmetic : {Arithmetic::kFused, Arithmetic::kTensors}) {
      const at::Tensor start = Wavy(2, 5, 0.3, at::kFloat);
      at::Tensor weights = start.clone();
      at::Tensor gradient = at::zeros_like(weights);
      gradient[1][4] = 1;
      const std::vector<double> rates = {0.5, 0.5};
      const auto update = MakeWeightUpdate(optimizer, weights, arithmetic);
      ASSERT_TRUE(update->Apply(weights, gradient, {rates, {}, {}}));
      EXPECT_TRUE(at::isfinite(weights).all().item<bool>()) << Name(optimizer);
      EXPECT_TRUE(Same(weights[0], start[0])) << Name(optimizer);
    }
  }
}

TEST(Optimizer, StepsEachTrialAtItsOwnRate) {
  for (const Arithmetic arithmetic : {Arithmetic::kFused, Arithmetic::kTensors}) {
    at::Tensor weights = at::zeros({3, 700}, at::TensorOptions().device(at::kCPU).dtype(at::kDouble));
    at::Tensor gradient = at::ones_like(weights);
    const std::vector<double> rates = {1, 2, 3};
    MakeWeightUpdate(Sgd(), weights, arithmetic)->Apply(weights, gradient, {rates, {}, {}});
    for (std::int64_t t = 0; t < 3; ++t) {
      EXPECT_TRUE((weights[t] == -rates[static_cast<std::size_t>(t)]).all().item<bool>()) << t;
    }
  }
}

TEST(ClipRows, ShortensOnlyWhatIsTooLong) {
  at::Tensor gradient = at::tensor({3.0, 4.0, 0.3, 0.4}, at::TensorOptions().device(at::kCPU).dtype(at::kDouble));
  gradient = gradient.view({2, 2});
  ClipRows(gradient, 2);
  EXPECT_NEAR(gradient[0].square().sum().item<double>(), 4, 1e-5);
  EXPECT_EQ(gradient[1][0].item<double>(), 0.3);
}

/// Runs a search on φ with derivative φ' and gives the step it ends with.
double Searched(const std::function<double(double)>& value, const std::function<double(double)>& slope, double first) {
  StrongWolfeSearch search(value(0), slope(0), first, 1, 1e-9);
  int evaluations = 0;
  while (!search.done()) {
    EXPECT_LE(++evaluations, 26);
    search.Report(value(search.step()), slope(search.step()));
  }
  return search.step();
}

TEST(StrongWolfeSearch, EndsWhereBothConditionsHold) {
  const auto value = [](double t) { return std::cos(t) + 0.05 * t; };
  const auto slope = [](double t) { return -std::sin(t) + 0.05; };
  for (const double first : {1e-3, 0.1, 1.0, 4.0, 50.0}) {
    // From just right of a maximum, down a valley.
    const auto v = [&](double t) { return value(0.5 + t); };
    const auto s = [&](double t) { return slope(0.5 + t); };
    const double step = Searched(v, s, first);
    EXPECT_LE(v(step), v(0) + 1e-4 * step * s(0)) << first;
    EXPECT_LE(std::abs(s(step)), 0.9 * std::abs(s(0))) << first;
  }
}

TEST(StrongWolfeSearch, TurnsBackFromAWall) {
  const double infinite = std::numeric_limits<double>::infinity();
  const double kNan = std::numeric_limits<double>::quiet_NaN();
  for (const double beyond : {infinite, kNan}) {
    const auto value = [&](double t) { return t < 1 ? (t - 0.5) * (t - 0.5) : beyond; };
    const auto slope = [&](double t) { return t < 1 ? 2 * (t - 0.5) : beyond; };
    const double step = Searched(value, slope, 100);
    EXPECT_LT(step, 1);
    EXPECT_LT(value(step), value(0));
  }
}

TEST(StrongWolfeSearch, GivesUpOnAFunctionWithoutABottom) {
  EXPECT_GT(Searched([](double t) { return -t; }, [](double) { return -1.0; }, 1), 1e6);
}

}  // namespace
}  // namespace cvxnn::descent
