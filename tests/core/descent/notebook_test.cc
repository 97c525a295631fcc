// SPDX-License-Identifier: Apache-2.0
// The notebook's run from many starts: losses along the way are distributed as those of torch.optim, whose starts are
// others (tests/oracle/make_notebook_oracle.py stored them).
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/core/descent/told.h"

namespace cvxnn::descent {
namespace {

/// Largest distance of two samples' distribution functions (Kolmogorov and Smirnov).
double Distance(std::vector<double> a, std::vector<double> b) {
  std::sort(a.begin(), a.end());
  std::sort(b.begin(), b.end());
  const auto share = [](const std::vector<double>& sorted, double value) {
    const auto below = std::upper_bound(sorted.begin(), sorted.end(), value) - sorted.begin();
    return static_cast<double>(below) / static_cast<double>(sorted.size());
  };
  double largest = 0;
  for (const auto* sample : {&a, &b}) {
    for (const double value : *sample) largest = std::max(largest, std::abs(share(a, value) - share(b, value)));
  }
  return largest;
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return (values[(values.size() - 1) / 2] + values[values.size() / 2]) / 2;
}

TEST(Notebook, EndsWhereTorchEnds) {
  const auto stored = nlohmann::json::parse(std::ifstream(std::string(CVXNN_TESTDATA) + "/notebook_losses.json"));
  const auto expected = stored.at("losses").get<std::map<std::string, std::vector<double>>>();
  const auto column = at::TensorOptions().device(at::kCPU).dtype(at::kDouble);
  const at::Tensor x = at::linspace(-1, 1, 10, column);
  Data data;
  data.features = at::stack({x, at::ones_like(x)}, 1);
  data.targets = at::sin(10 * x).unsqueeze(1);
  Options options;
  options.neurons = 500;
  options.learning_rate = 0.01;
  options.penalty = Penalty::kNone;
  options.loss_scale = LossScale::kMean;
  options.trials = 20;
  options.max_epochs = 20000;
  options.reports.every_epochs = 200;
  std::map<std::string, std::vector<double>> losses;
  for (const EpochReport& report : Train(options, data).reports) {
    losses[std::to_string(report.epoch)].push_back(report.loss);
  }
  for (const auto& [epoch, theirs] : expected) {
    const std::vector<double>& ours = losses[epoch];
    ASSERT_EQ(ours.size(), theirs.size()) << epoch;
    // Two samples of 20 from one distribution are further apart in one of a hundred cases.
    EXPECT_LT(Distance(ours, theirs), 0.5) << epoch;
    EXPECT_NEAR(Median(ours), Median(theirs), 0.2 * Median(theirs)) << epoch;
  }
  // What the notebook publishes: 8e-4, from 0.5.
  EXPECT_NEAR(Median(losses["0"]), 0.5, 0.1);
  EXPECT_NEAR(Median(losses["20000"]), 8e-4, 4e-4);
}

TEST(Notebook, DistanceTellsDistributionsApart) {
  EXPECT_EQ(Distance({1, 2, 3}, {1, 2, 3}), 0);
  EXPECT_EQ(Distance({1, 2, 3}, {4, 5, 6}), 1);
  EXPECT_EQ(Distance({1, 2, 3, 4}, {3, 4, 5, 6}), 0.5);
}

}  // namespace
}  // namespace cvxnn::descent
