// SPDX-License-Identifier: Apache-2.0
// The patterns that a spec asks for, and what to call them. LibTorch's exceptions pass through.
#pragma once

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "core/patterns/activation_patterns.h"
#include "core/training/spec.h"
#include "core/training/tensors.h"
#include "core/training/train.h"

namespace cvxnn::training {

struct MadePatterns {
  ActivationPatterns patterns;
  at::Tensor blocks = {};  ///< as convex::Program::blocks
};

/// The patterns of the training rows. RESOURCE_EXHAUSTED when they cannot fit, before any work; CANCELLED when
/// `should_stop` says so; for a stored network what Hooks::load_model answers, FAILED_PRECONDITION without one, and
/// INVALID_ARGUMENT when it has no neurons or other inputs than the data; for enumeration what EnumeratePatterns
/// answers.
absl::StatusOr<MadePatterns> MakePatterns(const Spec& spec, const ConvexTraining& convex, const TensorData& data,
                                          const Hooks& hooks, const std::function<bool()>& should_stop);

/// "100 sampled patterns", "12 patterns of models/a", "all 92 patterns of the data".
std::string Describe(const Patterns& patterns, std::int64_t count);

}  // namespace cvxnn::training
