// SPDX-License-Identifier: Apache-2.0
// See cone_dual.h. Everything but what is returned is float64 on the CPU, where cone_projection.h works.
#include "core/convex/cone_dual.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <limits>

#include "core/convex/cone_projection.h"
#include "core/convex/group_l2.h"
#include "core/network/network.h"

namespace cvxnn::convex {
namespace {

// Columns between looks at should_stop.
constexpr std::int64_t kMostColumns = 64;
// Of ‖x_i‖‖u‖: what rounding takes from a product of float64, with room to spare.
constexpr double kRounding = 1e-12;

at::Tensor Signs(const at::Tensor& mask) { return mask.to(at::kDouble).mul_(2).sub_(1); }

}  // namespace

ConeDual::ConeDual(const PatternOperator& map)
    : map_(map),
      features_(map.features().to(at::kCPU, at::kDouble)),
      mask_(map.mask().to(at::kCPU)),
      lengths_(at::linalg_vector_norm(features_, 2, at::IntArrayRef{1}, /*keepdim=*/true)) {}

absl::StatusOr<ConeConstraints> ConeDual::At(const at::Tensor& dual, const KnownRowSide& known, double enough,
                                             const std::function<bool()>& should_stop) const {
  const std::int64_t rows = map_.rows(), patterns = map_.patterns(), outputs = map_.outputs();
  const at::Tensor nu = dual.to(at::kCPU, at::kDouble);
  at::Tensor row_side = at::empty({rows, 2, patterns, outputs}, dual.options().device(at::kCPU));
  std::vector<char> has(static_cast<std::size_t>(patterns), 0);
  if (known.row_side.defined()) {
    const at::Tensor places = at::tensor(known.patterns, at::kLong);
    for (const std::int64_t p : known.patterns) has[static_cast<std::size_t>(p)] = 1;
    row_side.index_copy_(2, places, known.row_side.to(at::kCPU).view({rows, 2, places.size(0), outputs}));
  }
  std::vector<std::int64_t> others;
  for (std::int64_t p = 0; p < patterns; ++p) {
    if (has[static_cast<std::size_t>(p)] == 0) others.push_back(p);
  }
  const at::Tensor rest = at::tensor(others, at::kLong);
  for (std::int64_t begin = 0; begin < rest.size(0); begin += kMostColumns) {
    const at::Tensor here = rest.narrow(0, begin, std::min(kMostColumns, rest.size(0) - begin));
    const at::Tensor mask = mask_.index_select(1, here), signs = Signs(mask);
    for (std::int64_t k = 0; k < outputs; ++k) {
      for (std::int64_t sign = 0; sign < 2; ++sign) {
        if (should_stop && should_stop()) return absl::CancelledError("stopped while looking at all patterns");
        const at::Tensor side = nu.narrow(1, k, 1).mul(sign == 0 ? 1 : -1).mul(mask);
        const at::Tensor slopes = at::mm(features_.t(), side);
        const at::Tensor large = ColumnNorms(slopes).gt(enough).nonzero().squeeze(1);
        if (large.size(0) > 0) {
          side.index_add_(1, large,
                          ConeMultipliers(features_, signs.index_select(1, large), slopes.index_select(1, large)));
        }
        row_side.select(3, k).select(1, sign).index_copy_(1, here, side.to(row_side.scalar_type()));
      }
    }
  }
  ConeConstraints constraints;
  row_side = row_side.view({rows, -1});
  constraints.products = at::mm(features_.t(), row_side.to(at::kDouble)).to(dual.device());
  constraints.row_side = row_side.to(dual.device());
  return constraints;
}

double ConeDual::FeasibleObjective(const Iterate& iterate, const HalfSumProblem& problem) const {
  const std::int64_t outputs = map_.outputs();
  const at::Tensor columns = iterate.norms.nonzero().squeeze(1);
  const at::Tensor on_cpu = columns.to(at::kCPU);
  at::Tensor weights = iterate.weights.index_select(1, columns).to(at::kCPU, at::kDouble);
  const at::Tensor mask = mask_.index_select(1, on_cpu.remainder(map_.blocks()).div(outputs, "floor"));
  const at::Tensor signs = Signs(mask);
  // Columns with a row on the wrong side of its hyperplane.
  const auto outside = [&](const at::Tensor& at, const at::Tensor& side) {
    const at::Tensor allowed = lengths_.mul(at::linalg_vector_norm(at, 2, at::IntArrayRef{0}, true)).mul_(kRounding);
    return at::mm(features_, at).mul_(side).add_(allowed).lt(0).any(0).nonzero().squeeze(1);
  };
  if (const at::Tensor bad = outside(weights, signs); bad.size(0) > 0) {
    const at::Tensor side = signs.index_select(1, bad), moved = weights.index_select(1, bad);
    const at::Tensor projected = moved.add(at::mm(features_.t(), ConeMultipliers(features_, side, moved)));
    if (outside(projected, side).size(0) > 0) return std::numeric_limits<double>::infinity();
    weights = weights.index_copy(1, bad, projected);
  }
  const at::Tensor selector = OutputSelector(on_cpu, outputs, map_.blocks(), weights.options());
  const at::Tensor predicted = at::mm(at::mm(features_, weights).mul_(mask), selector);
  const at::Tensor targets = problem.targets.to(at::kCPU, at::kDouble);
  return LossValue(problem.loss, LossScale::kHalfSum, predicted, targets) +
         problem.beta * ColumnNorms(weights).sum().item<double>();
}

}  // namespace cvxnn::convex
