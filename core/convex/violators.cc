// SPDX-License-Identifier: Apache-2.0
// Ascent from many starts at once; see violators.h.
#include "core/convex/violators.h"

#include <ATen/ATen.h>

#include <cstring>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"

namespace cvxnn::convex {
namespace {

constexpr int kSteps = 60;
// Step lengths, as multiples of the unit sphere's radius: the first, and what a step that does or does not rise makes
// of it.
constexpr double kFirstLength = 1;
constexpr double kLonger = 1.5;
constexpr double kShorter = 0.3;

at::Tensor UnitColumns(const at::Tensor& x) {
  return x.div(at::linalg_vector_norm(x, 2, at::IntArrayRef{0}, true).clamp_min_(1e-30));
}

struct Ascent {
  at::Tensor points;  // d×S, unit columns
  at::Tensor values;  // S
};

// Maximises weightsᵀ(Xu)₊ from every column of `points`.
Ascent Climb(const at::Tensor& x, const at::Tensor& weights, at::Tensor points) {
  at::Tensor products = at::mm(x, points);
  at::Tensor values = products.clamp_min(0).mul_(weights).sum(0);
  at::Tensor lengths = at::full_like(values, kFirstLength);
  for (int step = 0; step < kSteps; ++step) {
    const at::Tensor slope = UnitColumns(at::mm(x.t(), products.gt(0).mul(weights)));
    const at::Tensor candidates = UnitColumns(points.add(slope.mul(lengths)));
    const at::Tensor candidate_products = at::mm(x, candidates);
    const at::Tensor candidate_values = candidate_products.clamp_min(0).mul_(weights).sum(0);
    const at::Tensor rises = candidate_values.gt(values);
    points = at::where(rises, candidates, points);
    products = at::where(rises, candidate_products, products);
    values = at::where(rises, candidate_values, values);
    lengths = at::where(rises, lengths.mul(kLonger), lengths.mul(kShorter));
  }
  return {points, values};
}

// The bytes of a column's pattern and of its output: what makes two violators the same.
std::string Key(const at::Tensor& active, std::int64_t output) {
  std::string key(static_cast<std::size_t>(active.size(0)) + sizeof output, '\0');
  std::memcpy(key.data(), active.data_ptr<bool>(), static_cast<std::size_t>(active.size(0)));
  std::memcpy(key.data() + active.size(0), &output, sizeof output);
  return key;
}

}  // namespace

absl::StatusOr<Violators> FindViolators(const at::Tensor& features, const at::Tensor& dual, const at::Tensor& starts,
                                        double threshold, std::int64_t most, const std::function<bool()>& should_stop) {
  const std::int64_t count = starts.size(1);
  const auto index = at::TensorOptions().dtype(at::kLong).device(features.device());
  std::vector<at::Tensor> points, values, outputs, signs;
  const at::Tensor units = UnitColumns(starts);
  for (std::int64_t k = 0; k < dual.size(1); ++k) {
    for (const double sign : {1.0, -1.0}) {
      if (should_stop && should_stop()) return absl::CancelledError("stopped while looking for missing patterns");
      const Ascent ascent = Climb(features, dual.narrow(1, k, 1).mul(sign), units);
      points.push_back(ascent.points);
      values.push_back(ascent.values);
      outputs.push_back(at::full({count}, k, index));
      signs.push_back(at::full({count}, sign, features.options()));
    }
  }
  const auto [sorted, order] = at::cat(values).sort(0, /*descending=*/true);
  Violators found;
  found.largest = sorted.numel() == 0 ? 0 : sorted[0].item<double>();
  const std::int64_t above = sorted.gt(threshold).count_nonzero().item<std::int64_t>();
  const at::Tensor candidates = order.narrow(0, 0, above);
  const at::Tensor directions = at::cat(points, 1).index_select(1, candidates);
  const at::Tensor of = at::cat(outputs).index_select(0, candidates);
  const at::Tensor active = at::mm(features, directions).ge(0).t().to(at::kCPU).contiguous();
  const at::Tensor outputs_here = of.to(at::kCPU);
  absl::flat_hash_set<std::string> seen;
  std::vector<std::int64_t> kept;
  for (std::int64_t j = 0; j < above && static_cast<std::int64_t>(kept.size()) < most; ++j) {
    if (seen.insert(Key(active[j], outputs_here[j].item<std::int64_t>())).second) kept.push_back(j);
  }
  const at::Tensor chosen = at::tensor(kept, at::TensorOptions().dtype(at::kLong).device(at::kCPU)).to(index.device());
  found.directions = directions.index_select(1, chosen);
  found.outputs = of.index_select(0, chosen);
  found.signs = at::cat(signs).index_select(0, candidates).index_select(0, chosen);
  return found;
}

}  // namespace cvxnn::convex
