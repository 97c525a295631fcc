// SPDX-License-Identifier: Apache-2.0
// Merging, pruning and cone decomposition: outputs on the training rows by Forward, which shares no code with them.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <Eigen/Core>
#include <cmath>

#include "core/network/network.h"
#include "core/network/reduction/cone_decomposition.h"
#include "core/network/reduction/least_distance.h"
#include "core/network/reduction/merge.h"
#include "core/network/reduction/prune.h"
#include "tests/core/network/sample_network.h"

namespace cvxnn {
namespace {

Network Wide(Activation activation, std::int64_t inputs, std::int64_t neurons, std::int64_t outputs,
             at::ScalarType type = at::kDouble) {
  Network network;
  network.activation = activation;
  network.first_layer = Matrix(inputs, neurons, 0.2, type);
  network.second_layer = Matrix(neurons, outputs, 1.1, type);
  if (activation == Activation::kGated) network.gates = Matrix(inputs, neurons, 2.3, type);
  return network;
}

double LargestChange(const Network& before, const Network& after, const at::Tensor& x) {
  return (Forward(before, x) - Forward(after, x)).abs().max().item<double>();
}

double PenaltyOf(const Network& network, Penalty penalty) {
  return PenaltyValue(penalty, 1, Balanced(network, penalty));
}

TEST(Merged, AddsUpNeuronsOfOnePatternAndSign) {
  Network network;
  const auto options = at::TensorOptions().dtype(at::kDouble).device(at::kCPU);
  network.first_layer = at::tensor({1.0, 2.0, -1.0, -0.5, -3.0, 1.0}, options).view({2, 3});
  network.second_layer = at::tensor({2.0, 1.0, 1.0}, options).view({3, 1});
  const at::Tensor x = at::tensor({1.0, 0.0, 0.0, 0.5, -1.0, 0.0}, options).view({3, 2});
  // The first two neurons are active on the first row alone, the third on the others.
  const Network merged = Merged(network, x, Penalty::kGroupL2);
  EXPECT_EQ(merged.neurons(), 2);
  EXPECT_LE(LargestChange(network, merged, x), 1e-14);
  EXPECT_LT(PenaltyOf(merged, Penalty::kGroupL2), PenaltyOf(network, Penalty::kGroupL2));
  EXPECT_TRUE(Validate(merged).ok());
}

TEST(Merged, JoinsOppositeNeuronsOfOneDirection) {
  Network network = Wide(Activation::kRelu, 3, 2, 1);
  network.first_layer.select(1, 1).copy_(network.first_layer.select(1, 0) * 3);
  network.second_layer.copy_(at::tensor({3.0, -0.5}, network.second_layer.options()).view({2, 1}));
  const at::Tensor x = Matrix(20, 3, 0.7), elsewhere = Matrix(50, 3, 5.1);
  const Network merged = Merged(network, x, Penalty::kWeightDecay);
  ASSERT_EQ(merged.neurons(), 1);
  EXPECT_LE(LargestChange(network, merged, elsewhere), 1e-13);
}

TEST(Merged, LeavesOutNeuronsWithoutOutputOnTheRows) {
  Network network = Wide(Activation::kRelu, 3, 5, 2);
  const at::Tensor x = Matrix(8, 3, 0.7).abs();
  network.first_layer.select(1, 3).copy_(-network.first_layer.select(1, 3).abs());
  const Network merged = Merged(network, x, Penalty::kWeightDecay);
  EXPECT_LT(merged.neurons(), 5);
  EXPECT_LE(LargestChange(network, merged, x), 1e-14);
}

struct PruneCase {
  Activation activation;
  std::int64_t neurons, outputs;
  Penalty penalty;
};

class PruneTest : public testing::TestWithParam<PruneCase> {};

TEST_P(PruneTest, KeepsOutputsAndAtMostAsManyNeuronsAsNumbers) {
  const auto& [activation, neurons, outputs, penalty] = GetParam();
  const std::int64_t rows = 9;
  const Network network = Wide(activation, 6, neurons, outputs);
  const at::Tensor x = Matrix(rows, 6, 0.4);
  const auto pruned = PrunedToMinimal(network, x, penalty);
  ASSERT_TRUE(pruned.ok()) << pruned.status();
  ASSERT_TRUE(Validate(*pruned).ok());
  EXPECT_LE(pruned->neurons(), rows * outputs);
  EXPECT_LT(pruned->neurons(), neurons);
  const double size = Forward(network, x).abs().max().item<double>();
  EXPECT_LE(LargestChange(network, *pruned, x), 1e-11 * size);
  EXPECT_LE(PenaltyOf(*pruned, penalty), PenaltyOf(network, penalty) * (1 + 1e-12));
  // Nothing is left to take away.
  const auto again = PrunedToMinimal(*pruned, x, penalty);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->neurons(), pruned->neurons());
}

INSTANTIATE_TEST_SUITE_P(Shapes, PruneTest,
                         testing::Values(PruneCase{Activation::kRelu, 40, 1, Penalty::kGroupL2},
                                         PruneCase{Activation::kRelu, 400, 1,
                                                   Penalty::kGroupL2},  // in several portions
                                         PruneCase{Activation::kRelu, 60, 3, Penalty::kGroupL2},
                                         PruneCase{Activation::kRelu, 60, 3, Penalty::kWeightDecay},
                                         PruneCase{Activation::kGated, 50, 1, Penalty::kGroupL2},
                                         PruneCase{Activation::kGated, 50, 2, Penalty::kWeightDecay}));

TEST(PrunedToMinimal, GivesTheTypeOfTheNetwork) {
  const Network network = Wide(Activation::kRelu, 6, 60, 1, at::kFloat);
  const at::Tensor x = Matrix(9, 6, 0.4, at::kFloat);
  const auto pruned = PrunedToMinimal(network, x, Penalty::kGroupL2);
  ASSERT_TRUE(pruned.ok());
  EXPECT_EQ(pruned->first_layer.scalar_type(), at::kFloat);
  EXPECT_LE(pruned->neurons(), 9);
  EXPECT_LE(LargestChange(network, *pruned, x), 1e-5 * Forward(network, x).abs().max().item<double>());
}

TEST(PrunedToMinimal, LeavesNothingOfANetworkWithoutOutput) {
  const Network network = Empty();
  const auto pruned = PrunedToMinimal(network, Matrix(9, 3, 0.4), Penalty::kGroupL2);
  ASSERT_TRUE(pruned.ok()) << pruned.status();
  EXPECT_EQ(pruned->neurons(), 0);
}

TEST(PrunedToMinimal, RefusesWhatItCannotHold) {
  const Network network = Wide(Activation::kRelu, 3, kMostPrunedAtOnce + 400, 1);
  const auto pruned = PrunedToMinimal(network, Matrix(kMostPrunedAtOnce + 1, 3, 0.4), Penalty::kGroupL2);
  EXPECT_TRUE(absl::IsResourceExhausted(pruned.status())) << pruned.status();
}

TEST(PrunedTo, KeepsTheLargestAndFitsTheRestByLeastSquares) {
  const Network network = Wide(Activation::kRelu, 5, 30, 2);
  const at::Tensor x = Matrix(40, 5, 0.4);
  const Network plain = PrunedTo(network, x, Penalty::kWeightDecay, 12, Correction::kNone);
  const Network fitted = PrunedTo(network, x, Penalty::kWeightDecay, 12, Correction::kLeastSquares);
  EXPECT_EQ(plain.neurons(), 12);
  EXPECT_EQ(fitted.neurons(), 12);
  const auto misfit = [&](const Network& pruned) {
    return (Forward(network, x) - Forward(pruned, x)).norm().item<double>();
  };
  EXPECT_LT(misfit(fitted), 0.9 * misfit(plain));
  // The residual of a least squares fit is orthogonal to every neuron's output.
  const at::Tensor hidden = at::mm(x, fitted.first_layer).clamp_min(0);
  EXPECT_LE(at::mm(hidden.t(), Forward(network, x) - Forward(fitted, x)).abs().max().item<double>(), 1e-9);
}

TEST(LeastDistance, FindsTheNearestPointOfAPolyhedron) {
  Eigen::MatrixXd g(3, 2);
  g << 1, 1, 2, 0, 0, -1;
  // x + y >= 2, x >= 1/2, y <= 1/2: the nearest point is (1.5, 0.5).
  const auto x = LeastDistance(g, Eigen::Vector3d(2, 1, -0.5));
  ASSERT_TRUE(x.has_value());
  EXPECT_NEAR((*x)[0], 1.5, 1e-12);
  EXPECT_NEAR((*x)[1], 0.5, 1e-12);
}

TEST(LeastDistance, SaysWhenThereIsNone) {
  EXPECT_FALSE(LeastDistance((Eigen::MatrixXd(2, 1) << 1, -1).finished(), Eigen::Vector2d(1, 1)).has_value());
  EXPECT_FALSE(LeastDistance(Eigen::MatrixXd::Zero(1, 2), Eigen::VectorXd::Ones(1)).has_value());
  EXPECT_EQ(LeastDistance(Eigen::MatrixXd::Zero(1, 2), Eigen::VectorXd::Zero(1))->norm(), 0);
}

class ConeDecomposition : public testing::TestWithParam<std::tuple<Decomposition, std::int64_t>> {};

TEST_P(ConeDecomposition, KeepsTheOutputsOnTheRows) {
  const auto [method, outputs] = GetParam();
  const Network gated = Wide(Activation::kGated, 4, 12, outputs);
  const at::Tensor x = Matrix(15, 4, 0.4);
  const auto relu = ToRelu(gated, x, Penalty::kGroupL2, {method});
  ASSERT_TRUE(relu.ok()) << relu.status();
  EXPECT_TRUE(Validate(*relu).ok());
  EXPECT_EQ(relu->activation, Activation::kRelu);
  EXPECT_LE(relu->neurons(), 24);
  const double size = Forward(gated, x).abs().max().item<double>();
  EXPECT_LE(LargestChange(gated, *relu, x), (method == Decomposition::kApproximate ? 0.05 : 1e-11) * size);
}

INSTANTIATE_TEST_SUITE_P(Methods, ConeDecomposition,
                         testing::Combine(testing::Values(Decomposition::kLeastNorm, Decomposition::kAlongGate,
                                                          Decomposition::kApproximate),
                                          testing::Values<std::int64_t>(1, 2)));

// In the plane the cone is a wedge, and the parts can be searched for directly.
TEST(ToRelu, FindsTheLeastNormsInThePlane) {
  const auto options = at::TensorOptions().dtype(at::kDouble).device(at::kCPU);
  Network gated;
  gated.activation = Activation::kGated;
  gated.gates = at::tensor({1.0, 1.0}, options).view({2, 1});
  gated.first_layer = at::tensor({2.0, -1.0}, options).view({2, 1});
  gated.second_layer = at::tensor({1.0}, options).view({1, 1});
  const at::Tensor x = at::tensor({1.0, 0.2, -0.3, 1.0}, options).view({2, 2});  // both open
  const auto relu = ToRelu(gated, x, Penalty::kGroupL2, {Decomposition::kLeastNorm});
  ASSERT_TRUE(relu.ok()) << relu.status();
  double least = 1e9;
  for (int i = 0; i <= 600; ++i) {
    for (int k = 0; k <= 600; ++k) {
      const double b0 = -2 + 0.01 * i, b1 = -2 + 0.01 * k, a0 = b0 + 2, a1 = b1 - 1;
      const bool inside = b0 + 0.2 * b1 >= 0 && -0.3 * b0 + b1 >= 0 && a0 + 0.2 * a1 >= 0 && -0.3 * a0 + a1 >= 0;
      if (inside) least = std::min(least, std::hypot(a0, a1) + std::hypot(b0, b1));
    }
  }
  EXPECT_LE(PenaltyOf(*relu, Penalty::kGroupL2), least + 1e-9);
  EXPECT_GE(PenaltyOf(*relu, Penalty::kGroupL2), least - 0.03);
  const auto along = ToRelu(gated, x, Penalty::kGroupL2, {Decomposition::kAlongGate});
  ASSERT_TRUE(along.ok());
  EXPECT_GT(PenaltyOf(*along, Penalty::kGroupL2), PenaltyOf(*relu, Penalty::kGroupL2));
}

TEST(ToRelu, LeavesNeuronsThatAreInTheirConesAlone) {
  Network gated = Wide(Activation::kGated, 4, 6, 1);
  gated.gates = gated.first_layer.clone();
  gated.first_layer.select(1, 2).neg_();
  const at::Tensor x = Matrix(15, 4, 0.4);
  const auto relu = ToRelu(gated, x, Penalty::kGroupL2, {Decomposition::kLeastNorm});
  ASSERT_TRUE(relu.ok());
  EXPECT_EQ(relu->neurons(), 6);
  EXPECT_NEAR(PenaltyOf(*relu, Penalty::kGroupL2), PenaltyOf(gated, Penalty::kGroupL2), 1e-12);
}

TEST(ToRelu, NamesTheNeuronWhoseConeIsTooThin) {
  const auto options = at::TensorOptions().dtype(at::kDouble).device(at::kCPU);
  Network gated = Wide(Activation::kGated, 2, 1, 1);
  gated.gates = at::tensor({1.0, 0.0}, options).view({2, 1});
  gated.first_layer = at::tensor({1.0, 1.0}, options).view({2, 1});
  // Open on a row and on its opposite: the cone is the line between, and (1, 1) is not on it.
  const at::Tensor x = at::tensor({0.0, 1.0, 0.0, -1.0, 1.0, 0.0}, options).view({3, 2});
  for (const auto method : {Decomposition::kLeastNorm, Decomposition::kAlongGate}) {
    const auto relu = ToRelu(gated, x, Penalty::kGroupL2, {method});
    EXPECT_TRUE(absl::IsFailedPrecondition(relu.status())) << relu.status();
    EXPECT_NE(relu.status().message().find("neuron 0"), absl::string_view::npos);
  }
}

TEST(ToRelu, RefusesWhatIsNotGatedOrTooWide) {
  const at::Tensor x = Matrix(5, 3, 0.4);
  EXPECT_TRUE(absl::IsInvalidArgument(ToRelu(Wide(Activation::kRelu, 3, 4, 1), x, Penalty::kGroupL2).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(
      ToRelu(Wide(Activation::kGated, 3, 4, 1), x, Penalty::kGroupL2, {Decomposition::kApproximate, 0}).status()));
  const Network wide = Wide(Activation::kGated, kMostLeastNormInputs + 1, 2, 1);
  EXPECT_TRUE(
      absl::IsResourceExhausted(ToRelu(wide, Matrix(5, kMostLeastNormInputs + 1, 0.4), Penalty::kGroupL2).status()));
}

}  // namespace
}  // namespace cvxnn
