// SPDX-License-Identifier: Apache-2.0
// The convex program of MATH, section 1, for given patterns D_1 … D_P, and the rows it is evaluated on besides.
//   gated: min_v   s·½ℓ(Σ_p D_p X v_p, Y) + β Σ_{p,k} ‖v_pk‖₂
//   ReLU:  min_v,w s·½ℓ(Σ_p D_p X (v_p − w_p), Y) + β Σ_{p,k} (‖v_pk‖₂ + ‖w_pk‖₂),  (2D_p − I) X {v_p, w_p} >= 0
// with one column per output k; or, for plain weight decay of several outputs, β Σ_p ‖V_p‖_* (and ‖W_p‖_*), the
// nuclear norm of the d×c block V_p of each pattern; or another penalty (core/network/loss.h). Unless the loss ℓ or the
// penalty couples them, as cross-entropy, the nuclear norm and feature groups do, the outputs are separate programs
// that share data, masks and factors.
#pragma once

#include <ATen/core/Tensor.h>

#include <optional>

#include "core/network/loss.h"
#include "core/network/network.h"
#include "core/patterns/activation_patterns.h"

namespace cvxnn::convex {

/// A convex program. All tensors share device and dtype (float32/float64).
struct Program {
  Activation activation = Activation::kGated;  ///< kGated: no constraints; kRelu: cone constraints
  at::Tensor features;                         ///< X, n×d
  at::Tensor targets;                          ///< Y, n×c
  ActivationPatterns patterns;
  Loss loss = Loss::kSquared;
  LossScale loss_scale = LossScale::kHalfSum;
  Penalty penalty = Penalty::kGroupL2;  ///< kWeightDecay of several outputs: see IsNuclear
  /// β > 0, for the loss at `loss_scale`; not used when the next is set; 0 for kNone.
  double beta = 0;
  /// β as a share, in (0, 1], of β_max = s·max_{p,k} ‖Xᵀ D_p ν_k‖₂ with ν = −½∇ℓ at zero outputs (the targets, for the
  /// squared loss), or s·max_p ‖Xᵀ D_p ν‖ in the spectral norm where the penalty is nuclear, and likewise the dual norm
  /// of other penalties: the least β at which zero solves the gated program (it then solves the ReLU program too). Not
  /// for kRidge and kNone, where there is none.
  std::optional<double> beta_max_fraction;
  /// ReLU: which blocks there are, of v and then of w; bool, 2·P·c. The others are 0, such as those whose sign no
  /// neuron of a given network has. Undefined: all. β_max is then still that of all.
  at::Tensor blocks = {};
};

/// Whether the penalty couples the outputs of a pattern through a nuclear norm. In ReLU programs that is a relaxation
/// of weight decay: the singular vectors of a block in its cone need not lie in the cone (Sahiner, Ergen & Pilanci,
/// arXiv 2012.13329, give the exact penalty, which has no closed form), so the optimum is a lower bound on what
/// networks reach under weight decay, and no network need reach it.
inline bool IsNuclear(const Program& program) {
  return program.penalty == Penalty::kWeightDecay && program.targets.size(1) > 1;
}

/// How answers are judged besides the program's own value. All optional.
struct Evaluation {
  Counting counting = Counting::kNone;
  at::Tensor test_features;  ///< n'×d, or undefined
  at::Tensor test_targets;   ///< n'×c, or undefined
};

}  // namespace cvxnn::convex
