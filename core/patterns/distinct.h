// SPDX-License-Identifier: Apache-2.0
// Patterns of given gates, each kept once (MATH, section 5).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "core/patterns/activation_patterns.h"

namespace cvxnn {

/// Collects the patterns of gates that come block by block: first come, first kept, compared exactly as packed bits.
/// Patterns active on no row are left out, since they add nothing to any output.
class DistinctPatterns {
 public:
  /// For rows X (n×d).
  explicit DistinctPatterns(at::Tensor features);

  /// Gates d×m, dtype and device of X.
  void Add(const at::Tensor& gates);

  /// What was collected, possibly nothing.
  ActivationPatterns Joined() const;

 private:
  at::Tensor features_;
  absl::flat_hash_set<std::string> seen_;
  std::vector<at::Tensor> masks_;
  std::vector<at::Tensor> gates_;
};

/// The distinct patterns 1[X G >= 0] of gates G (d×m, dtype and device of X) with the first gate of each.
/// `should_stop` (may be empty) is polled between blocks of gates; CANCELLED when it says so.
absl::StatusOr<ActivationPatterns> PatternsOfGates(const at::Tensor& features, const at::Tensor& gates,
                                                   const std::function<bool()>& should_stop = {});

/// Gates to add to DistinctPatterns at a time, so that products and masks stay small.
std::int64_t GateBlock(std::int64_t rows, std::int64_t inputs);

/// Bytes that collecting the patterns of `count` gates takes at most, result included, for n rows and d inputs of
/// `element_size` bytes each.
double PatternBytes(std::int64_t rows, std::int64_t inputs, std::int64_t count, std::int64_t element_size);

}  // namespace cvxnn
