// SPDX-License-Identifier: Apache-2.0
// Sampled patterns: what they are, that they repeat with the seed, and that none is repeated or useless.
#include "core/patterns/sampled.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "core/data/generate.h"

namespace cvxnn {
namespace {

at::Tensor Gaussian(std::int64_t rows, std::int64_t columns, at::ScalarType dtype = at::kDouble) {
  auto generator = at::make_generator<at::CPUGeneratorImpl>(7);
  return at::randn({rows, columns}, generator, at::TensorOptions().dtype(at::kDouble)).to(dtype);
}

std::string Column(const at::Tensor& mask, std::int64_t p) {
  std::string text;
  for (std::int64_t i = 0; i < mask.size(0); ++i) text += mask[i][p].item<bool>() ? '1' : '0';
  return text;
}

TEST(SampledPatterns, AreTheSignsOfTheirGates) {
  const at::Tensor x = Gaussian(9, 3);
  const auto patterns = SamplePatterns(x, 20, 1);
  ASSERT_TRUE(patterns.ok());
  for (std::int64_t p = 0; p < patterns->count(); ++p) {
    for (std::int64_t i = 0; i < 9; ++i) {
      double product = 0;
      for (std::int64_t j = 0; j < 3; ++j) product += x[i][j].item<double>() * patterns->gates[j][p].item<double>();
      EXPECT_EQ(patterns->mask[i][p].item<bool>(), product >= 0);
    }
  }
}

TEST(SampledPatterns, HoldEachPatternOnceAndNoneThatIsNeverActive) {
  const auto patterns = SamplePatterns(Gaussian(4, 2), 500, 3);
  ASSERT_TRUE(patterns.ok());
  std::set<std::string> seen;
  for (std::int64_t p = 0; p < patterns->count(); ++p) seen.insert(Column(patterns->mask, p));
  EXPECT_EQ(static_cast<std::int64_t>(seen.size()), patterns->count());
  EXPECT_FALSE(seen.contains("0000"));
  // Four rows in general position in the plane cut it into 8 cells; at most one of them is the empty pattern.
  EXPECT_GE(patterns->count(), 7);
  EXPECT_LE(patterns->count(), 8);
}

TEST(SampledPatterns, RepeatWithTheSeedAndDifferWithout) {
  const at::Tensor x = Gaussian(30, 5);
  const auto first = SamplePatterns(x, 16, 42), again = SamplePatterns(x, 16, 42), other = SamplePatterns(x, 16, 43);
  ASSERT_TRUE(first.ok() && again.ok() && other.ok());
  EXPECT_TRUE(at::equal(first->gates, again->gates));
  EXPECT_TRUE(at::equal(first->mask, again->mask));
  EXPECT_FALSE(at::equal(first->gates, other->gates));
}

TEST(SampledPatterns, StartFromTheSameGatesInEitherPrecision) {
  const auto wide = SamplePatterns(Gaussian(30, 5), 16, 42);
  const auto narrow = SamplePatterns(Gaussian(30, 5, at::kFloat), 16, 42);
  ASSERT_TRUE(wide.ok() && narrow.ok());
  EXPECT_EQ(narrow->gates.scalar_type(), at::kFloat);
  EXPECT_TRUE(at::equal(wide->gates.to(at::kFloat), narrow->gates));
}

TEST(SampledPatterns, GrowWithTheCount) {
  const at::Tensor x = Gaussian(40, 6);
  const auto few = SamplePatterns(x, 10, 5), many = SamplePatterns(x, 25, 5);
  ASSERT_TRUE(few.ok() && many.ok());
  EXPECT_TRUE(at::equal(few->gates, many->gates.narrow(1, 0, few->count())));
}

TEST(SampledPatterns, HaveStandardNormalGates) {
  const auto patterns = SamplePatterns(Gaussian(64, 50), 400, 9);
  ASSERT_TRUE(patterns.ok());
  const at::Tensor gates = patterns->gates;
  EXPECT_NEAR(gates.mean().item<double>(), 0, 0.03);
  EXPECT_NEAR(gates.square().mean().item<double>(), 1, 0.05);
  EXPECT_NEAR(gates.pow(4).mean().item<double>(), 3, 0.3);
}

TEST(SampledPatterns, AreIndependentOfDataGeneratedWithTheSameSeed) {
  constexpr std::int64_t kColumns = 50;
  for (const bool planted : {false, true}) {
    data::GeneratorSpec spec;
    if (planted) {
      spec.generator = data::PlantedNetworkGenerator{.rows = 60, .columns = kColumns, .neurons = 10, .noise = 0};
    } else {
      spec.generator =
          data::GaussianGenerator{.rows = 60, .columns = kColumns, .labels = data::GaussianLabels::kRandomSign};
    }
    const auto dataset = data::Generate(spec);
    ASSERT_TRUE(dataset.ok()) << dataset.status();
    at::Tensor x = at::empty({60, kColumns}, at::TensorOptions().dtype(at::kDouble));
    for (std::int64_t i = 0; i < x.numel(); ++i) {
      x.data_ptr<double>()[i] = dataset->train.features.at(i / kColumns, i % kColumns);
    }
    const auto patterns = SamplePatterns(x, 60, spec.seed);
    ASSERT_TRUE(patterns.ok());
    const at::Tensor cosines = x.div(x.norm(2, {1}, true)).mm(patterns->gates.div(patterns->gates.norm(2, {0}, true)));
    // 3,600 independent cosines in 50 dimensions stay below 0.6; the same numbers would give 1.
    EXPECT_LT(cosines.abs().max().item<double>(), 0.8);
    EXPECT_NEAR(cosines.mean().item<double>(), 0, 0.02);
  }
}

TEST(SparsePatterns, LookAtSoManyColumnsEachAndReachEveryColumn) {
  const at::Tensor x = Gaussian(40, 6);
  const auto patterns = SampleSparsePatterns(x, 300, 2, 5);
  ASSERT_TRUE(patterns.ok());
  const at::Tensor used = patterns->gates.ne(0);
  EXPECT_TRUE(used.sum(0).eq(2).all().item<bool>());
  EXPECT_TRUE(used.any(1).all().item<bool>());
  EXPECT_TRUE(at::equal(patterns->mask.to(at::kBool), x.mm(patterns->gates).ge(0)));
  // All 15 pairs, each in more than one direction.
  EXPECT_GT(patterns->count(), 30);
  const auto few = SampleSparsePatterns(x, 10, 2, 5);
  EXPECT_TRUE(at::equal(few->gates, patterns->gates.narrow(1, 0, few->count())));
  const auto all = SampleSparsePatterns(x, 10, 6, 5);
  EXPECT_TRUE(all->gates.ne(0).all().item<bool>());
}

TEST(SparsePatterns, RefuseColumnsThatAreNotThere) {
  for (const std::int64_t columns : {0, 4}) {
    EXPECT_EQ(SampleSparsePatterns(Gaussian(5, 3), 10, columns, 0).status().message(),
              "patterns.columns_per_gate = " + std::to_string(columns) + ": must be 1 to 3, the columns of the data");
  }
}

TEST(SampledPatterns, OfZeroRowsAreAllActive) {
  const auto patterns = SamplePatterns(at::zeros({3, 2}, at::TensorOptions().dtype(at::kDouble)), 5, 0);
  ASSERT_TRUE(patterns.ok());
  ASSERT_EQ(patterns->count(), 1);
  EXPECT_EQ(Column(patterns->mask, 0), "111");
}

TEST(SampledPatterns, RefuseACountBelowOne) {
  const auto patterns = SamplePatterns(Gaussian(3, 2), 0, 0);
  EXPECT_EQ(patterns.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(patterns.status().message()), testing::HasSubstr("patterns.count = 0: must be >= 1"));
}

TEST(SampledPatterns, StopWhenAsked) {
  const auto patterns = SamplePatterns(Gaussian(3, 2), 5, 0, [] { return true; });
  EXPECT_EQ(patterns.status().code(), absl::StatusCode::kCancelled);
}

constexpr data::ImageShape kImage{2, 5, 4};

TEST(ConvolutionalPatterns, LookAtOneSquareOfAllChannelsAndReachEveryPosition) {
  const at::Tensor x = Gaussian(40, 41);  // 40 pixels and a bias
  const auto patterns = SampleConvolutionalPatterns(x, kImage, 600, 3, 1);
  ASSERT_TRUE(patterns.ok()) << patterns.status();
  std::set<std::pair<std::int64_t, std::int64_t>> corners;
  for (std::int64_t p = 0; p < patterns->count(); ++p) {
    const at::Tensor gate = patterns->gates.select(1, p);
    EXPECT_EQ(gate[40].item<double>(), 0);
    const at::Tensor used = gate.narrow(0, 0, 40).ne(0).view({2, 5, 4});
    EXPECT_EQ(used.sum().item<std::int64_t>(), 2 * 3 * 3);
    const std::int64_t top = used.any(0).any(1).to(at::kByte).argmax().item<std::int64_t>();
    const std::int64_t left = used.any(0).any(0).to(at::kByte).argmax().item<std::int64_t>();
    EXPECT_TRUE(used.narrow(1, top, 3).narrow(2, left, 3).all().item<bool>());
    corners.emplace(top, left);
  }
  EXPECT_EQ(corners.size(), 3U * 2U);
  EXPECT_TRUE(at::equal(MaskOfGates(x, patterns->gates), patterns->mask));
}

TEST(ConvolutionalPatterns, RepeatWithTheSeedAndGrowWithTheCount) {
  const at::Tensor x = Gaussian(40, 40);
  const auto few = SampleConvolutionalPatterns(x, kImage, 10, 2, 5),
             many = SampleConvolutionalPatterns(x, kImage, 25, 2, 5);
  const auto other = SampleConvolutionalPatterns(x, kImage, 10, 2, 6);
  ASSERT_TRUE(few.ok() && many.ok() && other.ok());
  EXPECT_TRUE(at::equal(few->gates, many->gates.narrow(1, 0, few->count())));
  EXPECT_FALSE(at::equal(few->gates, other->gates));
}

TEST(ConvolutionalPatterns, RefuseWhatDoesNotFit) {
  const auto fault = [](std::int64_t columns, std::int64_t patch_size) {
    return std::string(SampleConvolutionalPatterns(Gaussian(3, columns), kImage, 5, patch_size, 0).status().message());
  };
  EXPECT_EQ(fault(40, 0), "patterns.patch_size = 0: must be 1 to 4, the shorter side of the images");
  EXPECT_EQ(fault(40, 5), "patterns.patch_size = 5: must be 1 to 4, the shorter side of the images");
  EXPECT_EQ(fault(42, 2), "features have 42 columns: must be the 40 pixels of an image, and at most a bias");
  EXPECT_EQ(fault(41, 4), "");
}

}  // namespace
}  // namespace cvxnn
