// SPDX-License-Identifier: Apache-2.0
// Sampled activation patterns: columns of 1[X G >= 0] with the gates' entries i.i.d. N(0, 1) (MATH, section 5).
#pragma once

#include <cstdint>
#include <functional>

#include "absl/status/statusor.h"
#include "core/data/dataset.h"
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

/// As SamplePatterns, with gates that look at few features each: i.i.d. N(0, 1) on `columns` columns, drawn for each
/// gate without replacement, and 0 elsewhere (the feature-sparse gates of Mishkin, Sahiner & Pilanci, arXiv
/// 2202.01331). Gate j depends on (seed, j, d, columns) alone. Errors: INVALID_ARGUMENT for count < 1 or columns not in
/// [1, d].
absl::StatusOr<ActivationPatterns> SampleSparsePatterns(const at::Tensor& features, std::int64_t count,
                                                        std::int64_t columns, std::uint64_t seed,
                                                        const std::function<bool()>& should_stop = {});

/// As SamplePatterns, with gates that look at one square of an image each (Ergen & Pilanci, arXiv 2006.14798): i.i.d.
/// N(0, 1) on the pixels of all channels in a patch_size×patch_size square, every position equally likely, and 0
/// elsewhere, a bias column that follows the pixels included. Rows hold images channel by channel, row by row.
/// Errors: INVALID_ARGUMENT for count < 1, a patch_size not in [1, min(height, width)], or a shape that is not the
/// data's.
absl::StatusOr<ActivationPatterns> SampleConvolutionalPatterns(const at::Tensor& features,
                                                               const data::ImageShape& image, std::int64_t count,
                                                               std::int64_t patch_size, std::uint64_t seed,
                                                               const std::function<bool()>& should_stop = {});

}  // namespace cvxnn
