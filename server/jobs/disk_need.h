// SPDX-License-Identifier: Apache-2.0
// What the models of a job will take on disk, before it begins.
#pragma once

#include <cstdint>
#include <optional>

#include "core/training/spec.h"

namespace cvxnn::server {

/// What the spec alone does not say of the models.
struct ModelShape {
  std::int64_t inputs = 0;
  std::int64_t outputs = 0;
  std::int64_t element_bytes = sizeof(double);
  /// Where descent starts from stored models, whose width and activation are then those of the job.
  struct Start {
    std::int64_t neurons = 0;
    Activation activation = Activation::kRelu;
  };
  std::optional<Start> start = {};
};

/// Bytes of the weights that descent has still to store at most, when `stored_snapshots` are stored already; 0 for
/// convex training, whose network is small and known only at its end. Saturates.
std::int64_t BytesOfModels(const training::Spec& spec, const ModelShape& shape, std::int64_t stored_snapshots = 0);

}  // namespace cvxnn::server
