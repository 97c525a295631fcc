// SPDX-License-Identifier: Apache-2.0
// How far any network is from the optimum of the convex program (MATH, sections 3 and 4): its residual makes a dual
// point ν = −½∇ℓ at its outputs, which the constraints over a set of patterns scale into a lower bound.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "core/network/loss.h"
#include "core/network/network.h"
#include "core/patterns/activation_patterns.h"

namespace cvxnn::convex {

/// How far the bound reaches.
enum class Reach {
  kRestricted,  ///< the optimum over the patterns looked at: the network's own, or those that were given
  kSearched,    ///< over those and the ones that a search for violated dual constraints found
  kGlobal,      ///< over all patterns of the data: for networks of any width
};

/// What was minimised; smooth losses, and of the penalties kGroupL2 and kWeightDecay.
struct Objective {
  Loss loss = Loss::kSquared;
  LossScale loss_scale = LossScale::kHalfSum;
  Penalty penalty = Penalty::kGroupL2;
  double beta = 0;  ///< > 0
};

struct OptimalityOptions {
  /// In place of the network's own; for X.
  std::optional<ActivationPatterns> patterns;
  /// Directions from which max |νᵀ(Xu)₊| over unit vectors u is looked for; the violators' patterns are added. >= 0.
  std::int64_t search_starts = 0;
  std::uint64_t seed = 0;  ///< of the directions
  /// All patterns of the data where PatternBound is at most this, else RESOURCE_EXHAUSTED; 0: do not enumerate.
  std::int64_t max_enumerated = 0;
  std::function<bool()> should_stop;  ///< polled between blocks of patterns; may be empty
};

struct Optimality {
  double objective = 0;  ///< of the balanced network
  double loss = 0;
  double penalty = 0;
  double lower_bound = 0;
  double gap = 0;  ///< (objective − lower_bound) / |objective|, 0 where both are 0
  Reach reach = Reach::kRestricted;
  std::int64_t patterns = 0;  ///< looked at
  /// max over patterns, outputs and signs of the left-hand side of the dual constraint at ν, over β: above 1 some
  /// direction would lower the objective.
  double dual_ratio = 0;
  std::vector<double> dual_gate;  ///< a gate of the pattern where it is reached; empty without patterns
  bool dual_gate_is_own = false;  ///< it is one of the patterns that the check began with
  /// max over neurons of ‖proj_K(Xᵀ D ν a) − β u/‖u‖‖ / β, K the cone of the neuron's pattern D (all of space for
  /// gated) and a its output direction: 0 at an optimum. Rows whose product with a ReLU neuron is
  /// below 1e-3 of its largest count to the side that fits better.
  double stationarity = 0;
};

/// Checks a network of any origin on rows X (n×d) with targets Y (n×c); everything in float64 on the CPU.
/// INVALID_ARGUMENT for a network of other inputs or outputs or a β that is not positive and finite; UNIMPLEMENTED for
/// a loss without a dual; what EnumeratePatterns answers; RESOURCE_EXHAUSTED when memory does not suffice; CANCELLED
/// when should_stop says so. For ReLU networks of several outputs under weight decay the bound is that of the
/// relaxation without cones. LibTorch's exceptions pass through.
absl::StatusOr<Optimality> CheckOptimality(const Network& network, const at::Tensor& features,
                                           const at::Tensor& targets, const Objective& objective,
                                           const OptimalityOptions& options = {});

}  // namespace cvxnn::convex
