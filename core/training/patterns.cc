// SPDX-License-Identifier: Apache-2.0
// One overload for each kind of patterns; see patterns.h.
#include "core/training/patterns.h"

#include <ATen/ATen.h>

#include <cmath>
#include <variant>

#include "absl/strings/str_cat.h"
#include "core/convex/embed.h"
#include "core/patterns/distinct.h"
#include "core/patterns/enumerated.h"
#include "core/patterns/sampled.h"
#include "core/torch/runtime.h"
#include "core/training/limits.h"

namespace cvxnn::training {
namespace {

struct Maker {
  const Spec& spec;
  const ConvexTraining& convex;
  const TensorData& data;
  const Hooks& hooks;
  const std::function<bool()>& should_stop;
  at::Tensor* blocks;

  absl::Status CheckMemory(std::int64_t count) const {
    double needed = PatternBytes(data.features.size(0), data.features.size(1), count, data.features.element_size());
    if (convex.activation == Activation::kGated && data.test_features.defined()) {
      needed += static_cast<double>(count) * static_cast<double>(data.test_features.size(0));
    }
    return CheckFits(absl::StrCat("masks and gates of ", count, " patterns"), needed, data.features.device());
  }

  absl::StatusOr<ActivationPatterns> operator()(const SampledPatterns& sampled) const {
    if (auto fits = CheckMemory(sampled.count); !fits.ok()) return fits;
    if (sampled.columns_per_gate > 0) {
      return SampleSparsePatterns(data.features, sampled.count, sampled.columns_per_gate, spec.seed, should_stop);
    }
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
    if (from.output_signs) return OfSignedNeurons(field, from.model, *network);
    at::Tensor gates = network->gates;
    if (network->activation == Activation::kRelu) {
      // A neuron without weights has no direction; a gate of zeros, by contrast, is open on every row.
      const at::Tensor alive = network->first_layer.ne(0).any(0).nonzero().squeeze(1);
      gates = network->first_layer.index_select(1, alive);
    }
    return PatternsOfGates(data.features, gates.to(data.features.options()), should_stop);
  }

  // The network as a point of the program over its patterns says which blocks its neurons are in.
  absl::StatusOr<ActivationPatterns> OfSignedNeurons(const std::string& field, const std::string& model,
                                                     Network network) const {
    if (network.activation != Activation::kRelu || network.outputs() != data.targets.size(1)) {
      return absl::InvalidArgumentError(absl::StrCat(
          field, ": ", model, " is a ", Name(network.activation), " network of ", network.outputs(),
          " outputs: must be a relu network of ", data.targets.size(1), " outputs where their signs are asked for"));
    }
    const at::Tensor alive = network.first_layer.ne(0).any(0).nonzero().squeeze(1);
    network.first_layer = network.first_layer.index_select(1, alive).to(data.features.options()).contiguous();
    network.second_layer = network.second_layer.index_select(0, alive).to(data.features.options()).contiguous();
    auto embedded = convex::Embed(data.features, network, should_stop);
    if (!embedded.ok()) return embedded.status();
    *blocks = at::cat({embedded->start.positive, embedded->start.negative}, 1).ne(0).any(0);
    return std::move(embedded->patterns);
  }

  absl::StatusOr<ActivationPatterns> operator()(const ConvolutionalPatterns& patches) const {
    if (auto fits = CheckMemory(patches.count); !fits.ok()) return fits;
    return SampleConvolutionalPatterns(data.features, data.image_shape.value_or(data::ImageShape()), patches.count,
                                       patches.patch_size, spec.seed, should_stop);
  }

  absl::StatusOr<ActivationPatterns> operator()(const GivenPatterns& given) const {
    if (given.dataset.empty()) return OfGates("convex.patterns.given.gates", "", given.gates);
    const std::string field = "convex.patterns.given.dataset";
    if (!hooks.load_dataset)
      return absl::FailedPreconditionError(absl::StrCat(field, ": no data sets are stored here"));
    const auto dataset = hooks.load_dataset(given.dataset);
    if (!dataset.ok()) return dataset.status();
    return OfGates(field, absl::StrCat(given.dataset, ", "), (*dataset)->train.features);
  }

  absl::StatusOr<ActivationPatterns> OfGates(const std::string& field, const std::string& of,
                                             const data::Matrix& gates) const {
    const std::int64_t inputs = data.features.size(1);
    if (gates.cols() != inputs) {
      return absl::InvalidArgumentError(absl::StrCat(field, ": ", of, "gates of ", gates.cols(), " numbers: must have ",
                                                     inputs, ", the columns of the data set"));
    }
    if (gates.rows() > kMaxPatterns) {
      return absl::InvalidArgumentError(
          absl::StrCat(field, ": ", of, gates.rows(), " gates: must be at most ", kMaxPatterns));
    }
    for (std::int64_t p = 0; p < gates.rows(); ++p) {
      bool finite = true, zero = true;
      for (std::int64_t k = 0; k < inputs; ++k) {
        finite = finite && std::isfinite(gates.at(p, k));
        zero = zero && gates.at(p, k) == 0;
      }
      if (finite && !zero) continue;
      return absl::InvalidArgumentError(
          absl::StrCat(field, ": ", of, "gate ", p, finite ? " is zero: must have a direction" : ": must be finite"));
    }
    if (auto fits = CheckMemory(gates.rows()); !fits.ok()) return fits;
    const bool narrow = gates.type() == data::ElementType::kFloat32;
    // LibTorch has no view of constant memory; nobody writes to this one.
    const at::Tensor rows =
        at::from_blob(const_cast<void*>(gates.data()), {gates.rows(), inputs},
                      at::TensorOptions().dtype(narrow ? at::kFloat : at::kDouble).device(at::kCPU));
    return PatternsOfGates(data.features, rows.t().to(data.features.options()).contiguous(), should_stop);
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

absl::StatusOr<MadePatterns> MakePatterns(const Spec& spec, const ConvexTraining& convex, const TensorData& data,
                                          const Hooks& hooks, const std::function<bool()>& should_stop) {
  at::Tensor blocks;
  auto patterns = std::visit(Maker{spec, convex, data, hooks, should_stop, &blocks}, convex.patterns);
  if (!patterns.ok()) return patterns.status();
  return MadePatterns{*std::move(patterns), blocks};
}

std::string Describe(const Patterns& patterns, std::int64_t count) {
  if (const auto* from = std::get_if<ModelPatterns>(&patterns))
    return absl::StrCat(count, " patterns of ", from->model);
  if (std::holds_alternative<EnumeratedPatterns>(patterns)) return absl::StrCat("all ", count, " patterns of the data");
  if (std::holds_alternative<GivenPatterns>(patterns)) return absl::StrCat(count, " given patterns");
  if (std::holds_alternative<ConvolutionalPatterns>(patterns)) return absl::StrCat(count, " convolutional patterns");
  return absl::StrCat(count, " sampled patterns");
}

}  // namespace cvxnn::training
