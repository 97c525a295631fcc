// SPDX-License-Identifier: Apache-2.0
// The two factors that make the u-step of ADMM closed form (MATH, section 2): with M = ρ₁I + ρ₂XᵀX and
// H = I + 2 (X M⁻¹ Xᵀ) ∘ (DDᵀ), the normal matrix FᵀF + ρ₁I + ρ₂GᵀG (F for the pair v, w) is inverted as
// u = M⁻¹(b − Fᵀ H⁻¹ F M⁻¹ b).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>

#include "absl/status/status.h"
#include "core/convex/operator.h"

namespace cvxnn::convex {

/// RESOURCE_EXHAUSTED with needed and available bytes when H, its factor and ADMM's state for n rows, d inputs, P·c
/// `blocks` cannot fit in the free memory of the device that `like` is on. OK where the free memory is not known.
absl::Status CheckAdmmMemory(std::int64_t rows, std::int64_t inputs, std::int64_t blocks, const at::Tensor& like);

class AdmmFactors {
 public:
  /// `map` must outlive the factors.
  explicit AdmmFactors(const PatternOperator& map);

  /// Factors for ρ₁, ρ₂ > 0. CANCELLED when should_stop says so between the stages; INTERNAL when a matrix is not
  /// positive definite at this precision.
  absl::Status Factor(double rho1, double rho2, const std::function<bool()>& should_stop);

  const at::Tensor& inverse() const { return inverse_; }    ///< M⁻¹, d×d
  const at::Tensor& smoothed() const { return smoothed_; }  ///< X M⁻¹, n×d
  /// H⁻¹ r for r n×c.
  at::Tensor SolveRows(const at::Tensor& right_hand_side) const;

  /// Flops of Factor, and of one epoch of ADMM: how many epochs a new factor costs.
  double FactorFlops() const;
  double EpochFlops() const;

 private:
  const PatternOperator& map_;
  at::Tensor gram_;      // XᵀX, float64
  at::Tensor inverse_;   // M⁻¹
  at::Tensor smoothed_;  // X M⁻¹
  at::Tensor cholesky_;  // lower factor of H, column-major
};

}  // namespace cvxnn::convex
