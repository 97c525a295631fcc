// SPDX-License-Identifier: Apache-2.0
// Draws gates and keeps those with a new, non-empty pattern; see sampled.h. Patterns are compared exactly, as packed
// bits.
#include "core/patterns/sampled.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "core/data/random.h"

namespace cvxnn {
namespace {

// Elements of gates, or of products with them, drawn at a time.
constexpr std::int64_t kBlockElements = std::int64_t{1} << 23;

// Gates as rows, count×d.
at::Tensor DrawGates(data::RandomStream& stream, std::int64_t count, std::int64_t inputs) {
  at::Tensor gates = at::empty({count, inputs}, at::TensorOptions().dtype(at::kDouble).device(at::kCPU));
  auto* values = gates.data_ptr<double>();
  for (std::int64_t i = 0; i < gates.numel(); ++i) values[i] = stream.Normal();
  return gates;
}

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

double SamplingBytes(std::int64_t rows, std::int64_t inputs, std::int64_t count, std::int64_t element_size) {
  const auto n = static_cast<double>(rows), d = static_cast<double>(inputs), patterns = static_cast<double>(count);
  const auto element = static_cast<double>(element_size);
  // Masks and gates, block by block and then joined; the packed bits of patterns seen, each a string in a set.
  const double kept = patterns * (2 * (n + d * element) + n / 8 + 64);
  // A block as float64 gates, gates in the data's dtype, products, masks, and masks on the host.
  const double block = std::min(patterns * std::max(n, d), static_cast<double>(kBlockElements)) * (8 + 2 * element + 2);
  return kept + block;
}

absl::StatusOr<ActivationPatterns> SamplePatterns(const at::Tensor& features, std::int64_t count, std::uint64_t seed,
                                                  const std::function<bool()>& should_stop) {
  if (count < 1) return absl::InvalidArgumentError(absl::StrCat("patterns.count = ", count, ": must be >= 1"));
  const std::int64_t rows = features.size(0), inputs = features.size(1);
  const std::int64_t block =
      std::clamp<std::int64_t>(kBlockElements / std::max<std::int64_t>({1, rows, inputs}), 1, count);
  data::RandomStream stream = data::StreamOf(seed, data::StreamPurpose::kPatternGates);
  absl::flat_hash_set<std::string> seen;
  std::vector<at::Tensor> masks = {at::empty({rows, 0}, features.options().dtype(at::kBool))};
  std::vector<at::Tensor> gates = {at::empty({inputs, 0}, features.options())};
  for (std::int64_t begin = 0; begin < count; begin += block) {
    if (should_stop && should_stop()) return absl::CancelledError("stopped while sampling patterns");
    const at::Tensor drawn = DrawGates(stream, std::min(block, count - begin), inputs).to(features.options()).t();
    const at::Tensor mask = MaskOfGates(features, drawn);
    const at::Tensor columns = mask.t().to(at::kCPU).contiguous();
    std::vector<std::int64_t> kept;
    for (std::int64_t j = 0; j < columns.size(0); ++j) {
      std::string bits = PackedBits(columns.data_ptr<bool>() + j * rows, rows);
      if (!bits.empty() && seen.insert(std::move(bits)).second) kept.push_back(j);
    }
    const at::Tensor index =
        at::tensor(kept, at::TensorOptions().dtype(at::kLong).device(at::kCPU)).to(features.device());
    masks.push_back(mask.index_select(1, index));
    gates.push_back(drawn.index_select(1, index));
  }
  return ActivationPatterns{at::cat(masks, 1), at::cat(gates, 1)};
}

}  // namespace cvxnn
