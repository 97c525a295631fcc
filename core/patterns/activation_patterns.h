// SPDX-License-Identifier: Apache-2.0
// Activation patterns: which rows of X each (hypothetical) neuron is active on. Column p of the n×P mask is the
// diagonal of D_p (MATH, section 1); the gate g_p that made it is kept, since a gated network predicts with it.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace cvxnn {

/// P distinct patterns of n rows. Stored as bytes: X is never copied per pattern.
struct ActivationPatterns {
  at::Tensor mask;   ///< n×P, bool, contiguous, on the device of X: true where the row is active
  at::Tensor gates;  ///< d×P, dtype and device of X: mask = 1[X gates >= 0]

  std::int64_t rows() const { return mask.size(0); }
  std::int64_t count() const { return mask.size(1); }
};

/// 1[X G >= 0] as an n×P bool tensor for features X (n×d) and gates G (d×P), computed in blocks of patterns so that no
/// more than ~128 MiB is held beside the result.
at::Tensor MaskOfGates(const at::Tensor& features, const at::Tensor& gates);

}  // namespace cvxnn
