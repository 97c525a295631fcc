// SPDX-License-Identifier: Apache-2.0
#include "core/convex/solvers/in_pieces.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cstdint>

namespace cvxnn::convex {
namespace {

// So small that everything here is done in many pieces.
constexpr double kTinyPieces = 1e6;

at::Tensor Random(std::int64_t rows, std::int64_t columns, at::ScalarType type = at::kDouble) {
  at::manual_seed(3);
  return at::randn({rows, columns}, at::TensorOptions(type));
}

at::Tensor PositiveDefinite(std::int64_t size, at::ScalarType type = at::kDouble) {
  const at::Tensor root = Random(size, size, type);
  at::Tensor matrix = at::mm(root, root.t()).div_(size);
  matrix.diagonal().add_(1);
  return matrix;
}

double FarthestFrom(const at::Tensor& expected, const at::Tensor& actual) {
  return expected.sub(actual).abs().max().item<double>();
}

TEST(MultiplyInPieces, GivesTheProduct) {
  for (const std::int64_t rows : {1, 64, 65, 300}) {
    const at::Tensor left = Random(rows, 70), right = Random(70, 130);
    const auto product = MultiplyInPieces(left, right, {}, kTinyPieces);
    ASSERT_TRUE(product.ok()) << product.status();
    EXPECT_LT(FarthestFrom(at::einsum("ik,kj->ij", {left, right}), *product), 1e-12) << rows << " rows";
  }
}

TEST(MultiplyInPieces, TakesTransposedMatrices) {
  const at::Tensor rows = Random(80, 200);
  const auto gram = MultiplyInPieces(rows.t(), rows, {}, kTinyPieces);
  ASSERT_TRUE(gram.ok()) << gram.status();
  EXPECT_LT(FarthestFrom(at::einsum("ki,kj->ij", {rows, rows}), *gram), 1e-11);
}

TEST(MultiplyInPieces, StopsBetweenPieces) {
  int asked = 0;
  const auto product = MultiplyInPieces(
      Random(1000, 100), Random(100, 100), [&] { return ++asked == 4; }, kTinyPieces);
  EXPECT_TRUE(absl::IsCancelled(product.status())) << product.status();
  EXPECT_EQ(asked, 4);
}

TEST(CholeskyInPieces, GivesALowerFactorOfAnySize) {
  for (const std::int64_t size : {1, 100, 512, 513, 1024, 1300}) {
    const at::Tensor matrix = PositiveDefinite(size);
    const auto factor = CholeskyInPieces(matrix, {}, kTinyPieces);
    ASSERT_TRUE(factor.ok() && factor->defined()) << size << ": " << factor.status();
    EXPECT_LT(FarthestFrom(matrix, at::mm(*factor, factor->t())), 1e-12) << size;
    EXPECT_TRUE(at::equal(factor->tril(), *factor)) << size;
    EXPECT_GT(factor->diagonal().min().item<double>(), 0) << size;
  }
}

TEST(CholeskyInPieces, IsTheFactorInOnePiece) {
  const at::Tensor matrix = PositiveDefinite(700);
  const auto pieces = CholeskyInPieces(matrix, {}, kTinyPieces), whole = CholeskyInPieces(matrix, {});
  ASSERT_TRUE(pieces.ok() && whole.ok());
  EXPECT_LT(FarthestFrom(*whole, *pieces), 1e-12);
  EXPECT_EQ(pieces->strides(), whole->strides());
}

TEST(CholeskyInPieces, WorksInFloat32) {
  const at::Tensor matrix = PositiveDefinite(1100, at::kFloat);
  const auto factor = CholeskyInPieces(matrix, {}, kTinyPieces);
  ASSERT_TRUE(factor.ok() && factor->defined()) << factor.status();
  EXPECT_LT(FarthestFrom(matrix, at::mm(*factor, factor->t())), 1e-4);
}

TEST(CholeskyInPieces, ReadsOnlyTheLowerTriangleAndLeavesTheMatrixAsItIs) {
  const at::Tensor whole = PositiveDefinite(1100), matrix = whole.tril(), before = matrix.clone();
  const auto factor = CholeskyInPieces(matrix, {}, kTinyPieces);
  ASSERT_TRUE(factor.ok() && factor->defined()) << factor.status();
  EXPECT_LT(FarthestFrom(whole, at::mm(*factor, factor->t())), 1e-12);
  EXPECT_TRUE(at::equal(before, matrix));
}

TEST(CholeskyInPieces, SaysWhenThereIsNone) {
  for (const std::int64_t row : {10, 800, 1099}) {
    at::Tensor matrix = PositiveDefinite(1100);
    matrix[row][row] = -1;
    const auto factor = CholeskyInPieces(matrix, {}, kTinyPieces);
    ASSERT_TRUE(factor.ok()) << factor.status();
    EXPECT_FALSE(factor->defined()) << "row " << row;
  }
}

TEST(CholeskyInPieces, StopsWithinAColumnOfBlocks) {
  // 1,024 to 1,535 of the rows are the third column of blocks: its products with the two before are pieces of 64 rows.
  const at::Tensor matrix = PositiveDefinite(2000);
  int all = 0;
  ASSERT_TRUE(CholeskyInPieces(
                  matrix, [&] { return ++all < 0; }, kTinyPieces)
                  .ok());
  EXPECT_GT(all, 40);
  int asked = 0;
  const auto factor = CholeskyInPieces(
      matrix, [&] { return ++asked == all / 2; }, kTinyPieces);
  EXPECT_TRUE(absl::IsCancelled(factor.status())) << factor.status();
  EXPECT_EQ(asked, all / 2);
}

}  // namespace
}  // namespace cvxnn::convex
