// SPDX-License-Identifier: Apache-2.0
// The Lipschitz constant of the smooth part, ‖F‖₂² = λ_max((XXᵀ) ∘ (DDᵀ)) (MATH, section 2).
#pragma once

#include <functional>

#include "absl/status/statusor.h"
#include "core/convex/operator.h"

namespace cvxnn::convex {

/// Eigenvalues of the n×n kernel when that is tiny; power iteration on it when it is small, and through products with F
/// and Fᵀ otherwise, until the estimate moves by less than 0.1%. That approaches λ_max from below: callers check their
/// steps. CANCELLED when should_stop says so.
absl::StatusOr<double> LargestEigenvalue(const PatternOperator& map, const std::function<bool()>& should_stop);

}  // namespace cvxnn::convex
