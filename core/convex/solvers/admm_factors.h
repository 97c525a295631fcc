// SPDX-License-Identifier: Apache-2.0
// The two factors that make the u-step of ADMM closed form (MATH, section 2): with M = ρ₁I + ρ₂XᵀX and
// H = I + S (X M⁻¹ Xᵀ) ∘ (DDᵀ), the normal matrix FᵀF + ρ₁I + ρ₂GᵀG is inverted as u = M⁻¹(b − Fᵀ H⁻¹ F M⁻¹ b). S = 2
// where F is of pairs v, w, else 1. Where n×n does not fit, H⁻¹ is applied by conjugate gradients instead, with
// products Σ_p D_p X M⁻¹ Xᵀ D_p, each about a pass over the data.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>

#include "absl/status/status.h"
#include "core/convex/operator.h"

namespace cvxnn::convex {

/// How H⁻¹ is applied.
enum class KernelSolve {
  kFactor,              ///< by a Cholesky factor of H, n×n
  kConjugateGradients,  ///< without H
};

/// Bytes of ADMM's state for n rows, d inputs and `blocks` columns of weights (S·P·c), with H and its factor if
/// `kernel` says so. `prox_copies`: PenaltyFunction::ProxCopies.
double AdmmBytes(std::int64_t rows, std::int64_t inputs, std::int64_t blocks, int prox_copies, KernelSolve kernel,
                 std::int64_t element_bytes);

/// RESOURCE_EXHAUSTED with needed and available bytes when they cannot fit in the free memory of the device that `like`
/// is on. OK where the free memory is not known.
absl::Status CheckAdmmMemory(std::int64_t rows, std::int64_t inputs, std::int64_t blocks, int prox_copies,
                             KernelSolve kernel, const at::Tensor& like);

class AdmmFactors {
 public:
  /// `map` must outlive the factors.
  AdmmFactors(const PatternOperator& map, int signs, KernelSolve kernel);

  /// Factors for ρ₁ > 0, ρ₂ >= 0. CANCELLED when should_stop says so between the stages; INTERNAL when a matrix is not
  /// positive definite at this precision.
  absl::Status Factor(double rho1, double rho2, const std::function<bool()>& should_stop);

  const at::Tensor& inverse() const { return inverse_; }    ///< M⁻¹, d×d
  const at::Tensor& smoothed() const { return smoothed_; }  ///< X M⁻¹, n×d
  /// H⁻¹ r for r n×c; conjugate gradients begin at `guess` and end at a relative residual near rounding.
  at::Tensor SolveRows(const at::Tensor& right_hand_side, const at::Tensor& guess) const;

  /// Flops of Factor, and of one epoch of ADMM: how many epochs a new factor costs.
  double FactorFlops() const;
  double EpochFlops() const;

 private:
  at::Tensor MultiplyKernel(const at::Tensor& rows) const;  // H r

  const PatternOperator& map_;
  double signs_;
  KernelSolve kernel_;
  at::Tensor gram_;      // XᵀX, float64
  at::Tensor inverse_;   // M⁻¹
  at::Tensor smoothed_;  // X M⁻¹
  at::Tensor cholesky_;  // lower factor of H, column-major
  at::Tensor diagonal_;  // of H, n×1, where there is no factor
};

}  // namespace cvxnn::convex
