// SPDX-License-Identifier: Apache-2.0
// The contract's GradientDescent as core's descent::Method, and back. Part of job_spec.h, in a file of its own.
#pragma once

#include <string>

#include "core/training/spec.h"
#include "cvxnn/v1/convex.pb.h"
#include "cvxnn/v1/descent.pb.h"
#include "server/translate/violations.h"

namespace cvxnn::server {

/// Fills in the documented defaults and records what is out of its range (core/descent/ranges.h), missing, or not
/// built. Fields are named from the spec: "descent.optimizer.adam.beta1".
training::GradientDescent DescentFromProto(const v1::GradientDescent& from, Violations* violations);

/// With every default written out; DescentFromProto gives the same method again.
v1::GradientDescent DescentToProto(const training::GradientDescent& from);

/// The same for the penalty method of convex training, which steps as descent does. `path` is that of its fields.
training::PenaltyMethod PenaltyMethodFromProto(const v1::PenaltyMethod& from, const std::string& path,
                                               Violations* violations);
v1::PenaltyMethod PenaltyMethodToProto(const training::PenaltyMethod& from);

}  // namespace cvxnn::server
