// SPDX-License-Identifier: Apache-2.0
// Products with F and Fᵀ in blocks of patterns; see operator.h.
#include "core/convex/operator.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <utility>

#include "core/convex/group_l2.h"

namespace cvxnn::convex {
PatternOperator::PatternOperator(at::Tensor features, at::Tensor mask, std::int64_t outputs)
    : features_(std::move(features)), mask_(std::move(mask)), outputs_(outputs) {}

at::Tensor PatternOperator::Apply(const at::Tensor& weights) const {
  const std::int64_t block = std::max<std::int64_t>(1, kBlockElements / std::max<std::int64_t>(1, rows() * outputs_));
  at::Tensor sum = at::zeros({rows(), outputs_}, features_.options());
  for (std::int64_t begin = 0; begin < patterns(); begin += block) {
    const std::int64_t size = std::min(block, patterns() - begin);
    at::Tensor products = at::mm(features_, weights.narrow(1, begin * outputs_, size * outputs_));
    products.view({rows(), size, outputs_}).mul_(mask_.narrow(1, begin, size).unsqueeze(2));
    sum.add_(products.view({rows(), size, outputs_}).sum(1));
  }
  return sum;
}

at::Tensor PatternOperator::ApplyColumns(const at::Tensor& weights, const at::Tensor& columns) const {
  const std::int64_t active = columns.size(0);
  const std::int64_t block = std::max<std::int64_t>(1, kBlockElements / std::max<std::int64_t>(1, rows()));
  at::Tensor sum = at::zeros({rows(), outputs_}, features_.options());
  for (std::int64_t begin = 0; begin < active; begin += block) {
    const std::int64_t size = std::min(block, active - begin);
    const at::Tensor index = columns.narrow(0, begin, size);
    at::Tensor products = at::mm(features_, weights.narrow(1, begin, size));
    products.mul_(mask_.index_select(1, index.div(outputs_, "floor")));
    sum.addmm_(products, OutputSelector(index, outputs_, blocks(), features_.options()));
  }
  return sum;
}

at::Tensor PatternOperator::Adjoint(const at::Tensor& residual) const {
  const std::int64_t block = std::max<std::int64_t>(1, kBlockElements / std::max<std::int64_t>(1, rows() * outputs_));
  at::Tensor result = at::empty({inputs(), blocks()}, features_.options());
  for (std::int64_t begin = 0; begin < patterns(); begin += block) {
    const std::int64_t size = std::min(block, patterns() - begin);
    const at::Tensor spread =
        (residual.unsqueeze(1) * mask_.narrow(1, begin, size).unsqueeze(2)).view({rows(), size * outputs_});
    result.narrow(1, begin * outputs_, size * outputs_).copy_(at::mm(features_.t(), spread));
  }
  return result;
}

at::Tensor PatternOperator::AdjointNorms(const at::Tensor& residual) const {
  at::Tensor norms = at::empty({blocks()}, features_.options().dtype(at::kDouble));
  VisitAdjoint(residual, [&](std::int64_t first, const at::Tensor& product) {
    norms.narrow(0, first, product.size(1)).copy_(ColumnNorms(product));
  });
  return norms;
}

void PatternOperator::VisitAdjoint(const at::Tensor& residual, const ProductVisitor& visit) const {
  const std::int64_t block = std::max<std::int64_t>(1, kBlockElements / std::max<std::int64_t>(1, rows() * outputs_));
  for (std::int64_t begin = 0; begin < patterns(); begin += block) {
    const std::int64_t size = std::min(block, patterns() - begin);
    const at::Tensor spread =
        (residual.unsqueeze(1) * mask_.narrow(1, begin, size).unsqueeze(2)).view({rows(), size * outputs_});
    VisitProducts(features_, spread, outputs_,
                  [&](std::int64_t first, const at::Tensor& product) { visit(begin * outputs_ + first, product); });
  }
}

void VisitProducts(const at::Tensor& features, const at::Tensor& columns, std::int64_t multiple,
                   const ProductVisitor& visit) {
  const std::int64_t rows = features.size(0), inputs = features.size(1), count = columns.size(1);
  const auto wide = features.options().dtype(at::kDouble);
  const std::int64_t width =
      multiple * std::max<std::int64_t>(1, kBlockElements / std::max<std::int64_t>(1, inputs * multiple));
  const std::int64_t height = std::max<std::int64_t>(1, kBlockElements / std::max({std::int64_t{1}, inputs, count}));
  for (std::int64_t column = 0; column < count; column += width) {
    const std::int64_t some = std::min(width, count - column);
    at::Tensor product = at::zeros({inputs, some}, wide);
    for (std::int64_t row = 0; row < rows; row += height) {
      const std::int64_t size = std::min(height, rows - row);
      product.addmm_(features.narrow(0, row, size).to(at::kDouble).t(),
                     columns.narrow(0, row, size).narrow(1, column, some).to(at::kDouble));
    }
    visit(column, product);
  }
}

at::Tensor OutputSelector(const at::Tensor& columns, std::int64_t outputs, std::int64_t negative_from,
                          const at::TensorOptions& options) {
  at::Tensor selector = at::zeros({columns.size(0), outputs}, options);
  const at::Tensor sign = columns.lt(negative_from).to(options.dtype()).mul_(2).sub_(1);
  selector.scatter_(1, columns.remainder(outputs).unsqueeze(1), sign.unsqueeze(1));
  return selector;
}

}  // namespace cvxnn::convex
