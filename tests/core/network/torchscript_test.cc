// SPDX-License-Identifier: Apache-2.0
// TorchScript modules loaded back by LibTorch give the network's outputs.
#include "core/network/export/torchscript.h"

#include <gtest/gtest.h>
#include <torch/script.h>

#include <limits>
#include <sstream>
#include <string>
#include <vector>

#include "tests/core/network/sample_network.h"

namespace cvxnn {
namespace {

torch::jit::Module Loaded(const Network& network) {
  std::stringstream stream;
  const absl::Status status = WriteTorchScript(network, stream);
  EXPECT_TRUE(status.ok()) << status;
  return torch::jit::load(stream);
}

class TorchScript : public testing::TestWithParam<std::tuple<Activation, at::ScalarType>> {};

TEST_P(TorchScript, GivesTheOutputsOfTheNetwork) {
  const auto [activation, type] = GetParam();
  const Network network = Sample(activation, type);
  torch::jit::Module module = Loaded(network);
  const at::Tensor features = Matrix(7, 3, 1.1, type);
  EXPECT_TRUE(at::allclose(module.forward({features}).toTensor(), Forward(network, features), 1e-6, 1e-6));
  // Rows of another type are brought to that of the weights.
  const at::Tensor other = features.to(type == at::kFloat ? at::kDouble : at::kFloat);
  EXPECT_TRUE(at::allclose(module.forward({other}).toTensor(), Forward(network, other.to(type)), 1e-6, 1e-6));
}

INSTANTIATE_TEST_SUITE_P(Everywhere, TorchScript,
                         testing::Combine(testing::Values(Activation::kRelu, Activation::kGated),
                                          testing::Values(at::kFloat, at::kDouble)));

TEST(TorchScript, HasTheNamesOfTheSafetensorsFile) {
  const torch::jit::Module module = Loaded(Sample(Activation::kGated));
  std::vector<std::string> names;
  for (const auto& parameter : module.named_parameters()) names.push_back(parameter.name);
  for (const auto& buffer : module.named_buffers()) names.push_back(buffer.name);
  EXPECT_EQ(names, (std::vector<std::string>{"first_layer.weight", "second_layer.weight", "gates"}));
  EXPECT_FALSE(module.is_training());
}

TEST(TorchScript, OfNoNeuronsGivesZeros) {
  torch::jit::Module module = Loaded(Empty());
  EXPECT_TRUE(at::equal(module.forward({Matrix(5, 3, 0)}).toTensor(), at::zeros_like(Matrix(5, 2, 0))));
}

TEST(TorchScript, IsNotWrittenForABrokenNetwork) {
  Network network = Sample(Activation::kRelu);
  network.first_layer[0][0] = std::numeric_limits<double>::quiet_NaN();
  std::ostringstream stream;
  EXPECT_EQ(WriteTorchScript(network, stream).code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace cvxnn
