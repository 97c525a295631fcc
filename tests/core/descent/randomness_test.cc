// SPDX-License-Identifier: Apache-2.0
// Initial weights and row orders: their distribution, and that they depend on what they should and nothing else.
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "core/descent/initial_weights.h"
#include "tests/core/descent/small_problem.h"

namespace cvxnn::descent {
namespace {

TrialWeights Initial(const Initialization& initialization, std::uint64_t seed, std::int64_t neurons = 400) {
  Options options;
  options.initialization = initialization;
  options.neurons = neurons;
  options.trials = 4;
  options.seed = seed;
  options.activation = Activation::kGated;
  return InitialWeights(options, {25, neurons, 2}, Wavy(1, 25, 0));
}

TEST(InitialWeights, OfTorchLinearAreUniformByFanIn) {
  const TrialWeights weights = Initial(TorchLinear(), 1);
  const at::Tensor first = FirstLayers(weights.flat, weights.shape);
  const at::Tensor second = SecondLayers(weights.flat, weights.shape);
  EXPECT_LE(first.abs().max().item<double>(), 0.2);    // 1/√25
  EXPECT_LE(second.abs().max().item<double>(), 0.05);  // 1/√400
  // A uniform variable on (-a, a) has variance a²/3; 5 standard errors of the 40,000 and 3,200 draws.
  EXPECT_NEAR(first.square().mean().item<double>(), 0.04 / 3, 0.04 * 0.298 * 5 / 200);
  EXPECT_NEAR(second.square().mean().item<double>(), 0.0025 / 3, 0.0025 * 0.298 * 5 / 56);
  EXPECT_NEAR(first.mean().item<double>(), 0, 0.116 * 5 / 200);
}

TEST(InitialWeights, OfGaussianHaveTheScaleAskedFor) {
  const TrialWeights weights = Initial(Gaussian{3}, 1);
  EXPECT_NEAR(weights.flat.square().mean().item<double>(), 9, 9 * 1.42 * 5 / 207);
  EXPECT_NEAR(weights.gates.square().mean().item<double>(), 1, 1.42 * 5 / 200);
}

TEST(InitialWeights, OfKaimingHaveVarianceTwoByFanIn) {
  const TrialWeights weights = Initial(Kaiming(), 1);
  const at::Tensor first = FirstLayers(weights.flat, weights.shape);
  const at::Tensor second = SecondLayers(weights.flat, weights.shape);
  EXPECT_NEAR(first.square().mean().item<double>(), 2.0 / 25, 2.0 / 25 * 1.42 * 5 / 200);
  EXPECT_NEAR(second.square().mean().item<double>(), 2.0 / 400, 2.0 / 400 * 1.42 * 5 / 56);
}

TEST(InitialWeights, OfBalancedAreTheGaussianNetworkWithEqualSides) {
  const TrialWeights gaussian = Initial(Gaussian{3}, 1);
  const TrialWeights balanced = Initial(BalancedGaussian{3}, 1);
  const at::Tensor rows = Wavy(8, 25, 0.3);
  for (std::int64_t slot = 0; slot < balanced.trials(); ++slot) {
    const Network network = NetworkAt(balanced.flat, balanced, slot);
    const at::Tensor first_norms = network.first_layer.square().sum(0).sqrt();
    EXPECT_LT(LargestDifference(first_norms, network.second_layer.abs().sum(1)), 1e-12) << "the penalty is group_l2";
    const at::Tensor outputs = Forward(network, rows);
    EXPECT_LT(LargestDifference(outputs, Forward(NetworkAt(gaussian.flat, gaussian, slot), rows)), 1e-10);
  }
}

TEST(InitialWeights, OfOneNetworkAreThoseOfEveryTrial) {
  Options options;
  options.neurons = 2;
  options.trials = 3;
  Network network;
  network.first_layer = Wavy(4, 2, 0.1);
  network.second_layer = Wavy(2, 1, 0.2);
  options.start = {network};
  const TrialWeights weights = InitialWeights(options, {4, 2, 1}, Wavy(1, 4, 0));
  ASSERT_EQ(weights.trials(), 3);
  for (std::int64_t slot = 0; slot < 3; ++slot) {
    EXPECT_TRUE(Same(NetworkAt(weights.flat, weights, slot).first_layer, network.first_layer));
  }
}

TEST(InitialWeights, DifferBetweenTrialsAndSeeds) {
  const TrialWeights one = Initial(Gaussian{3}, 1);
  const TrialWeights two = Initial(Gaussian{3}, 2);
  EXPECT_TRUE(Same(one.flat, Initial(Gaussian{3}, 1).flat));
  EXPECT_FALSE(Same(one.flat, two.flat));
  EXPECT_FALSE(Same(one.flat[0], one.flat[1]));
  EXPECT_FALSE(Same(one.gates[0], one.gates[1]));
  // Seeds that agree in their low 32 bits are different seeds.
  EXPECT_FALSE(Same(one.flat, Initial(Gaussian{3}, 1 + (std::uint64_t{1} << 32)).flat));
}

std::vector<std::int64_t> OrderOf(std::uint64_t seed, std::int64_t trial, std::int64_t epoch, std::size_t rows) {
  std::vector<std::int64_t> order(rows);
  RowOrder(seed, trial, epoch, &order);
  return order;
}

TEST(RowOrder, IsAPermutationOfItsOwnForEveryTrialAndEpoch) {
  const auto order = OrderOf(1, 0, 1, 50);
  std::vector<std::int64_t> sorted = order;
  std::sort(sorted.begin(), sorted.end());
  std::vector<std::int64_t> all(50);
  std::iota(all.begin(), all.end(), std::int64_t{0});
  EXPECT_EQ(sorted, all);
  EXPECT_EQ(order, OrderOf(1, 0, 1, 50));
  EXPECT_NE(order, OrderOf(1, 0, 2, 50));
  EXPECT_NE(order, OrderOf(1, 1, 1, 50));
  EXPECT_NE(order, OrderOf(2, 0, 1, 50));
}

TEST(RowOrder, PutsEveryRowFirstEquallyOften) {
  std::vector<int> first(5);
  for (std::int64_t epoch = 1; epoch <= 5000; ++epoch) {
    ++first[static_cast<std::size_t>(OrderOf(7, 0, epoch, 5).front())];
  }
  for (const int count : first) EXPECT_NEAR(count, 1000, 150);  // five standard deviations are 141
}

}  // namespace
}  // namespace cvxnn::descent
