// SPDX-License-Identifier: Apache-2.0
// Every optimiser, loss and schedule against torch.optim, step by step, on the trajectories that
// tests/oracle/make_descent_oracle.py stored (autograd in float64).
#include "tests/core/descent/torch_trajectory.h"

#include <gtest/gtest.h>

#include "core/descent/initial_weights.h"
#include "core/descent/optimizers/optimizer.h"
#include "core/descent/row_math.h"

namespace cvxnn::descent {
namespace {

class TorchTrajectory : public testing::TestWithParam<std::size_t> {
 protected:
  const Json& record() const { return Trajectories().at(GetParam()); }
  bool lbfgs() const { return record().at("optimizer") == "lbfgs"; }
  /// L-BFGS amplifies rounding: it divides by curvatures.
  double tolerance() const { return lbfgs() ? 1e-6 : 1e-9; }
};

TEST_P(TorchTrajectory, IsFollowedStepByStep) {
  Trajectory trajectory(record());
  std::vector<EpochReport> reports;
  Observers observers;
  observers.on_epoch = [&](const EpochReport& report) {
    reports.push_back(report);
    return true;
  };
  const auto result = RunDescent(trajectory.options, trajectory.data, observers);
  ASSERT_TRUE(result.ok()) << result.status();
  // PyTorch goes on where L-BFGS can no longer move.
  const auto steps = static_cast<std::int64_t>(reports.size()) - 1;
  ASSERT_EQ(steps, result->ending == Ending::kConverged ? std::max<std::int64_t>(steps, 10) : trajectory.steps());
  for (std::size_t step = 0; step < reports.size(); ++step) {
    const double expected = record().at("objectives").at(step);
    EXPECT_NEAR(reports[step].objective, expected, tolerance() * (1 + std::abs(expected))) << "step " << step;
    // Ours is the rate of the epoch that a report ends, PyTorch's that of the one to come.
    const double rate = record().at("rates").at(step == 0 ? 0 : step - 1);
    EXPECT_NEAR(reports[step].learning_rate, rate, 1e-12) << "step " << step;
  }
  const Network last = trajectory.At(steps);
  EXPECT_LT(LargestDifference(result->trials[0].network.first_layer, last.first_layer), tolerance());
  EXPECT_LT(LargestDifference(result->trials[0].network.second_layer, last.second_layer), tolerance());
}

// Steps of the optimiser alone, at the rates stored, so that weights can be looked at after each of them.
TEST_P(TorchTrajectory, IsFollowedByEveryEngineArithmeticAndPrecision) {
  for (const EngineKind kind : {EngineKind::kSmall, EngineKind::kTensor}) {
    for (const Arithmetic arithmetic : {Arithmetic::kFused, Arithmetic::kTensors}) {
      for (const at::ScalarType type : {at::kDouble, at::kFloat}) {
        // Line searches in float32 take other turns.
        if (lbfgs() && type == at::kFloat) continue;
        const Trajectory trajectory(record());
        const Options& options = trajectory.options;
        const Data data = {trajectory.data.features.to(type), trajectory.data.targets.to(type), {}, {}};
        Options start = options;
        for (at::Tensor* tensor : {&start.start[0].first_layer, &start.start[0].second_layer, &start.start[0].gates}) {
          if (tensor->defined()) *tensor = tensor->to(type);
        }
        TrialWeights weights =
            InitialWeights(start, {data.features.size(1), options.neurons, data.targets.size(1)}, data.features);
        const auto engine = MakeEngineOf(kind, options, data, weights);
        const auto update = MakeWeightUpdate(options.optimizer, weights.flat, arithmetic);
        const std::function<bool(std::vector<double>*)> evaluate = [&](std::vector<double>* objectives) {
          objectives->assign(1, SumMultiple(options.loss_scale, 7) * engine->TrainPass(true, true)[0].loss +
                                    0.5 * options.beta * engine->MeasureWeights(Detail::kAll)[0].squares);
          return true;
        };
        std::vector<double> objectives;
        for (std::int64_t step = 1; step <= trajectory.steps(); ++step) {
          evaluate(&objectives);
          if (options.clip_norm) ClipRows(weights.gradient, *options.clip_norm);
          const std::vector<double> rates = {record().at("rates").at(static_cast<std::size_t>(step - 1))};
          ASSERT_TRUE(update->Apply(weights.flat, weights.gradient, {rates, objectives, evaluate}));
          const Network expected = trajectory.At(step);
          const Network actual = NetworkAt(weights.flat, weights, 0);
          const double allowed = type == at::kFloat ? 1e-5 : tolerance();
          ASSERT_LT(LargestDifference(actual.first_layer.to(at::kDouble), expected.first_layer), allowed) << step;
          ASSERT_LT(LargestDifference(actual.second_layer.to(at::kDouble), expected.second_layer), allowed) << step;
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Stored, TorchTrajectory, testing::Range<std::size_t>(0, Trajectories().size()),
                         [](const testing::TestParamInfo<std::size_t>& instance) {
                           return Trajectories().at(instance.param).at("name").get<std::string>();
                         });

TEST(TorchTrajectories, CoverEveryOptimizerAndItsDefaultRate) {
  const Optimizer optimizers[] = {Sgd(), Adam(), AdamW(), Adagrad(), Adadelta(), RmsProp(), Lbfgs()};
  ASSERT_EQ(std::size(optimizers), std::variant_size_v<Optimizer>);
  for (const Optimizer& optimizer : optimizers) {
    const bool found = std::any_of(Trajectories().begin(), Trajectories().end(), [&](const Json& record) {
      return record.at("optimizer") == Name(optimizer) && record.at("options").empty() &&
             record.at("learning_rate") == DefaultLearningRate(optimizer);
    });
    EXPECT_TRUE(found) << Name(optimizer);
  }
}

}  // namespace
}  // namespace cvxnn::descent
