// SPDX-License-Identifier: Apache-2.0
// See row_math.h.
#include "core/descent/row_math.h"

#include <ATen/ATen.h>

#include <Eigen/Core>
#include <algorithm>

#include "core/descent/engines/parallel_ranges.h"

namespace cvxnn::descent {
namespace {

template <typename Scalar>
void DotsOnHost(const at::Tensor& a, const at::Tensor& b, double* dots) {
  const std::int64_t size = a.size(1);
  const Scalar* const left = a.data_ptr<Scalar>();
  const Scalar* const right = b.data_ptr<Scalar>();
  const std::int64_t grain = std::max<std::int64_t>(1, kElementGrain / std::max<std::int64_t>(1, size));
  ParallelRanges(a.size(0), grain, [=](int, std::int64_t begin, std::int64_t end) {
    using Row = Eigen::Map<const Eigen::Array<Scalar, Eigen::Dynamic, 1>>;
    for (std::int64_t t = begin; t < end; ++t) {
      dots[t] =
          (Row(left + t * size, size).template cast<double>() * Row(right + t * size, size).template cast<double>())
              .sum();
    }
  });
}

}  // namespace

at::Tensor RowDots(const at::Tensor& a, const at::Tensor& b) {
  if (!a.is_cpu()) return (a * b).sum(at::IntArrayRef{1}, false, at::kDouble);
  at::Tensor dots = at::empty({a.size(0)}, at::TensorOptions().device(at::kCPU).dtype(at::kDouble));
  if (a.scalar_type() == at::kFloat) {
    DotsOnHost<float>(a, b, dots.data_ptr<double>());
  } else {
    DotsOnHost<double>(a, b, dots.data_ptr<double>());
  }
  return dots;
}

std::vector<double> ToHost(const at::Tensor& values) {
  const at::Tensor host = values.cpu().contiguous();
  const double* const begin = host.data_ptr<double>();
  return {begin, begin + host.numel()};
}

at::Tensor ToDevice(const std::vector<double>& values, const at::Tensor& like) {
  return at::tensor(values, at::TensorOptions().device(at::kCPU).dtype(at::kDouble)).to(like.device());
}

void AddScaledRows(at::Tensor& y, const at::Tensor& x, const at::Tensor& factors) {
  y.addcmul_(x, factors.unsqueeze(1).to(y.scalar_type()));
}

void ClipRows(at::Tensor& gradient, double most) {
  const at::Tensor shares = RowDots(gradient, gradient).sqrt_().add_(1e-6).reciprocal_().mul_(most).clamp_max_(1);
  gradient.mul_(shares.unsqueeze(1).to(gradient.scalar_type()));
}

}  // namespace cvxnn::descent
