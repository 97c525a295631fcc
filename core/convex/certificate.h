// SPDX-License-Identifier: Apache-2.0
// Lower bounds from dual feasible points (MATH, section 3), for the half-sum L = ½Σℓ of a loss. The dual of output k is
//   max −L*(−ν)  s.t. ‖Xᵀ (D_p ν + E_p λ_p)‖ <= β and ‖Xᵀ (−D_p ν + E_p μ_p)‖ <= β for all p, λ, μ >= 0,
// with −L*(−ν) = νᵀy − ½‖ν‖² for the squared loss (dual_loss.h has the others). The constraints are homogeneous: any
// (ν, λ, μ) is feasible after scaling by τ <= β / max(…). Gated programs have λ = μ = 0. Other norms than group ℓ2 have
// their dual norms in place of max ‖·‖; ridge has no constraint, and (1/2β) Σ ‖·‖² taken off the value instead
// (penalties/penalty_function.h). Without a penalty no scaling is feasible: bounds come from elsewhere
// (least_squares_bound.h).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/convex/dual_loss.h"
#include "core/convex/operator.h"
#include "core/convex/penalties/penalty_function.h"
#include "core/descent/checkpoint.h"
#include "core/network/loss.h"

namespace cvxnn::convex {

/// The best bound so far. Where outputs are separate programs, each keeps its own best and the bound is their sum.
///
/// Norms of products with float64 data are raised by what rounding can have taken from them, γ_n ‖X‖_F ‖·‖ (Higham,
/// Accuracy and Stability of Numerical Algorithms, section 3.1), so that the bound holds. In float32 that term would
/// swamp a small β: there an offer gives an estimate, and Certify makes a bound of it.
class LowerBound {
 public:
  /// `targets` n×c; `beta` for the half-sum loss; `features_norm` = ‖X‖_F; a loss that DualOf knows. Starts at 0, a
  /// bound for every loss.
  LowerBound(const at::Tensor& targets, double beta, double features_norm, Loss loss = Loss::kSquared,
             Penalty penalty = Penalty::kGroupL2);

  /// Leaves out the constraints of the columns that `blocks` (bool, 2·P·c) leaves out: their weights are 0 in the
  /// program.
  void Confine(const at::Tensor& blocks) { blocks_ = blocks; }

  /// Offers a dual point: ν (n×c); the left-hand sides of the constraints at it, one column each, arranged so that
  /// column j belongs to output j mod c (d×(P·c) for gated, d×(2·P·c) for ReLU); and for ReLU the vectors
  /// ±D_p ν + E_p λ that Xᵀ was multiplied with (n×(2·P·c); undefined for gated, where they are D_p ν).
  /// `sizes` (float64, c): for gated points whose constraints were combined from others', the norms to take for ν's in
  /// the bound on rounding. Points that are not finite are passed over.
  void Offer(const at::Tensor& dual, const at::Tensor& constraints, const at::Tensor& row_side = {},
             const at::Tensor& sizes = {});

  /// From now on the best points are kept for float64 data too.
  void KeepDuals() { keep_ = true; }
  /// The best dual points, n×c, where they are kept: those of float32 data, and see KeepDuals. Zeros for outputs that
  /// have none; undefined where none has.
  at::Tensor dual() const;
  /// The row sides of those points, n×(2·P·c), as they were offered; undefined where none was.
  at::Tensor row_side() const;

  /// Takes bounds known by other means, one for each program: for each output, or one where they are coupled.
  void Raise(const std::vector<double>& values);

  /// Computes the constraints of the best points again, in float64 and with `original`'s features, and keeps the bound
  /// that they prove: it may be lower than the estimate. Nothing to do for float64 data.
  void Certify(const PatternOperator& original);

  /// The best points as entries of a checkpoint, and back; the reader notes what is wrong.
  void Save(const std::string& prefix, descent::State* state) const;
  void Load(descent::StateReader* reader);

  /// Σ_k best_k, at the half-sum scale.
  double value() const;

 private:
  struct Best {
    double value = 0;
    at::Tensor dual;      // where kept: ν of these outputs, n×(c/programs)
    at::Tensor row_side;  // ReLU, where kept: n×(2·P·c/programs)
  };
  // Outputs of each separate program: 1, or all.
  std::int64_t Width() const { return targets_.size(1) / static_cast<std::int64_t>(best_.size()); }
  bool Coupled() const { return Width() == targets_.size(1); }
  // Per program, the value of ν (float64) whose constraints have these dual norms.
  std::vector<double> Values(const at::Tensor& dual, const at::Tensor& norms) const;
  // The dual norms as one number for each program.
  at::Tensor PerProgram(const at::Tensor& norms) const;
  // Bounds on the rounding of float64 products with columns of norm `sizes`.
  at::Tensor Errors(const at::Tensor& sizes) const;

  Loss loss_;
  const DualLoss& dual_loss_;
  at::Tensor targets_;  // float64
  bool narrow_;         // float32 data
  bool keep_ = false;
  double beta_;
  double features_norm_;
  std::unique_ptr<const PenaltyFunction> penalty_;
  at::Tensor blocks_;  // undefined: all
  std::vector<Best> best_;
};

}  // namespace cvxnn::convex
