// SPDX-License-Identifier: Apache-2.0
// Enumeration against counts known from combinatorics and against patterns met by many random directions.
#include "core/patterns/enumerated.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <string>

#include "core/patterns/arrangement.h"
#include "core/patterns/sampled.h"

namespace cvxnn {
namespace {

const at::TensorOptions kDouble = at::TensorOptions().dtype(at::kDouble).device(at::kCPU);

at::Tensor Gaussian(std::int64_t rows, std::int64_t columns, std::uint64_t seed) {
  auto generator = at::make_generator<at::CPUGeneratorImpl>(seed);
  return at::randn({rows, columns}, generator, kDouble);
}

std::set<std::string> Columns(const ActivationPatterns& patterns) {
  std::set<std::string> found;
  const at::Tensor columns = patterns.mask.t().contiguous();
  for (std::int64_t p = 0; p < columns.size(0); ++p) {
    std::string text;
    for (std::int64_t i = 0; i < columns.size(1); ++i)
      text += columns.data_ptr<bool>()[p * columns.size(1) + i] ? '1' : '0';
    found.insert(text);
  }
  return found;
}

ActivationPatterns Enumerated(const at::Tensor& features) {
  auto patterns = EnumeratePatterns(features, 1'000'000);
  EXPECT_TRUE(patterns.ok()) << patterns.status();
  return *std::move(patterns);
}

// The cells: patterns, and the one active nowhere where there is one.
std::int64_t Cells(const at::Tensor& features) {
  const ActivationPatterns patterns = Enumerated(features);
  const std::string nowhere(static_cast<std::size_t>(features.size(0)), '0');
  std::set<std::string> columns = Columns(patterns);
  EXPECT_EQ(static_cast<std::int64_t>(columns.size()), patterns.count());
  // Cells come in pairs, u and −u; without rows of zeros only the everywhere active one can have lost its other half.
  columns.insert(nowhere);
  const bool everywhere = columns.contains(std::string(nowhere.size(), '1'));
  return patterns.count() + (everywhere ? 1 : 0);
}

TEST(EnumeratedPatterns, AreAsManyAsTheFormulaSaysInGeneralPosition) {
  EXPECT_EQ(Cells(Gaussian(5, 3, 1)), 22);
  EXPECT_EQ(Cells(Gaussian(10, 3, 2)), 92);
  for (std::int64_t n = 1; n <= 9; ++n) {
    for (std::int64_t d = 1; d <= 6; ++d) {
      const at::Tensor x = Gaussian(n, d, static_cast<std::uint64_t>(10 * n + d));
      // Collinear in one dimension, where all rows are one hyperplane.
      const double most = d == 1 ? 2 : PatternBound(x);
      EXPECT_EQ(static_cast<double>(Cells(x)), most) << n << "x" << d;
    }
  }
}

TEST(EnumeratedPatterns, AreRightWhereManyHyperplanesMeet) {
  // Rows e_i: the orthants.
  EXPECT_EQ(Cells(at::eye(6, kDouble)), 64);
  // Rows e_i − e_j: one cell for each order of the coordinates, 5!. All of rank 4.
  std::vector<at::Tensor> differences;
  for (std::int64_t i = 0; i < 5; ++i) {
    for (std::int64_t j = 0; j < i; ++j) differences.push_back(at::eye(5, kDouble)[i].sub(at::eye(5, kDouble)[j]));
  }
  EXPECT_EQ(Cells(at::stack(differences)), 120);
  // With e_i + e_j and e_i besides: signed orders, 2⁴·4!.
  std::vector<at::Tensor> signed_orders;
  const at::Tensor units = at::eye(4, kDouble);
  for (std::int64_t i = 0; i < 4; ++i) {
    signed_orders.push_back(units[i]);
    for (std::int64_t j = 0; j < i; ++j) {
      signed_orders.push_back(units[i].sub(units[j]));
      signed_orders.push_back(units[i].add(units[j]));
    }
  }
  EXPECT_EQ(Cells(at::stack(signed_orders)), 384);
}

TEST(EnumeratedPatterns, AreThoseThatManyDirectionsMeet) {
  std::vector<at::Tensor> cases = {Gaussian(7, 3, 3), Gaussian(8, 2, 4)};
  cases.push_back(at::mm(Gaussian(8, 2, 5), Gaussian(2, 5, 6)));                 // rank 2 in 5 columns
  cases.push_back(at::cat({Gaussian(5, 3, 7), Gaussian(5, 3, 7)}));              // every row twice
  cases.push_back(at::cat({Gaussian(4, 3, 8), Gaussian(4, 3, 8).mul(-3)}));      // and against itself
  cases.push_back(at::cat({Gaussian(5, 2, 9), at::zeros({2, 2}, kDouble)}));     // rows of zeros
  cases.push_back(at::cat({Gaussian(6, 2, 10), at::ones({6, 1}, kDouble)}, 1));  // a bias
  cases.push_back(at::arange(12, kDouble).view({6, 2}).sub(5).floor_divide(2));  // a grid
  cases.push_back(Gaussian(4, 9, 11));                                           // more columns than rows
  for (const at::Tensor& x : cases) {
    const ActivationPatterns all = Enumerated(x);
    const auto sampled = SamplePatterns(x, 200000, 1);
    ASSERT_TRUE(sampled.ok());
    // Each has a gate that makes it, and none that was met is missing; thin cells may not have been met.
    EXPECT_TRUE(at::equal(MaskOfGates(x, all.gates), all.mask)) << x;
    EXPECT_THAT(Columns(all), testing::IsSupersetOf(Columns(*sampled))) << x;
    EXPECT_EQ(static_cast<std::int64_t>(Columns(all).size()), all.count());
  }
}

TEST(EnumeratedPatterns, OfPointsInThePlaneAreTwiceTheirDirections) {
  const ActivationPatterns patterns = Enumerated(Gaussian(300, 2, 12));
  EXPECT_EQ(patterns.count(), 600);
  EXPECT_EQ(Columns(patterns).size(), 600U);
}

TEST(EnumeratedPatterns, OfZeroRowsAreAllActive) {
  const ActivationPatterns patterns = Enumerated(at::zeros({3, 2}, kDouble));
  ASSERT_EQ(patterns.count(), 1);
  EXPECT_TRUE(patterns.mask.all().item<bool>());
}

TEST(EnumeratedPatterns, KeepTheTypeOfTheData) {
  const ActivationPatterns patterns = Enumerated(Gaussian(6, 3, 13).to(at::kFloat));
  EXPECT_EQ(patterns.gates.scalar_type(), at::kFloat);
  EXPECT_EQ(patterns.gates.size(0), 3);
}

TEST(EnumeratedPatterns, AreRefusedWithTheBoundWhenTheyMayBeTooMany) {
  const auto patterns = EnumeratePatterns(Gaussian(10, 3, 2), 91);
  EXPECT_EQ(patterns.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(patterns.status().message()),
              testing::HasSubstr("10 rows of these data may have 92 patterns, and at most 91 are allowed"));
  EXPECT_EQ(EnumeratePatterns(at::ones({5000, 3000}, kDouble), 1'000'000).status().code(),
            absl::StatusCode::kResourceExhausted);
}

TEST(EnumeratedPatterns, StopWhenAsked) {
  EXPECT_EQ(EnumeratePatterns(Gaussian(10, 3, 2), 1000, [] { return true; }).status().code(),
            absl::StatusCode::kCancelled);
}

TEST(MostCells, IsTheCountingFormula) {
  EXPECT_EQ(MostCells(5, 3), 22);
  EXPECT_EQ(MostCells(10, 3), 92);
  EXPECT_EQ(MostCells(3, 3), 8);
  EXPECT_EQ(MostCells(3, 7), 8);
  EXPECT_EQ(MostCells(0, 3), 1);
  EXPECT_GT(MostCells(10000, 3072), 1e300);
}

}  // namespace
}  // namespace cvxnn
