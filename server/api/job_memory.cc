// SPDX-License-Identifier: Apache-2.0
// See job_memory.h.
#include "server/api/job_memory.h"

#include <limits>
#include <variant>

#include "core/training/memory_need.h"

namespace cvxnn::server {
namespace {

std::int64_t ElementBytes(const v1::MatrixShape& shape) { return shape.data_type() == v1::DATA_TYPE_FLOAT32 ? 4 : 8; }

training::DataSizes SizesOf(const v1::Dataset& dataset) {
  training::DataSizes sizes;
  sizes.rows = dataset.features().rows();
  sizes.test_rows = dataset.test_rows();
  sizes.inputs = dataset.features().cols();
  sizes.outputs = dataset.targets().cols();
  sizes.feature_bytes = ElementBytes(dataset.features());
  sizes.target_bytes = ElementBytes(dataset.targets());
  return sizes;
}

absl::StatusOr<training::NamedSizes> NamedBy(const Parts& parts, const training::Spec& spec) {
  training::NamedSizes named;
  if (const training::ConvexTraining* convex = training::ConvexOf(spec)) {
    if (const auto* from = std::get_if<training::ModelPatterns>(&convex->patterns)) {
      const auto model = parts.models->Get(from->model);
      if (!model.ok()) return model.status();
      named.gates = model->neurons();
    }
    const auto* given = std::get_if<training::GivenPatterns>(&convex->patterns);
    if (given != nullptr && !given->dataset.empty()) {
      const auto gates = parts.datasets->Get(given->dataset);
      if (!gates.ok()) return gates.status();
      named.gates = gates->features().rows();
    }
  }
  if (const auto* descent = std::get_if<training::GradientDescent>(&spec.method)) {
    const auto* from = std::get_if<descent::FromModels>(&descent->initialization);
    if (from != nullptr && !from->models.empty()) {
      const auto model = parts.models->Get(from->models.front());
      if (!model.ok()) return model.status();
      named.start_neurons = model->neurons();
      named.start_activation = model->activation() == v1::ACTIVATION_GATED ? Activation::kGated : Activation::kRelu;
    }
  }
  return named;
}

std::int64_t Bytes(double bytes) {
  constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
  return bytes < static_cast<double>(kMost) ? static_cast<std::int64_t>(bytes) : kMost;
}

}  // namespace

absl::StatusOr<v1::MemoryEstimate> EstimateJob(const Parts& parts, const training::Spec& spec,
                                               const v1::Dataset& dataset) {
  const auto named = NamedBy(parts, spec);
  if (!named.ok()) return named.status();
  const training::MemoryNeed need = training::EstimateMemory(spec, SizesOf(dataset), *named);
  v1::MemoryEstimate estimate;
  estimate.set_dataset_bytes(Bytes(need.data));
  estimate.set_host_bytes(Bytes(need.host));
  estimate.set_device_bytes(Bytes(need.device));
  estimate.set_optional_bytes(Bytes(need.optional));
  return estimate;
}

}  // namespace cvxnn::server
