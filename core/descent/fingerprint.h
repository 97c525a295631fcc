// SPDX-License-Identifier: Apache-2.0
// What a checkpoint must agree in with the run that goes on from it.
#pragma once

#include "absl/status/status.h"
#include "core/descent/checkpoint.h"
#include "core/descent/descent.h"

namespace cvxnn::descent {

/// Texts under "run/": build, device, data (a checksum of them) and every option.
State Fingerprint(const Options& options, const Data& data);

/// FAILED_PRECONDITION naming the first text that differs, with both values.
absl::Status CheckFingerprint(const State& state, const State& fingerprint);

}  // namespace cvxnn::descent
