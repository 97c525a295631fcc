// SPDX-License-Identifier: Apache-2.0
// Where convex training of one β has got to, and that as bytes for a checkpoint.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "core/convex/program.h"
#include "core/descent/checkpoint.h"
#include "core/training/refinement.h"
#include "core/training/spec.h"
#include "core/training/tensors.h"

namespace cvxnn::training {

/// Within a solve, of the first program or of a round of refinement.
struct ConvexState {
  std::int64_t reports = 0;              ///< calls of the observer so far
  double seconds = 0;                    ///< of training so far
  std::int64_t earlier_epochs = 0;       ///< of the solves before this one
  double solve_began = 0;                ///< seconds of training before this solve
  double beta = 0;                       ///< used; 0 while the first solve is to find it
  double first_objective = 0;            ///< of the network that the first solve gave; in rounds of refinement
  std::optional<RoundStart> round = {};  ///< of refinement; absent in the first solve
  /// As convex::Options::save_state gave it, its tensors shared; absent when the solve is to begin.
  std::optional<descent::State> solve = {};
};

/// What a checkpoint must agree in with the training that goes on from it, as texts. `patterns` are those of the spec.
descent::State Fingerprint(const Spec& spec, const ConvexTraining& convex, const TensorData& data,
                           const convex::Program& program, const std::string& solver);

std::string ToBytes(const ConvexState& convex, const descent::State& fingerprint);

/// DATA_LOSS when the bytes are damaged; FAILED_PRECONDITION naming what differs from `fingerprint`. Tensors come back
/// with the type and device of the data.
absl::StatusOr<ConvexState> ConvexStateFromBytes(const std::string& bytes, const descent::State& fingerprint,
                                                 const TensorData& data);

}  // namespace cvxnn::training
