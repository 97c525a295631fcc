// SPDX-License-Identifier: Apache-2.0
// The tensors of these tests are of float64, on the CPU.
#pragma once

#include <ATen/ATen.h>

namespace cvxnn::convex {

inline const at::TensorOptions kDouble = at::TensorOptions().device(at::kCPU).dtype(at::kDouble);

}  // namespace cvxnn::convex
