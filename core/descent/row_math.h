// SPDX-License-Identifier: Apache-2.0
// Inner products of the rows of flat weight matrices: one number for each trial, which on a CPU depends on the trial's
// own row alone (LibTorch's sums depend on how many rows there are).
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace cvxnn::descent {

/// Σ_k a_tk b_tk of T×K matrices, summed in float64: T values on the device of `a`.
at::Tensor RowDots(const at::Tensor& a, const at::Tensor& b);

/// T values on the host, and back: float64 on the device of `like`.
std::vector<double> ToHost(const at::Tensor& values);
at::Tensor ToDevice(const std::vector<double>& values, const at::Tensor& like);

/// y ← y + x ∘ factors, a factor (T float64 values) for each row.
void AddScaledRows(at::Tensor& y, const at::Tensor& x, const at::Tensor& factors);

/// Scales rows of the gradient whose ℓ2 norm is above `most` down to it, as torch.nn.utils.clip_grad_norm_: by
/// most / (norm + 1e-6).
void ClipRows(at::Tensor& gradient, double most);

}  // namespace cvxnn::descent
