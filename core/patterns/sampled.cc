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

// Fills one gate of zeros, an array as long as there are inputs.
using Draw = std::function<void(data::RandomStream&, double*)>;

absl::StatusOr<ActivationPatterns> Sample(const at::Tensor& features, std::int64_t count, data::RandomStream stream,
                                          const Draw& draw, const std::function<bool()>& should_stop) {
  if (count < 1) return absl::InvalidArgumentError(absl::StrCat("patterns.count = ", count, ": must be >= 1"));
  const std::int64_t inputs = features.size(1), block = std::min(count, GateBlock(features.size(0), inputs));
  DistinctPatterns patterns(features);
  for (std::int64_t begin = 0; begin < count; begin += block) {
    if (should_stop && should_stop()) return absl::CancelledError("stopped while sampling patterns");
    const std::int64_t size = std::min(block, count - begin);
    const at::Tensor gates = at::zeros({size, inputs}, at::TensorOptions().dtype(at::kDouble).device(at::kCPU));
    for (std::int64_t j = 0; j < size; ++j) draw(stream, gates.data_ptr<double>() + j * inputs);
    patterns.Add(gates.to(features.options()).t());
  }
  return patterns.Joined();
}

}  // namespace

absl::StatusOr<ActivationPatterns> SamplePatterns(const at::Tensor& features, std::int64_t count, std::uint64_t seed,
                                                  const std::function<bool()>& should_stop) {
  const auto draw = [inputs = features.size(1)](data::RandomStream& stream, double* gate) {
    std::generate(gate, gate + inputs, [&stream] { return stream.Normal(); });
  };
  return Sample(features, count, data::StreamOf(seed, data::StreamPurpose::kPatternGates), draw, should_stop);
}

absl::StatusOr<ActivationPatterns> SampleSparsePatterns(const at::Tensor& features, std::int64_t count,
                                                        std::int64_t columns, std::uint64_t seed,
                                                        const std::function<bool()>& should_stop) {
  const std::int64_t inputs = features.size(1);
  if (columns < 1 || columns > inputs) {
    return absl::InvalidArgumentError(
        absl::StrCat("patterns.columns_per_gate = ", columns, ": must be 1 to ", inputs, ", the columns of the data"));
  }
  const auto draw = [&](data::RandomStream& stream, double* gate) {
    for (const std::int64_t column : stream.SampleSorted(inputs, columns)) gate[column] = stream.Normal();
  };
  return Sample(features, count, data::StreamOf(seed, data::StreamPurpose::kPatternGates), draw, should_stop);
}

absl::StatusOr<ActivationPatterns> SampleConvolutionalPatterns(const at::Tensor& features,
                                                               const data::ImageShape& image, std::int64_t count,
                                                               std::int64_t patch_size, std::uint64_t seed,
                                                               const std::function<bool()>& should_stop) {
  const std::int64_t longest = std::min(image.height, image.width);
  if (patch_size < 1 || patch_size > longest) {
    return absl::InvalidArgumentError(absl::StrCat("patterns.patch_size = ", patch_size, ": must be 1 to ", longest,
                                                   ", the shorter side of the images"));
  }
  const std::int64_t pixels = image.channels * image.height * image.width, inputs = features.size(1);
  if (inputs != pixels && inputs != pixels + 1) {
    return absl::InvalidArgumentError(absl::StrCat("features have ", inputs, " columns: must be the ", pixels,
                                                   " pixels of an image, and at most a bias"));
  }
  const auto draw = [&](data::RandomStream& stream, double* gate) {
    const auto top = static_cast<std::int64_t>(stream.Below(static_cast<std::uint64_t>(image.height - patch_size + 1)));
    const auto left = static_cast<std::int64_t>(stream.Below(static_cast<std::uint64_t>(image.width - patch_size + 1)));
    for (std::int64_t channel = 0; channel < image.channels; ++channel) {
      for (std::int64_t row = top; row < top + patch_size; ++row) {
        double* const first = gate + (channel * image.height + row) * image.width + left;
        std::generate(first, first + patch_size, [&stream] { return stream.Normal(); });
      }
    }
  };
  return Sample(features, count, data::StreamOf(seed, data::StreamPurpose::kPatternGates), draw, should_stop);
}

}  // namespace cvxnn
