// SPDX-License-Identifier: Apache-2.0
// Parts of a solve as entries of a checkpoint (core/descent/checkpoint.h).
#pragma once

#include <ATen/core/Tensor.h>

#include <string>

#include "core/convex/solve.h"
#include "core/descent/checkpoint.h"

namespace cvxnn::convex {

/// Puts a matrix under `name`; nothing where it is not defined.
void SaveMatrix(const std::string& name, const at::Tensor& matrix, descent::State* state);

/// Takes it back, with the type and on the device of `like`; undefined where there was none. The reader notes what is
/// wrong.
at::Tensor LoadMatrix(const std::string& name, const at::TensorOptions& like, descent::StateReader* reader);

/// Every field of a Progress.
void SaveProgress(const std::string& prefix, const Progress& progress, descent::State* state);
Progress LoadProgress(const std::string& prefix, descent::StateReader* reader);

/// A start, with what its solver had learnt.
void SaveStart(const std::string& prefix, const Start& start, descent::State* state);
Start LoadStart(const std::string& prefix, const at::TensorOptions& like, descent::StateReader* reader);

}  // namespace cvxnn::convex
