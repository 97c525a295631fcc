// SPDX-License-Identifier: Apache-2.0
// Where a regularisation path has got to, and that as bytes for a checkpoint.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/convex/solve.h"
#include "core/descent/checkpoint.h"
#include "core/network/network.h"
#include "core/patterns/activation_patterns.h"
#include "core/training/metrics.h"
#include "core/training/spec.h"
#include "core/training/tensors.h"

namespace cvxnn::training {

/// The network of one β.
struct PathModel {
  Network network;
  EpochMetrics metrics;
  std::int64_t epochs = 0;
  bool verified = false;
};

/// Between two β.
struct PathState {
  std::int32_t next = 0;  ///< position of the β that comes
  double beta_max = 0;
  std::int64_t reports = 0;  ///< calls of the observer so far
  double seconds = 0;
  std::vector<PathModel> models;  ///< one for each β done
  std::optional<convex::Start> start = {};
};

/// What a checkpoint must agree in with the path that goes on from it, as texts.
descent::State Fingerprint(const Spec& spec, const RegularizationPath& path, const TensorData& data,
                           const ActivationPatterns& patterns);

std::string ToBytes(const PathState& state, const descent::State& fingerprint);

/// DATA_LOSS when the bytes are damaged; FAILED_PRECONDITION naming what differs from `fingerprint`. Tensors come back
/// with the type and device of `like`.
absl::StatusOr<PathState> FromBytes(const std::string& bytes, const descent::State& fingerprint,
                                    const at::Tensor& like);

}  // namespace cvxnn::training
