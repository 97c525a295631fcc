// SPDX-License-Identifier: Apache-2.0
// Sampled activation patterns: columns of 1[X G >= 0] with the gates' entries i.i.d. N(0, 1) (MATH, section 5).
#pragma once

#include <cstdint>
#include <functional>

#include "absl/status/statusor.h"
#include "core/patterns/activation_patterns.h"

namespace cvxnn {

/// Draws `count` (>= 1) gates from `seed` and keeps the distinct patterns, first come first kept. Patterns active on no
/// row are left out: they add nothing to any output. The result may hold fewer than `count` patterns, even none.
///
/// The gates are drawn on the CPU in float64 from a stream of their own (core/data/random.h), so that every device and
/// precision starts from the same ones, they are independent of data generated with the same seed, and gate j depends
/// on (seed, j, d) alone: a larger count extends a smaller one.
/// `should_stop` (may be empty) is polled between blocks of draws; CANCELLED when it says so.
/// Errors: INVALID_ARGUMENT for count < 1.
absl::StatusOr<ActivationPatterns> SamplePatterns(const at::Tensor& features, std::int64_t count, std::uint64_t seed,
                                                  const std::function<bool()>& should_stop = {});

}  // namespace cvxnn
