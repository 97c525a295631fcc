// SPDX-License-Identifier: Apache-2.0
// The network against its formula summed term by term in plain loops.
#include "core/network/network.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "tests/core/network/sample_network.h"

namespace cvxnn {
namespace {

/// Σ_j φ(x_iᵀu_j) α_jk, one number at a time.
double Output(const Network& network, const at::Tensor& features, std::int64_t row, std::int64_t output) {
  const auto x = features.accessor<double, 2>();
  const auto u = network.first_layer.accessor<double, 2>();
  const auto a = network.second_layer.accessor<double, 2>();
  double sum = 0;
  for (std::int64_t j = 0; j < network.neurons(); ++j) {
    double inner = 0, gate = 0;
    for (std::int64_t k = 0; k < network.inputs(); ++k) {
      inner += x[row][k] * u[k][j];
      if (network.gates.defined()) gate += x[row][k] * network.gates.accessor<double, 2>()[k][j];
    }
    const bool open = network.gates.defined() ? gate >= 0 : inner > 0;
    if (open) sum += inner * a[j][output];
  }
  return sum;
}

class Outputs : public testing::TestWithParam<Activation> {};

TEST_P(Outputs, AreTheFormula) {
  const Network network = Sample(GetParam());
  const at::Tensor features = Matrix(11, 3, 2.4);
  const at::Tensor outputs = Forward(network, features);
  ASSERT_EQ(outputs.sizes(), at::IntArrayRef({11, 2}));
  for (std::int64_t i = 0; i < 11; ++i) {
    for (std::int64_t k = 0; k < 2; ++k) {
      EXPECT_NEAR(outputs[i][k].item<double>(), Output(network, features, i, k), 1e-14);
    }
  }
}

TEST_P(Outputs, OfManyRowsAreThoseOfEachRow) {
  Network network = Sample(GetParam(), at::kFloat);
  const std::int64_t neurons = 100000;  // 1,000 rows of 100,000 neurons are more than one block
  network.first_layer = Matrix(3, neurons, 0.4, at::kFloat);
  network.second_layer = Matrix(neurons, 1, 0.6, at::kFloat);
  if (network.gates.defined()) network.gates = Matrix(3, neurons, 0.9, at::kFloat);
  const at::Tensor features = Matrix(1000, 3, 0.1, at::kFloat);
  const at::Tensor outputs = Forward(network, features);
  for (const std::int64_t row : {0, 334, 335, 670, 671, 999}) {
    const at::Tensor alone = Forward(network, features.narrow(0, row, 1));
    // float32 sums of 100,000 terms near 20,000; rows of another block would differ by thousands.
    EXPECT_NEAR(outputs[row][0].item<double>(), alone[0][0].item<double>(), 1) << row;
  }
}

TEST_P(Outputs, AreNoneForNoRows) {
  EXPECT_EQ(Forward(Sample(GetParam()), Matrix(0, 3, 0)).sizes(), at::IntArrayRef({0, 2}));
}

INSTANTIATE_TEST_SUITE_P(BothActivations, Outputs, testing::Values(Activation::kRelu, Activation::kGated));

TEST(Outputs, OfNoNeuronsAreZero) {
  ASSERT_TRUE(Validate(Empty()).ok());
  EXPECT_TRUE(at::equal(Forward(Empty(), Matrix(5, 3, 0)), at::zeros_like(Matrix(5, 2, 0))));
}

TEST(PenaltyValue, IsTheNormThatItsNameSays) {
  Network network;
  const auto options = at::TensorOptions().device(at::kCPU).dtype(at::kDouble);
  network.first_layer = at::tensor(std::vector<double>{3, 0, 4, 1}, options).view({2, 2});    // ‖U‖² = 26
  network.second_layer = at::tensor(std::vector<double>{1, -2, 0, 5}, options).view({2, 2});  // ℓ1: 3, 5; ℓ2²: 5, 25
  EXPECT_DOUBLE_EQ(PenaltyValue(Penalty::kGroupL2, 0.5, network), 0.25 * (26 + 9 + 25));
  EXPECT_DOUBLE_EQ(PenaltyValue(Penalty::kWeightDecay, 0.5, network), 0.25 * (26 + 5 + 25));
  EXPECT_EQ(PenaltyValue(Penalty::kNone, 0.5, network), 0);
  // The products u_j α_jk of U = (3 0; 4 1) and α = (1 −2; 0 5): 3, 4, −6, −8 of the first neuron, 0 and 5 of the
  // second.
  EXPECT_DOUBLE_EQ(PenaltyValue(Penalty::kRidge, 0.5, network), 0.25 * (9 + 16 + 36 + 64 + 25));
  EXPECT_DOUBLE_EQ(PenaltyValue(Penalty::kL1, 0.5, network), 0.5 * (3 + 4 + 6 + 8 + 5));
  EXPECT_DOUBLE_EQ(PenaltyValue(Penalty::kFeatureGroups, 0.5, network),
                   0.5 * (std::sqrt(9.0 + 36) + std::sqrt(16.0 + 64 + 25)));
}

class Balance : public testing::TestWithParam<Penalty> {};

TEST_P(Balance, KeepsOutputsAndLowersThePenaltyToItsLeast) {
  const Network network = Sample(Activation::kRelu);
  const Network balanced = Balanced(network, GetParam());
  const at::Tensor features = Matrix(9, 3, 0.2);
  EXPECT_TRUE(at::allclose(Forward(balanced, features), Forward(network, features), 1e-12, 1e-12));
  const at::Tensor sizes =
      GetParam() == Penalty::kGroupL2 ? network.second_layer.abs().sum(1) : network.second_layer.square().sum(1).sqrt();
  // The least of (a²t² + b²/t²)/2 over t is a·b.
  const double least = (network.first_layer.square().sum(0).sqrt() * sizes).sum().item<double>();
  EXPECT_NEAR(PenaltyValue(GetParam(), 1, balanced), least, 1e-12);
  EXPECT_LT(least, PenaltyValue(GetParam(), 1, network));
}

TEST_P(Balance, MakesANeuronWithAZeroSideZero) {
  Network network = Sample(Activation::kGated);
  network.first_layer.select(1, 0).zero_();
  network.second_layer.select(0, 2).zero_();
  const Network balanced = Balanced(network, GetParam());
  EXPECT_EQ(balanced.second_layer[0].abs().sum().item<double>(), 0);
  EXPECT_EQ(balanced.first_layer.select(1, 2).abs().sum().item<double>(), 0);
  EXPECT_TRUE(at::equal(balanced.gates, network.gates));
  EXPECT_TRUE(Validate(balanced).ok());
}

INSTANTIATE_TEST_SUITE_P(BothPenalties, Balance, testing::Values(Penalty::kGroupL2, Penalty::kWeightDecay));

at::Tensor Rows(std::vector<double> values, std::int64_t cols) {
  return at::tensor(values, at::TensorOptions().device(at::kCPU).dtype(at::kDouble)).view({-1, cols});
}

TEST(Accuracy, BySignCountsZeroAsPositive) {
  EXPECT_EQ(Accuracy(Counting::kSign, Rows({0.1, -0.1, 0.0, -0.0}, 1), Rows({1, -1, 1, 1}, 1)), 1.0);
  EXPECT_EQ(Accuracy(Counting::kSign, Rows({0.1, -0.1, 0.0, -2}, 1), Rows({-1, -1, -1, 1}, 1)), 0.25);
}

TEST(Accuracy, ByArgmaxComparesTheLargest) {
  EXPECT_EQ(Accuracy(Counting::kArgmax, Rows({.1, .9, .3, .2, .1, .5}, 3), Rows({0, 1, 0, 1, 0, 0}, 3)), 0.5);
}

TEST(Accuracy, NeverCountsWhatIsNotANumber) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(Accuracy(Counting::kSign, Rows({nan, nan}, 1), Rows({1, -1}, 1)), 0.0);
  EXPECT_EQ(Accuracy(Counting::kArgmax, Rows({nan, 0}, 2), Rows({1, 0}, 2)), 0.0);
}

TEST(Accuracy, HasNoMeaningForRegressionOrNoRows) {
  EXPECT_EQ(Accuracy(Counting::kNone, Rows({1}, 1), Rows({1}, 1)), std::nullopt);
  EXPECT_EQ(Accuracy(Counting::kSign, Matrix(0, 1, 0), Matrix(0, 1, 0)), std::nullopt);
}

struct Flaw {
  const char* name;
  const char* message;
  std::function<void(Network&)> spoil;
};

class Flawed : public testing::TestWithParam<Flaw> {};

TEST_P(Flawed, IsRefusedByTheNameOfTheTensor) {
  Network network = Sample(Activation::kGated);
  ASSERT_TRUE(Validate(network).ok());
  GetParam().spoil(network);
  const absl::Status status = Validate(network);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), testing::StartsWith(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    Networks, Flawed,
    testing::Values(Flaw{"no_first", "first_layer: missing", [](Network& n) { n.first_layer = at::Tensor(); }},
                    Flaw{"no_second", "second_layer: missing", [](Network& n) { n.second_layer = at::Tensor(); }},
                    Flaw{"no_gates", "gates: missing", [](Network& n) { n.gates = at::Tensor(); }},
                    Flaw{"vector", "second_layer has shape 4: must have two",
                         [](Network& n) { n.second_layer = n.second_layer[0].repeat({2}); }},
                    Flaw{"integers", "first_layer: must be float32",
                         [](Network& n) { n.first_layer = n.first_layer.to(at::kLong); }},
                    Flaw{"mixed", "second_layer: must have the element type",
                         [](Network& n) { n.second_layer = n.second_layer.to(at::kFloat); }},
                    Flaw{"rows", "second_layer has shape 3x2: must have one row",
                         [](Network& n) { n.second_layer = Matrix(3, 2, 0); }},
                    Flaw{"gate_shape", "gates has shape 4x3", [](Network& n) { n.gates = Matrix(4, 3, 0); }},
                    Flaw{"relu_gates", "gates: only a gated", [](Network& n) { n.activation = Activation::kRelu; }},
                    Flaw{"infinite", "second_layer: must be finite",
                         [](Network& n) { n.second_layer[0][0] = std::numeric_limits<double>::infinity(); }}),
    [](const testing::TestParamInfo<Flaw>& instance) { return instance.param.name; });

}  // namespace
}  // namespace cvxnn
