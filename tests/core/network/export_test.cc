// SPDX-License-Identifier: Apache-2.0
// A network written as safetensors and read back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <sstream>

#include "core/network/export/network_file.h"
#include "core/network/export/safetensors.h"
#include "tests/core/network/sample_network.h"

namespace cvxnn {
namespace {

std::string Written(const Network& network) {
  std::ostringstream stream;
  const absl::Status status = WriteNetwork(network, stream);
  EXPECT_TRUE(status.ok()) << status;
  return stream.str();
}

class NetworkFile : public testing::TestWithParam<std::tuple<Activation, at::ScalarType>> {};

TEST_P(NetworkFile, IsReadBackExactly) {
  const Network network = Sample(std::get<0>(GetParam()), std::get<1>(GetParam()));
  const auto read = ReadNetwork(Written(network));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->activation, network.activation);
  EXPECT_TRUE(at::equal(read->first_layer, network.first_layer));
  EXPECT_TRUE(at::equal(read->second_layer, network.second_layer));
  EXPECT_EQ(read->gates.defined(), network.gates.defined());
  if (network.gates.defined()) {
    EXPECT_TRUE(at::equal(read->gates, network.gates));
  }
}

INSTANTIATE_TEST_SUITE_P(Everywhere, NetworkFile,
                         testing::Combine(testing::Values(Activation::kRelu, Activation::kGated),
                                          testing::Values(at::kFloat, at::kDouble)));

TEST(NetworkFile, OfNoNeuronsIsReadBack) {
  const auto read = ReadNetwork(Written(Empty()));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->neurons(), 0);
  EXPECT_EQ(read->inputs(), 3);
  EXPECT_EQ(read->outputs(), 2);
}

TEST(NetworkFile, HasTheNamesAndShapesOfPyTorchLinearLayers) {
  const auto content = ReadSafetensors(Written(Sample(Activation::kGated)));
  ASSERT_TRUE(content.ok()) << content.status();
  ASSERT_EQ(content->tensors.size(), 3u);
  EXPECT_EQ(content->tensors.at("first_layer.weight").sizes(), at::IntArrayRef({4, 3}));
  EXPECT_EQ(content->tensors.at("second_layer.weight").sizes(), at::IntArrayRef({2, 4}));
  EXPECT_EQ(content->tensors.at("gates").sizes(), at::IntArrayRef({4, 3}));
  EXPECT_EQ(content->metadata.at("format"), "pt");
  EXPECT_EQ(content->metadata.at("activation"), "gated");
  EXPECT_EQ(content->metadata.count("cvxnn_version"), 1u);
}

TEST(NetworkFile, IsNotWrittenForABrokenNetworkOrToABrokenStream) {
  Network network = Sample(Activation::kRelu);
  std::ostringstream broken;
  broken.setstate(std::ios::badbit);
  EXPECT_EQ(WriteNetwork(network, broken).code(), absl::StatusCode::kDataLoss);
  network.first_layer[0][0] = std::numeric_limits<double>::quiet_NaN();
  std::ostringstream stream;
  EXPECT_EQ(WriteNetwork(network, stream).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(stream.str().empty());
}

std::string Bytes(const Safetensors& content) {
  std::ostringstream stream;
  EXPECT_TRUE(WriteSafetensors(content, stream).ok());
  return stream.str();
}

TEST(NetworkFile, OfAnotherMeaningIsRefused) {
  const auto good = ReadSafetensors(Written(Sample(Activation::kRelu)));
  ASSERT_TRUE(good.ok());
  ASSERT_TRUE(ReadNetwork(Bytes(*good)).ok());
  const auto message = [](const Safetensors& content) {
    const auto read = ReadNetwork(Bytes(content));
    EXPECT_EQ(read.status().code(), absl::StatusCode::kInvalidArgument);
    return std::string(read.status().message());
  };
  Safetensors content = *good;
  content.metadata.clear();
  EXPECT_THAT(message(content), testing::HasSubstr("no activation"));
  content = *good;
  content.metadata["activation"] = "tanh";
  EXPECT_THAT(message(content), testing::HasSubstr("relu or gated"));
  content = *good;
  content.tensors.erase("second_layer.weight");
  EXPECT_THAT(message(content), testing::HasSubstr("second_layer: missing"));
  content = *good;
  content.tensors["bias"] = Matrix(1, 1, 0);
  EXPECT_THAT(message(content), testing::HasSubstr("no part of a network"));
  content = *good;
  content.tensors["gates"] = Matrix(4, 3, 0);
  EXPECT_THAT(message(content), testing::HasSubstr("only a gated"));
  content = *good;
  content.tensors["first_layer.weight"] = Matrix(4, 3, 0).view({2, 2, 3});
  EXPECT_THAT(message(content), testing::HasSubstr("two dimensions"));
  content = *good;
  content.tensors["first_layer.weight"][0][0] = std::numeric_limits<double>::infinity();
  EXPECT_THAT(message(content), testing::HasSubstr("first_layer: must be finite"));
}

}  // namespace
}  // namespace cvxnn
