// SPDX-License-Identifier: Apache-2.0
// Multipliers of cone constraints for a given dual point. With K = {u : E X u >= 0} the least ‖g + Xᵀ(E∘λ)‖ over
// λ >= 0 is the norm of the projection of g on K (Moreau), and so max gᵀu over the unit vectors of K: the left-hand
// side of a dual constraint of a ReLU program (certificate.h) at its best.
#pragma once

#include <ATen/core/Tensor.h>

namespace cvxnn::convex {

/// E∘λ (n×m) with λ >= 0 that makes ‖g_j + Xᵀ(E_j∘λ_j)‖ least for each column, for X (n×d), signs E (n×m, ±1) and g
/// (d×m), all float64 on the CPU. Exact for few inputs (nonnegative least squares); else by an accelerated projected
/// gradient, whose λ >= 0 is as valid a multiplier and a little less good a one.
at::Tensor ConeMultipliers(const at::Tensor& features, const at::Tensor& signs, const at::Tensor& slopes);

}  // namespace cvxnn::convex
