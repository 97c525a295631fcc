// SPDX-License-Identifier: Apache-2.0
// What a checkpoint must agree in with the run that goes on from it.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>

#include "absl/status/status.h"
#include "core/descent/checkpoint.h"
#include "core/descent/descent.h"

namespace cvxnn::descent {

/// Sizes of a matrix and a checksum of its values; "none" when it is not defined. Reads all of it.
std::string Digest(const at::Tensor& matrix);

/// Texts under "run/" of what every checkpoint depends on: build, device, precision and data (by Digest).
State DataFingerprint(const Data& data);

/// Those, and every option.
State Fingerprint(const Options& options, const Data& data);

/// FAILED_PRECONDITION naming the first text that differs, with both values.
absl::Status CheckFingerprint(const State& state, const State& fingerprint);

}  // namespace cvxnn::descent
