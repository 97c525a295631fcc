// SPDX-License-Identifier: Apache-2.0
// Power iteration for ‖F‖₂²; see lipschitz.h.
#include "core/convex/solvers/lipschitz.h"

#include <ATen/ATen.h>

#include <cmath>

namespace cvxnn::convex {
namespace {

constexpr int kMaxIterations = 100;
constexpr double kTolerance = 1e-3;
// Beyond this many rows the kernel costs more than the products it saves.
constexpr std::int64_t kMaxKernelRows = 2048;
constexpr std::int64_t kKernelRowsPerPattern = 20;
// Up to this many rows the kernel's eigenvalues are computed outright.
constexpr std::int64_t kMaxDirectRows = 256;

// A start that no structure of the data is orthogonal to: distinct irrational phases, the same on every device.
at::Tensor StartVector(std::int64_t rows, const at::TensorOptions& options) {
  const at::Tensor index = at::arange(rows, at::TensorOptions().dtype(at::kDouble).device(at::kCPU));
  return index.mul(std::sqrt(2.0)).frac().add(0.5).unsqueeze(1).to(options);
}

}  // namespace

absl::StatusOr<double> LargestEigenvalue(const PatternOperator& map, const std::function<bool()>& should_stop) {
  if (map.patterns() == 0 || map.rows() == 0) return 0.0;
  const auto options = map.features().options();
  const bool small = map.rows() <= kMaxKernelRows && map.rows() <= kKernelRowsPerPattern * map.patterns();
  at::Tensor kernel;
  if (small) {
    const at::Tensor mask = map.mask().to(options.dtype());
    kernel = at::mm(map.features(), map.features().t()).mul_(at::mm(mask, mask.t()));
    if (map.rows() <= kMaxDirectRows) return at::linalg_eigvalsh(kernel).max().item<double>();
  }
  // The kernel does not depend on the number of outputs.
  const PatternOperator single(map.features(), map.mask(), 1);
  at::Tensor vector = StartVector(map.rows(), options);
  double estimate = 0;
  for (int i = 0; i < kMaxIterations; ++i) {
    if (should_stop && should_stop()) return absl::CancelledError("stopped while finding the step size");
    vector.div_(vector.norm().clamp_min(1e-30));
    const at::Tensor image = small ? at::mm(kernel, vector) : single.Apply(single.Adjoint(vector));
    const double next = image.norm().item<double>();
    if (std::abs(next - estimate) <= kTolerance * next) return next;
    estimate = next;
    vector = image;
  }
  return estimate;
}

}  // namespace cvxnn::convex
