// SPDX-License-Identifier: Apache-2.0
// The arithmetic of descent on the two-layer network, apart from how its results are used. With loss s·Σℓ(F, Y),
// R = s ∂ℓ/∂F and H = (XU)₊ (or 1[XG ≥ 0] ∘ XU), the gradients are
//   ∂α = HᵀR + ∂penalty,   ∂U = Xᵀ(Rαᵀ ∘ 1[XU > 0]) + ∂penalty;
// the derivative of the ReLU at 0 is 0 and of |·| at 0 is 0, as in PyTorch.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/descent/descent.h"
#include "core/descent/trial_weights.h"

namespace cvxnn::descent {

/// Sums over rows for one trial.
struct RowSums {
  double loss = 0;         ///< Σℓ(F, Y), without the loss scale
  std::int64_t right = 0;  ///< rows classified right, 0 for Counting::kNone and where they were not to be counted
};

/// Sums over the weights of one trial.
struct WeightSums {
  double squares = 0;  ///< ‖U‖² + Σ_j ‖α_j‖² in the penalty's norm (ℓ2 for kNone); not finite when a weight is not
  std::int64_t active = 0;      ///< neurons with non-zero u_j and α_j
  double gradient_squares = 0;  ///< ‖·‖² of the gradient at hand
};

/// What MeasureWeights looks at: `squares` alone, which say whether all weights are finite, or everything.
enum class Detail { kSquares, kAll };

/// Works on the weights it was made with and fills their gradient. Results are one per slot, and stand until the next
/// call of the same function. Not thread-safe.
class Engine {
 public:
  virtual ~Engine() = default;

  /// All training rows; with `gradient` also fills the gradient of the objective, with `count` counts rows classified
  /// right.
  virtual const std::vector<RowSums>& TrainPass(bool gradient, bool count) = 0;
  /// All test rows.
  virtual const std::vector<RowSums>& TestPass() = 0;
  /// Fills the gradient of (n/b)·loss + penalty over b rows of each trial: rows[t·b + i] is row i of slot t.
  virtual void BatchGradient(const std::vector<std::int64_t>& rows) = 0;
  virtual const std::vector<WeightSums>& MeasureWeights(Detail detail) = 0;
};

/// The engine for these sizes and this device. All arguments must outlive it.
std::unique_ptr<Engine> MakeEngine(const Options& options, const Data& data, TrialWeights& weights);

/// Rows of a step: n for full batch.
std::int64_t StepRows(const Options& options, const Data& data);

}  // namespace cvxnn::descent
