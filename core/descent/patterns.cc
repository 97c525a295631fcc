// SPDX-License-Identifier: Apache-2.0
// See patterns.h.
#include "core/descent/patterns.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/string_view.h"

namespace cvxnn::descent {
namespace {

constexpr std::int64_t kWordBits = 64;
/// Activations formed at a time.
constexpr std::int64_t kBlockActivations = std::int64_t{1} << 22;

absl::string_view Pattern(const std::vector<std::uint64_t>& bits, std::size_t neuron, std::size_t words) {
  return {reinterpret_cast<const char*>(bits.data() + neuron * words), words * sizeof(std::uint64_t)};
}

}  // namespace

PatternTracker::PatternTracker(const at::Tensor& features, const TrialWeights& weights)
    : features_(features), words_(static_cast<std::size_t>((features.size(0) + kWordBits - 1) / kWordBits)) {
  for (std::int64_t slot = 0; slot < weights.trials(); ++slot) starts_.push_back(BitsOf(weights, slot));
}

PatternTracker::Bits PatternTracker::BitsOf(const TrialWeights& weights, std::int64_t slot) const {
  const bool gated = weights.gates.defined();
  const at::Tensor vectors = gated ? weights.gates[slot] : FirstLayers(weights.flat, weights.shape)[slot];
  const std::int64_t neurons = vectors.size(1);
  const std::int64_t rows = features_.size(0);
  // Whole words at a time.
  const std::int64_t block = kWordBits * std::max<std::int64_t>(1, kBlockActivations / (kWordBits * neurons));
  Bits bits(static_cast<std::size_t>(neurons) * words_);
  for (std::int64_t begin = 0; begin < rows; begin += block) {
    const std::int64_t count = std::min(block, rows - begin);
    const at::Tensor products = at::mm(features_.narrow(0, begin, count), vectors);
    const at::Tensor active = (gated ? products.ge(0) : products.gt(0)).cpu().contiguous();
    const bool* row = active.data_ptr<bool>();
    for (std::int64_t i = begin; i < begin + count; ++i, row += neurons) {
      std::uint64_t* word = bits.data() + i / kWordBits;
      for (std::int64_t j = 0; j < neurons; ++j, word += words_) {
        *word |= static_cast<std::uint64_t>(row[j]) << (i % kWordBits);
      }
    }
  }
  return bits;
}

PatternCounts PatternTracker::Count(const TrialWeights& weights, std::int64_t slot, std::size_t start) const {
  const Bits& then = starts_[start];
  const Bits now = weights.gates.defined() ? then : BitsOf(weights, slot);
  const Bits nowhere(words_, 0);
  PatternCounts counts;
  absl::flat_hash_set<absl::string_view> different;
  for (std::size_t neuron = 0; neuron * words_ < now.size(); ++neuron) {
    const absl::string_view pattern = Pattern(now, neuron, words_);
    different.insert(pattern);
    counts.changed += pattern == Pattern(then, neuron, words_) ? 0 : 1;
    counts.dead += pattern == Pattern(nowhere, 0, words_) ? 1 : 0;
  }
  counts.distinct = static_cast<std::int64_t>(different.size());
  return counts;
}

void PatternTracker::Keep(const std::vector<std::int64_t>& slots) {
  std::vector<Bits> kept;
  for (const std::int64_t slot : slots) kept.push_back(std::move(starts_[static_cast<std::size_t>(slot)]));
  starts_ = std::move(kept);
}

double PatternTracker::Bytes(double trials, double neurons, double rows) {
  const double bits = neurons * (rows / 8 + sizeof(std::uint64_t));
  // Patterns, a copy of those of one trial, the set that holds them, and a block of activations.
  return trials * bits + bits + 32 * neurons + 9 * static_cast<double>(kBlockActivations);
}

}  // namespace cvxnn::descent
