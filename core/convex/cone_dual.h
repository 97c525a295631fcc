// SPDX-License-Identifier: Apache-2.0
// What a dual point ν says of every block of a ReLU program, those that no solver has multipliers for included: with
// the λ >= 0 that makes ‖±Xᵀ D_p ν + G_pᵀ λ‖ least (cone_projection.h), (ν, λ, μ) is a dual point of the whole program,
// and the least norm is how far the gradient of the block reaches into its cone: above β the block is missing. And the
// way back to a feasible point: iterates of a ReLU program leave their cones a little, so that their objectives may
// undercut the optimum, which an upper bound on it must not.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/status/statusor.h"
#include "core/convex/operator.h"
#include "core/convex/solvers/solver.h"

namespace cvxnn::convex {

/// The left-hand sides of the dual constraints at ν. Columns of w follow those of v.
struct ConeConstraints {
  at::Tensor products;  ///< Xᵀ row_side, d×(2·P·c), float64
  at::Tensor row_side;  ///< ±D_p ν + E_p λ, n×(2·P·c), of the type of the data; see LowerBound::Offer
};

/// Row sides that a solver has already, for some patterns.
struct KnownRowSide {
  std::vector<std::int64_t> patterns;  ///< ascending
  at::Tensor row_side;                 ///< of these alone, n×(2·K·c); undefined: none
};

/// For one ReLU program. `map` must outlive it.
class ConeDual {
 public:
  explicit ConeDual(const PatternOperator& map);

  /// At ν (n×c, of the type of the data). Multipliers are looked for where the norm without any is above `enough`:
  /// below, zeros do. CANCELLED when `should_stop` (may be empty) says so.
  absl::StatusOr<ConeConstraints> At(const at::Tensor& dual, const KnownRowSide& known, double enough,
                                     const std::function<bool()>& should_stop) const;

  /// The objective under group ℓ2, at the half-sum scale, of weights whose columns are projected on their cones where
  /// they lie outside: an upper bound on the optimum. Infinite where a projection misses its cone by more than
  /// rounding, as those of many inputs may, which are iterations.
  double FeasibleObjective(const Iterate& iterate, const HalfSumProblem& problem) const;

 private:
  const PatternOperator& map_;
  at::Tensor features_;  // float64, on the CPU
  at::Tensor mask_;      // on the CPU
  at::Tensor lengths_;   // of the rows
};

}  // namespace cvxnn::convex
