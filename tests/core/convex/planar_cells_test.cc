// SPDX-License-Identifier: Apache-2.0
// Cells of the plane: their rays against the constraints themselves, and sums over arcs against products of matrices.
#include "core/convex/solvers/planar_cells.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "core/patterns/enumerated.h"

namespace cvxnn::convex {
namespace {

const auto kWide = at::TensorOptions().dtype(at::kDouble);  // NOLINT(cert-err58-cpp)

// Rows around the circle, with repeats, an opposite row and a row of zeros.
at::Tensor Rows() {
  const at::Tensor t = at::arange(11, kWide);
  const at::Tensor rows = at::stack({t.mul(1.3).sin(), t.mul(2.7).cos()}, 1);
  return at::cat({rows, rows.narrow(0, 2, 2), rows.narrow(0, 5, 1).mul(-2), at::zeros({1, 2}, kWide)});
}

at::Tensor AllPatterns(const at::Tensor& rows) { return EnumeratePatterns(rows, 1000)->mask; }

at::Tensor Column(const std::vector<double>& entries) {
  return at::tensor(at::ArrayRef<double>(entries.data(), entries.size()), kWide);
}

class PlanarCellsOf : public testing::TestWithParam<std::int64_t> {
 protected:
  // Every cell, or each second or fifth.
  void SetUp() override {
    rows_ = Rows();
    const at::Tensor all = AllPatterns(rows_);
    mask_ = all.index_select(1, at::arange(0, all.size(1), GetParam(), at::kLong));
    cells_ = PlanarCells::Of(rows_, mask_);
    ASSERT_TRUE(cells_.has_value());
    ASSERT_EQ(cells_->cells().size(), static_cast<std::size_t>(mask_.size(1)));
  }

  // D_pX of a cell.
  at::Tensor Masked(const PlanarCell& cell) const { return rows_.mul(mask_.select(1, cell.pattern).unsqueeze(1)); }

  at::Tensor rows_, mask_;
  std::optional<PlanarCells> cells_;
};
INSTANTIATE_TEST_SUITE_P(Every, PlanarCellsOf, testing::Values(1, 2, 5));

TEST_P(PlanarCellsOf, RaysBoundTheCell) {
  for (const PlanarCell& cell : cells_->cells()) {
    const at::Tensor signed_rows = rows_.mul(mask_.select(1, cell.pattern).to(at::kDouble).mul(2).sub(1).unsqueeze(1));
    const auto least = [&](const Point& u) {
      return at::mv(signed_rows, at::tensor({u.x, u.y}, kWide)).min().item<double>();
    };
    EXPECT_NEAR(Length(cell.first), 1, 1e-15);
    EXPECT_NEAR(Length(cell.second), 1, 1e-15);
    EXPECT_NEAR(cell.sine, Cross(cell.first, cell.second), 1e-15);
    EXPECT_GT(cell.sine, 0);
    EXPECT_GE(least(cell.first), -1e-15);
    EXPECT_GE(least(cell.second), -1e-15);
    // A little further round lies outside.
    EXPECT_LT(least(cell.first - 1e-6 * cell.second), 0);
    EXPECT_LT(least(cell.second - 1e-6 * cell.first), 0);
    // The first ray's multiplier is that of the row that the second lies on.
    const auto on = [&](std::int64_t row, const Point& u) {
      return at::mv(signed_rows.narrow(0, row, 1), at::tensor({u.x, u.y}, kWide)).item<double>();
    };
    EXPECT_NEAR(on(cell.row_of[0], cell.second), 0, 1e-15);
    EXPECT_NEAR(on(cell.row_of[1], cell.first), 0, 1e-15);
  }
}

TEST_P(PlanarCellsOf, SumsOverArcsAreProducts) {
  const std::size_t rows = cells_->rows(), count = cells_->cells().size();
  std::vector<double> r(rows), image;
  for (std::size_t i = 0; i < rows; ++i) r[i] = std::sin(3.0 * static_cast<double>(i) + 1);
  std::vector<Point> u(count), adjoint;
  std::vector<Symmetric> q(count);
  at::Tensor outputs = at::zeros({Rows().size(0)}, kWide);
  at::Tensor coupling = at::eye(Rows().size(0), kWide);
  cells_->Adjoint(r, adjoint);
  for (std::size_t j = 0; j < count; ++j) {
    const auto t = static_cast<double>(j);
    u[j] = {std::cos(t), std::sin(2 * t)};
    q[j] = {2 + std::sin(t), 0.5 * std::cos(t), 1};
    const at::Tensor masked = Masked(cells_->cells()[j]);
    outputs.add_(at::mv(masked, at::tensor({u[j].x, u[j].y}, kWide)));
    coupling.add_(masked.mm(at::tensor({q[j].xx, q[j].xy, q[j].xy, q[j].yy}, kWide).view({2, 2})).mm(masked.t()));
    const at::Tensor expected = at::mv(masked.t(), Column(r));
    EXPECT_NEAR(adjoint[j].x, expected[0].item<double>(), 1e-13);
    EXPECT_NEAR(adjoint[j].y, expected[1].item<double>(), 1e-13);
  }
  cells_->Apply(u, image);
  EXPECT_TRUE(at::allclose(Column(image), outputs, 1e-12, 1e-12));
  std::vector<double> matrix(rows * rows);
  cells_->Coupling(q, matrix.data());
  const at::Tensor lower = Column(matrix).view({Rows().size(0), -1}).tril();
  EXPECT_TRUE(at::allclose(lower, coupling.tril(), 1e-12, 1e-12));
}

TEST(PlanarCells, LeavesOutPatternsThatOnlyZeroHas) {
  const at::Tensor rows = Rows(), all = AllPatterns(rows);
  // A row and its opposite can be active together only where both are 0, and another one not to be is then too much.
  const at::Tensor none = at::zeros({rows.size(0), 1}, at::kBool);
  const auto cells = PlanarCells::Of(rows.narrow(0, 0, 11), at::cat({all, none}, 1).narrow(0, 0, 11));
  ASSERT_TRUE(cells.has_value());
  EXPECT_EQ(cells->cells().size(), static_cast<std::size_t>(all.size(1)));
}

TEST(PlanarCells, AreAbsentWhereACellIsNoWedge) {
  const at::Tensor line = at::tensor({1.0, 2.0, -1.0, -2.0, 3.0, 6.0}, kWide).view({3, 2});
  EXPECT_FALSE(PlanarCells::Of(line, line.select(1, 0).unsqueeze(1).ge(0)).has_value());
  const at::Tensor cube = at::ones({3, 3}, kWide);
  EXPECT_FALSE(PlanarCells::Of(cube, cube.ge(0)).has_value());
  // Both a row and its opposite: a ray.
  const at::Tensor ray = at::tensor({1.0, 0.0, -1.0, 0.0, 0.0, 1.0}, kWide).view({3, 2});
  EXPECT_FALSE(PlanarCells::Of(ray, at::ones({3, 1}, at::kBool)).has_value());
}

}  // namespace
}  // namespace cvxnn::convex
