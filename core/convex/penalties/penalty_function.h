// SPDX-License-Identifier: Apache-2.0
// The penalty β·R(u) of a convex program (core/convex/program.h) behind one interface for all solvers. Weights are
// d×(S·P·c): columns of pattern p and output k as in PatternOperator, once for gated programs (S = 1) and once for v
// and once for w in ReLU programs (S = 2). The dual of min L(F·u) + β R(u) over products Q = Fᵀν (and multipliers of
// the cones, see certificate.h) is
//   max −L*(−ν) − (βR)*(Q),
// where (βR)* is the indicator of R°(Q) <= β for a norm R with dual norm R°, ‖Q‖²/(2β) for ridge, and the indicator of
// Q = 0 without a penalty.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "core/network/loss.h"

namespace cvxnn::convex {

/// What (βR)* is.
enum class Conjugate {
  kBall,       ///< R is a norm: DualNorms(Q) <= β
  kQuadratic,  ///< R = ½‖·‖²: the squares of DualNorms(Q), over 2β
  kSubspace,   ///< R = 0: Q = 0
};

/// A point and what R is made of there.
struct PenalizedPoint {
  at::Tensor weights;  ///< d×(S·P·c)
  at::Tensor norms;    ///< ‖z_j‖₂ of every column, float64; exactly 0 where the column is zero
  at::Tensor terms;    ///< sum to R, float64
};

/// Stateless and thread-safe.
class PenaltyFunction {
 public:
  virtual ~PenaltyFunction() = default;

  /// argmin_z ½‖z − w‖² + threshold·R(z), threshold >= 0; with 0, `weights` measured. Shares no memory with them.
  virtual PenalizedPoint Prox(const at::Tensor& weights, double threshold) const = 0;

  /// An element of ∂R, of the shape and type of `weights`: the gradient where R has one, and 0 for whatever part of the
  /// weights (a column, a singular direction, an entry, a row) is 0.
  virtual at::Tensor Subgradient(const at::Tensor& weights) const = 0;

  virtual Conjugate conjugate() const { return Conjugate::kBall; }

  /// The weights with those set to 0 that R forbids, if any.
  virtual at::Tensor Confine(const at::Tensor& weights) const { return weights; }

  /// What (βR)* is made of at products Q (d×(S·P·c)), float64. Entry j belongs to output j mod c, or all to one program
  /// where the penalty couples the outputs. `errors` (float64, one for each column; undefined for none) bound how far
  /// each column may be from what Q stands for: the norms are raised by as much, and by their own rounding.
  virtual at::Tensor DualNorms(const at::Tensor& products, const at::Tensor& errors) const = 0;

  /// DualNorms of a Q that was split by patterns.
  virtual at::Tensor JoinDualNorms(const std::vector<at::Tensor>& parts) const;

  /// Whether R ties the outputs together; if not, every output is a program of its own, unless the loss ties them.
  virtual bool CouplesOutputs() const { return false; }

  /// Whether R is the same in every orthonormal basis of the inputs, so that rank reduction is exact.
  virtual bool RotationInvariant() const { return true; }

  /// Neurons of the reconstructed network: the columns that are not zero, unless R says otherwise.
  virtual std::int64_t Neurons(const at::Tensor& norms, const at::Tensor& terms) const;

  /// Whether R° is the largest norm of a column, as dual_span.h needs it.
  virtual bool BoundsColumns() const { return false; }

  /// Arrays of the size of the weights that Prox holds beside its argument and its answer.
  virtual int ProxCopies() const { return 1; }
};

/// The penalty of a program with so many outputs.
std::unique_ptr<const PenaltyFunction> MakePenaltyFunction(Penalty penalty, std::int64_t outputs);

/// R where the columns that `blocks` (bool, one each) leaves out are 0, and infinite elsewhere. The dual constraints of
/// those columns fall away: whoever asks for DualNorms sets their products and errors to 0.
std::unique_ptr<const PenaltyFunction> MakeConfined(std::unique_ptr<const PenaltyFunction> inner,
                                                    const at::Tensor& blocks);

/// Whether zero solves the program from some β on, so that β may be given as a share of it: not for ridge and none.
bool HasBetaMax(Penalty penalty);

}  // namespace cvxnn::convex
