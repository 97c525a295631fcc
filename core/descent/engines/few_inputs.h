// SPDX-License-Identifier: Apache-2.0
// Forward and backward pass of the ReLU network with few inputs and one output, written for vector registers. At such
// sizes general matrix products spend most of their time on their own overhead: the notebook's network (n = 10, d = 2,
// m = 500) takes little more than 1 µs a step here.
#pragma once

#include <cstdint>

namespace cvxnn::descent {

/// Widest input that has kernels; beyond it general products are as good.
inline constexpr std::int64_t kFewInputs = 8;

/// The two passes over a block of rows. X is rows×d, U is d×m, α has m entries, H is rows×m; all row-major, contiguous.
template <typename Scalar>
struct FewInputKernels {
  /// H = (XU)₊ and outputs_i = Σ_j H_ij α_j.
  void (*forward)(const Scalar* x, std::int64_t rows, const Scalar* first, const Scalar* second, std::int64_t neurons,
                  Scalar* hidden, Scalar* outputs);
  /// Given r_i, the derivative by output i: Hᵀr for the gradient of α and Xᵀ(rαᵀ ∘ 1[H > 0]) for that of U. With `add`
  /// they are added to what is there, else to β times the weights.
  void (*backward)(const Scalar* x, std::int64_t rows, const Scalar* first, const Scalar* second, std::int64_t neurons,
                   const Scalar* hidden, const Scalar* residual, Scalar beta, bool add, Scalar* first_gradient,
                   Scalar* second_gradient);
  /// Σ v_i², to the precision of Scalar but in its range never too large or too small for float64.
  double (*sum_of_squares)(const Scalar* values, std::int64_t count);
  /// Neurons with a non-zero entry in their column of U and a non-zero α_j.
  std::int64_t (*count_active)(const Scalar* first, const Scalar* second, std::int64_t neurons);
};

/// The kernels for d inputs, 1 <= d <= kFewInputs, with the widest instructions that this processor has. Results differ
/// between processors by rounding, never between calls.
template <typename Scalar>
FewInputKernels<Scalar> KernelsForInputs(std::int64_t inputs);

}  // namespace cvxnn::descent
