// SPDX-License-Identifier: Apache-2.0
// From a restricted optimum towards the global one (MATH, section 4). Each round
//   1. searches for directions that violate the dual constraint of the best network so far (convex/violators.h),
//   2. adds them to it as small neurons and lets L-BFGS run for a while,
//   3. solves the convex program over the patterns of what came out, starting at it,
// and keeps the best network met: its objective never rises. Patterns that a round leaves unused are dropped, so that
// programs stay small.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "absl/status/statusor.h"
#include "core/convex/program.h"
#include "core/convex/solve.h"
#include "core/network/network.h"
#include "core/patterns/activation_patterns.h"
#include "core/training/spec.h"
#include "core/training/tensors.h"

namespace cvxnn::training {

/// What the spec asks for, or, where it says nothing, what it gets: refinement with its defaults for ReLU programs
/// whose solver is left open, over patterns that are some of the data's, with a penalty under which rounds are exact
/// (group ℓ2, or weight decay of one output) and a loss without a kink, at which neither L-BFGS nor the search's dual
/// point can be trusted. None with max_rounds 0 and over enumerated patterns.
std::optional<Refinement> RefinementOf(const Spec& spec, const ConvexTraining& convex, std::int64_t outputs);

/// Where a round's solve begins, and all that the rounds after it depend on.
struct RoundStart {
  std::int64_t round = 0;       ///< >= 1
  ActivationPatterns patterns;  ///< of its program
  convex::Start start;
  Network network;       ///< the best so far
  double objective = 0;  ///< its own
  double before = 0;     ///< that of the best before this round
  double largest = 0;    ///< as Refined::largest
};

/// Solves the program of a round from its start, within what the stopping rule leaves.
using SolveRound = std::function<absl::StatusOr<convex::Solution>(const convex::Program&, const RoundStart&)>;

struct Refined {
  convex::Program program;    ///< of the last round
  convex::Solution solution;  ///< its answer
  std::int64_t rounds = 0;    ///< solved after the first
  bool searched = false;      ///< as Certificate::searched
  double largest = 0;         ///< max |ν_kᵀ(Xu)₊| that the last search met, as a multiple of β
};

/// Refines the `first` answer to a ReLU `program` whose β is a number. `should_stop` says when the stopping rule or the
/// caller wants an end; the answer of the last finished round is then given.
absl::StatusOr<Refined> Refine(const Spec& spec, const Refinement& refinement, const TensorData& data,
                               const convex::Program& program, const convex::Solution& first, const SolveRound& solve,
                               const std::function<bool()>& should_stop);

/// The same from the solve of a round on.
absl::StatusOr<Refined> ResumeRefinement(const Spec& spec, const Refinement& refinement, const TensorData& data,
                                         const convex::Program& program, RoundStart from, const SolveRound& solve,
                                         const std::function<bool()>& should_stop);

}  // namespace cvxnn::training
