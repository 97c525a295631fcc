// SPDX-License-Identifier: Apache-2.0
// What the models of a job will take on disk, before it begins.
#pragma once

#include <cstdint>

#include "core/training/spec.h"

namespace cvxnn::server {

/// Bytes of the weights that descent will store at most, snapshots included, in float64; 0 for convex training, whose
/// network is small and known only at its end. Saturates.
std::int64_t BytesOfModels(const training::Spec& spec, std::int64_t inputs, std::int64_t outputs);

}  // namespace cvxnn::server
