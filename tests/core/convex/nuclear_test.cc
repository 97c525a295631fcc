// SPDX-License-Identifier: Apache-2.0
// The nuclear norm's prox and its dual norm against singular value decompositions of each block.
#include "core/convex/nuclear.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/core/convex/double_tensors.h"

namespace cvxnn::convex {
namespace {

constexpr std::int64_t kInputs = 5, kPatterns = 4, kOutputs = 3;

at::Tensor Weights() { return at::arange(kInputs * kPatterns * kOutputs, kDouble).mul(1.7).sin().view({kInputs, -1}); }
at::Tensor Block(const at::Tensor& weights, std::int64_t p) { return weights.narrow(1, p * kOutputs, kOutputs); }

TEST(SpectralNorms, AreTheLargestSingularValues) {
  const at::Tensor norms = SpectralNorms(Weights(), kOutputs);
  ASSERT_EQ(norms.sizes(), at::IntArrayRef({kPatterns}));
  for (std::int64_t p = 0; p < kPatterns; ++p) {
    EXPECT_NEAR(norms[p].item<double>(), at::linalg_svdvals(Block(Weights(), p)).max().item<double>(), 1e-12);
  }
  EXPECT_TRUE(SpectralNorms(Weights().mul(NAN), kOutputs).isnan().all().item<bool>());
}

TEST(ShrinkBlocks, LowersSingularValuesAndKeepsTheirVectors) {
  const auto shrunk = ShrinkBlocks(Weights(), kOutputs, 1.1);
  for (std::int64_t p = 0; p < kPatterns; ++p) {
    const auto [u, sizes, v] = at::linalg_svd(Block(Weights(), p), false);
    const at::Tensor lowered = sizes.sub(1.1).clamp_min(0);
    EXPECT_TRUE(at::allclose(Block(shrunk.weights, p), u.mul(lowered).mm(v), 1e-10, 1e-12));
    const at::Tensor values = std::get<0>(shrunk.values.narrow(0, p * kOutputs, kOutputs).sort());
    EXPECT_TRUE(at::allclose(values, std::get<0>(lowered.sort()), 1e-10, 1e-12));
  }
}

TEST(ShrinkBlocks, MakesExactZeros) {
  const auto shrunk = ShrinkBlocks(Weights(), kOutputs, 100);
  EXPECT_EQ(shrunk.weights.abs().max().item<double>(), 0);
  EXPECT_EQ(shrunk.values.max().item<double>(), 0);
}

}  // namespace
}  // namespace cvxnn::convex
