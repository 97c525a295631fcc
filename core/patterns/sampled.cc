// SPDX-License-Identifier: Apache-2.0
// Draws gates and keeps those with a new, non-empty pattern; see sampled.h.
#include "core/patterns/sampled.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "core/data/random.h"
#include "core/patterns/distinct.h"

namespace cvxnn {
namespace {

// Gates as rows, count×d.
at::Tensor DrawGates(data::RandomStream& stream, std::int64_t count, std::int64_t inputs) {
  at::Tensor gates = at::empty({count, inputs}, at::TensorOptions().dtype(at::kDouble).device(at::kCPU));
  auto* values = gates.data_ptr<double>();
  for (std::int64_t i = 0; i < gates.numel(); ++i) values[i] = stream.Normal();
  return gates;
}

}  // namespace

absl::StatusOr<ActivationPatterns> SamplePatterns(const at::Tensor& features, std::int64_t count, std::uint64_t seed,
                                                  const std::function<bool()>& should_stop) {
  if (count < 1) return absl::InvalidArgumentError(absl::StrCat("patterns.count = ", count, ": must be >= 1"));
  const std::int64_t inputs = features.size(1), block = std::min(count, GateBlock(features.size(0), inputs));
  data::RandomStream stream = data::StreamOf(seed, data::StreamPurpose::kPatternGates);
  DistinctPatterns patterns(features);
  for (std::int64_t begin = 0; begin < count; begin += block) {
    if (should_stop && should_stop()) return absl::CancelledError("stopped while sampling patterns");
    patterns.Add(DrawGates(stream, std::min(block, count - begin), inputs).to(features.options()).t());
  }
  return patterns.Joined();
}

}  // namespace cvxnn
