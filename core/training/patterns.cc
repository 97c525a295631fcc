// SPDX-License-Identifier: Apache-2.0
// One overload for each kind of patterns; see patterns.h.
#include "core/training/patterns.h"

#include <ATen/ATen.h>

#include <variant>

#include "absl/strings/str_cat.h"
#include "core/patterns/distinct.h"
#include "core/patterns/enumerated.h"
#include "core/patterns/sampled.h"
#include "core/torch/runtime.h"

namespace cvxnn::training {
namespace {

struct Maker {
  const Spec& spec;
  const ConvexTraining& convex;
  const TensorData& data;
  const Hooks& hooks;
  const std::function<bool()>& should_stop;

  absl::Status CheckMemory(std::int64_t count) const {
    double needed = PatternBytes(data.features.size(0), data.features.size(1), count, data.features.element_size());
    if (convex.activation == Activation::kGated && data.test_features.defined()) {
      needed += static_cast<double>(count) * static_cast<double>(data.test_features.size(0));
    }
    return CheckFits(absl::StrCat("masks and gates of ", count, " patterns"), needed, data.features.device());
  }

  absl::StatusOr<ActivationPatterns> operator()(const SampledPatterns& sampled) const {
    if (auto fits = CheckMemory(sampled.count); !fits.ok()) return fits;
    return SamplePatterns(data.features, sampled.count, spec.seed, should_stop);
  }

  absl::StatusOr<ActivationPatterns> operator()(const ModelPatterns& from) const {
    const std::string field = "convex.patterns.from_model.model";
    if (!hooks.load_model) return absl::FailedPreconditionError(absl::StrCat(field, ": no models are stored here"));
    absl::StatusOr<Network> network = hooks.load_model(from.model);
    if (!network.ok()) return network.status();
    if (network->inputs() != data.features.size(1)) {
      return absl::InvalidArgumentError(absl::StrCat(field, ": ", from.model, " has ", network->inputs(),
                                                     " inputs: must have ", data.features.size(1),
                                                     ", those of the data set"));
    }
    if (network->neurons() < 1) {
      return absl::InvalidArgumentError(absl::StrCat(field, ": ", from.model, " has no neurons"));
    }
    if (auto fits = CheckMemory(network->neurons()); !fits.ok()) return fits;
    at::Tensor gates = network->gates;
    if (network->activation == Activation::kRelu) {
      // A neuron without weights has no direction; a gate of zeros, by contrast, is open on every row.
      const at::Tensor alive = network->first_layer.ne(0).any(0).nonzero().squeeze(1);
      gates = network->first_layer.index_select(1, alive);
    }
    return PatternsOfGates(data.features, gates.to(data.features.options()), should_stop);
  }

  absl::StatusOr<ActivationPatterns> operator()(const ConvolutionalPatterns& patches) const {
    if (auto fits = CheckMemory(patches.count); !fits.ok()) return fits;
    return SampleConvolutionalPatterns(data.features, data.image_shape.value_or(data::ImageShape()), patches.count,
                                       patches.patch_size, spec.seed, should_stop);
  }

  absl::StatusOr<ActivationPatterns> operator()(const EnumeratedPatterns& enumerated) const {
    const double bound = PatternBound(data.features);
    if (bound <= static_cast<double>(enumerated.max_count)) {
      if (auto fits = CheckMemory(static_cast<std::int64_t>(bound)); !fits.ok()) return fits;
    }
    return EnumeratePatterns(data.features, enumerated.max_count, should_stop);
  }
};

}  // namespace

absl::StatusOr<ActivationPatterns> MakePatterns(const Spec& spec, const ConvexTraining& convex, const TensorData& data,
                                                const Hooks& hooks, const std::function<bool()>& should_stop) {
  return std::visit(Maker{spec, convex, data, hooks, should_stop}, convex.patterns);
}

std::string Describe(const Patterns& patterns, std::int64_t count) {
  if (const auto* from = std::get_if<ModelPatterns>(&patterns))
    return absl::StrCat(count, " patterns of ", from->model);
  if (std::holds_alternative<EnumeratedPatterns>(patterns)) return absl::StrCat("all ", count, " patterns of the data");
  if (std::holds_alternative<ConvolutionalPatterns>(patterns)) return absl::StrCat(count, " convolutional patterns");
  return absl::StrCat(count, " sampled patterns");
}

}  // namespace cvxnn::training
