// SPDX-License-Identifier: Apache-2.0
// The two factors that make the u-step of ADMM closed form (MATH, section 2): with M = ρ₁I + ρ₂XᵀX and
// H = I + S (X M⁻¹ Xᵀ) ∘ (DDᵀ), the normal matrix FᵀF + ρ₁I + ρ₂GᵀG is inverted as u = M⁻¹(b − Fᵀ H⁻¹ F M⁻¹ b). S = 2
// where F is of pairs v, w, else 1. G holds the rows of X times `lengths`. Without cones M is ρ₁I, and H = I + K/ρ₁
// with a kernel K that is formed once. Where n×n does not fit, H⁻¹ is applied by conjugate gradients instead, with
// products Σ_p D_p X M⁻¹ Xᵀ D_p, each about a pass over the data.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/convex/operator.h"

namespace cvxnn::convex {

/// How H⁻¹ is applied.
enum class KernelSolve {
  kFactor,              ///< by a Cholesky factor of H, n×n
  kConjugateGradients,  ///< without H
};

/// Bytes of ADMM's state for n rows, d inputs and `blocks` columns of weights (S·P·c), with H and its factor if
/// `kernel` says so. `prox_copies`: PenaltyFunction::ProxCopies; `memory`: of Anderson's method (anderson.h).
double AdmmBytes(std::int64_t rows, std::int64_t inputs, std::int64_t blocks, int prox_copies, KernelSolve kernel,
                 std::int64_t memory, std::int64_t element_bytes);

/// RESOURCE_EXHAUSTED with needed and available bytes when they cannot fit in the free memory of the device that `like`
/// is on. OK where the free memory is not known.
absl::Status CheckAdmmMemory(std::int64_t rows, std::int64_t inputs, std::int64_t blocks, int prox_copies,
                             KernelSolve kernel, std::int64_t memory, const at::Tensor& like);

class AdmmFactors {
 public:
  /// `map` must outlive the factors. `lengths`: n×1; undefined for programs without cones.
  AdmmFactors(const PatternOperator& map, at::Tensor lengths, KernelSolve kernel);

  /// Factors for ρ₁ > 0 and ρ₂ > 0, which is not used without cones. CANCELLED when should_stop says so between their
  /// pieces (in_pieces.h); INTERNAL when a matrix is not positive definite at this precision.
  absl::Status Factor(double rho1, double rho2, const std::function<bool()>& should_stop);

  at::Tensor Inverse(const at::Tensor& weights) const;   ///< M⁻¹ b for b d×m
  at::Tensor Smoothed(const at::Tensor& weights) const;  ///< X M⁻¹ b, n×m
  /// H⁻¹ r for r n×c; conjugate gradients begin at `guess` and end at a relative residual near rounding.
  at::Tensor SolveRows(const at::Tensor& right_hand_side, const at::Tensor& guess) const;

  /// Flops of Factor, and of one epoch of ADMM: how many epochs a new factor costs.
  double FactorFlops() const;
  double EpochFlops() const;

 private:
  bool HasCones() const { return lengths_.defined(); }
  // M⁻¹.
  absl::Status FactorWeights(double rho1, double rho2, const std::function<bool()>& should_stop);
  at::Tensor MultiplyKernel(const at::Tensor& rows) const;  // H r
  // S (Left·Xᵀ) ∘ DDᵀ on the diagonal and below; what is above it is not used.
  absl::StatusOr<at::Tensor> FormKernel(const at::Tensor& left, const std::function<bool()>& should_stop) const;

  const PatternOperator& map_;
  at::Tensor lengths_;
  double signs_;
  KernelSolve kernel_;
  double rho1_ = 0;
  at::Tensor gram_;      // GᵀG of one pattern, float64
  at::Tensor plain_;     // K, without cones, but for its diagonal, which is that of the matrix factored last
  at::Tensor inverse_;   // M⁻¹
  at::Tensor smoothed_;  // X M⁻¹
  at::Tensor cholesky_;  // lower factor of H (of ρ₁H without cones), column-major
  at::Tensor diagonal_;  // of H, n×1, where there is no factor; of K, n, without cones
};

}  // namespace cvxnn::convex
