// SPDX-License-Identifier: Apache-2.0
// The kinds of training behind Train(), each from a valid spec and tensors on its device. LibTorch's exceptions
// pass through; Train() guards.
#pragma once

#include "absl/status/statusor.h"
#include "core/training/spec.h"
#include "core/training/tensors.h"
#include "core/training/train.h"

namespace cvxnn::training {

/// Fills models, best, and the summary's termination, message, β, patterns, solver, epochs and certificate.
absl::StatusOr<Result> TrainConvex(const Spec& spec, const ConvexTraining& convex, const TensorData& data,
                                   const Hooks& hooks);
absl::StatusOr<Result> TrainPath(const Spec& spec, const RegularizationPath& path, const TensorData& data,
                                 const Hooks& hooks);
absl::StatusOr<Result> TrainByDescent(const Spec& spec, const GradientDescent& descent, const TensorData& data,
                                      const Hooks& hooks);

/// The network of zero neurons with the shape of `data`.
Network ZeroNetwork(Activation activation, const TensorData& data);

}  // namespace cvxnn::training
