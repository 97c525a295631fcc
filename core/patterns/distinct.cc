// SPDX-License-Identifier: Apache-2.0
// Masks of gates and their packed bits; see distinct.h.
#include "core/patterns/distinct.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <utility>

namespace cvxnn {
namespace {

// Elements of gates, or of products with them, held at a time.
constexpr std::int64_t kBlockElements = std::int64_t{1} << 23;

// The bits of one pattern, given as n bytes of 0/1; empty when no row is active.
std::string PackedBits(const bool* active, std::int64_t rows) {
  std::string bits(static_cast<std::size_t>((rows + 7) / 8), '\0');
  bool any = false;
  for (std::int64_t i = 0; i < rows; ++i) {
    if (!active[i]) continue;
    any = true;
    bits[static_cast<std::size_t>(i / 8)] = static_cast<char>(bits[static_cast<std::size_t>(i / 8)] | (1 << (i % 8)));
  }
  return any ? bits : std::string();
}

}  // namespace

at::Tensor MaskOfGates(const at::Tensor& features, const at::Tensor& gates) {
  const std::int64_t rows = features.size(0), count = gates.size(1);
  at::Tensor mask = at::empty({rows, count}, features.options().dtype(at::kBool));
  const std::int64_t block = std::max<std::int64_t>(1, 2 * kBlockElements / std::max<std::int64_t>(1, rows));
  for (std::int64_t begin = 0; begin < count; begin += block) {
    const std::int64_t size = std::min(block, count - begin);
    mask.narrow(1, begin, size).copy_(at::mm(features, gates.narrow(1, begin, size)).ge(0));
  }
  return mask;
}

DistinctPatterns::DistinctPatterns(at::Tensor features)
    : features_(std::move(features)),
      masks_{at::empty({features_.size(0), 0}, features_.options().dtype(at::kBool))},
      gates_{at::empty({features_.size(1), 0}, features_.options())} {}

void DistinctPatterns::Add(const at::Tensor& gates) {
  const std::int64_t rows = features_.size(0);
  const at::Tensor mask = MaskOfGates(features_, gates);
  const at::Tensor columns = mask.t().to(at::kCPU).contiguous();
  std::vector<std::int64_t> kept;
  for (std::int64_t j = 0; j < columns.size(0); ++j) {
    std::string bits = PackedBits(columns.data_ptr<bool>() + j * rows, rows);
    if (!bits.empty() && seen_.insert(std::move(bits)).second) kept.push_back(j);
  }
  const at::Tensor index =
      at::tensor(kept, at::TensorOptions().dtype(at::kLong).device(at::kCPU)).to(features_.device());
  masks_.push_back(mask.index_select(1, index));
  gates_.push_back(gates.index_select(1, index));
}

ActivationPatterns DistinctPatterns::Joined() const { return {at::cat(masks_, 1), at::cat(gates_, 1)}; }

absl::StatusOr<ActivationPatterns> PatternsOfGates(const at::Tensor& features, const at::Tensor& gates,
                                                   const std::function<bool()>& should_stop) {
  DistinctPatterns patterns(features);
  const std::int64_t count = gates.size(1), block = GateBlock(features.size(0), features.size(1));
  for (std::int64_t begin = 0; begin < count; begin += block) {
    if (should_stop && should_stop()) return absl::CancelledError("stopped while collecting patterns");
    patterns.Add(gates.narrow(1, begin, std::min(block, count - begin)));
  }
  return patterns.Joined();
}

std::int64_t GateBlock(std::int64_t rows, std::int64_t inputs) {
  return std::max<std::int64_t>(1, kBlockElements / std::max<std::int64_t>({1, rows, inputs}));
}

double PatternBytes(std::int64_t rows, std::int64_t inputs, std::int64_t count, std::int64_t element_size) {
  const auto n = static_cast<double>(rows), d = static_cast<double>(inputs), patterns = static_cast<double>(count);
  const auto element = static_cast<double>(element_size);
  // Masks and gates, block by block and then joined; the packed bits of patterns seen, each a string in a set.
  const double kept = patterns * (2 * (n + d * element) + n / 8 + 64);
  // A block as float64 gates, gates in the data's dtype, products, masks, and masks on the host.
  const double block = std::min(patterns * std::max(n, d), static_cast<double>(kBlockElements)) * (8 + 2 * element + 2);
  return kept + block;
}

}  // namespace cvxnn
