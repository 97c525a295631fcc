// SPDX-License-Identifier: Apache-2.0
// Neurons to blocks; see embed.h.
#include "core/convex/embed.h"

#include <ATen/ATen.h>

#include <tuple>
#include <utility>

#include "core/patterns/distinct.h"

namespace cvxnn::convex {

absl::StatusOr<Embedded> Embed(const at::Tensor& features, const Network& network,
                               const std::function<bool()>& should_stop) {
  auto patterns = PatternsOfGates(features, network.first_layer, should_stop);
  if (!patterns.ok()) return patterns.status();
  const std::int64_t outputs = network.outputs(), count = patterns->count();
  const auto options = features.options();
  Embedded embedded{*std::move(patterns),
                    {at::zeros({features.size(1), count * outputs}, options),
                     at::zeros({features.size(1), count * outputs}, options),
                     {}}};
  if (count == 0) return embedded;

  // Rows where the pattern of neuron j and pattern p agree; exact, since they are small whole numbers.
  const auto signs = [&](const at::Tensor& mask) { return mask.to(options.dtype()).mul_(2).sub_(1); };
  const at::Tensor agreement =
      at::mm(signs(MaskOfGates(features, network.first_layer)).t(), signs(embedded.patterns.mask));
  const auto [rows, pattern] = agreement.max(1);
  const at::Tensor alive = rows.eq(static_cast<double>(features.size(0))).nonzero().squeeze(1);
  const at::Tensor first = network.first_layer.index_select(1, alive);
  const at::Tensor second = network.second_layer.index_select(0, alive), of = pattern.index_select(0, alive);
  for (std::int64_t k = 0; k < outputs; ++k) {
    const at::Tensor column = of.mul(outputs).add_(k), weight = second.select(1, k);
    embedded.start.positive.index_add_(1, column, first.mul(weight.clamp_min(0)));
    embedded.start.negative.index_add_(1, column, first.mul(weight.neg().clamp_min_(0)));
  }
  return embedded;
}

}  // namespace cvxnn::convex
