// SPDX-License-Identifier: Apache-2.0
// Names for the loss, its scale and the penalty that both kinds of training share (MATH, section 1). No tensors here:
// specs and the server use these names; loss_function.h computes.
#pragma once

#include <string>

namespace cvxnn {

/// Loss ℓ between outputs F and targets Y (n×c), summed over rows (and outputs) before LossScale is applied. f and y
/// are one output and its target, f_i and y_i the rows.
enum class Loss {
  kSquared,       ///< Σ (f - y)² = ‖F - Y‖², for any targets
  kLogistic,      ///< Σ log(1 + exp(-y f)), targets -1 or +1
  kCrossEntropy,  ///< Σ_i (log Σ_k exp f_ik - y_iᵀf_i), the softmax cross-entropy; one-hot targets, c >= 2
  kHinge,         ///< Σ max(0, 1 - y f), targets -1 or +1
  kSquaredHinge,  ///< Σ max(0, 1 - y f)², targets -1 or +1
};

/// What the summed loss Σℓ is multiplied by, whichever loss it is. Sources differ; the objective depends on it as much
/// as on β.
enum class LossScale {
  kHalfSum,  ///< ½ Σℓ: ½‖F - Y‖² (Pilanci & Ergen 2020)
  kSum,      ///< Σℓ
  kMean,     ///< Σℓ / n, n = number of rows (not of entries)
};

/// The penalty, said for the network; the convex side uses its equivalent. The last three are penalties of the convex
/// program that no weight decay of (U, α) comes to; of a network they are the penalty of its products u_j α_jk.
enum class Penalty {
  /// β/2 (‖U‖² + Σ_j ‖α_j‖₁²)  <->  β Σ_{p,k} ‖v_pk‖₂, one group per (pattern, output).
  kGroupL2,
  /// β/2 (‖U‖² + ‖α‖²): plain weight decay. Equal to kGroupL2 for a single output.
  kWeightDecay,
  /// No penalty.
  kNone,
  /// β/2 Σ_{j,k} ‖u_j α_jk‖²  <->  β/2 Σ_{p,k} ‖v_pk‖₂² (convex only).
  kRidge,
  /// β Σ_{j,k} ‖u_j α_jk‖₁  <->  β Σ_{p,k} ‖v_pk‖₁ (convex only).
  kL1,
  /// β Σ_i (Σ_{j,k} (u_ij α_jk)²)^½  <->  β Σ_i (Σ_{p,k} v_pki²)^½ over the inputs i, which it selects (convex only).
  kFeatureGroups,
};

/// Whether a neuron's gate is its own sign or a fixed vector.
enum class Activation {
  kRelu,   ///< x -> Σ_j (xᵀu_j)₊ α_j
  kGated,  ///< x -> Σ_j 1[g_jᵀx >= 0] (xᵀu_j) α_j, with fixed gates g_j
};

/// What Σℓ is multiplied by: ½, 1 or 1/n.
double SumMultiple(LossScale scale, double rows);

/// s such that the loss is s · ½Σℓ: 1, 2 or 2/n.
double HalfSumMultiple(LossScale scale, double rows);

/// Whether the penalty is one of the network's weights as they stand, so that descent can be trained under it.
inline bool IsOfWeights(Penalty penalty) {
  return penalty == Penalty::kGroupL2 || penalty == Penalty::kWeightDecay || penalty == Penalty::kNone;
}

std::string Name(Loss loss);
std::string Name(LossScale scale);
std::string Name(Penalty penalty);
std::string Name(Activation activation);

}  // namespace cvxnn
