// SPDX-License-Identifier: Apache-2.0
// See stored_model.h.
#include "server/api/stored_model.h"

#include <ATen/ATen.h>

#include <utility>

#include "core/training/tensors.h"
#include "server/translate/dataset_description.h"
#include "server/translate/job_spec.h"
#include "server/translate/resource_name.h"

namespace cvxnn::server {

Counting StoredModel::counting() const { return training::CountingOf(TaskFromProto(metadata.task())); }

// Rows of a matrix in the network's type. Shares the matrix's memory where the types agree.
at::Tensor RowsAsTensor(const data::Matrix& matrix, std::int64_t first, std::int64_t count, at::ScalarType type) {
  const bool float32 = matrix.type() == data::ElementType::kFloat32;
  const std::int64_t element = float32 ? 4 : 8;
  // LibTorch has no view of constant memory; nobody writes to this one.
  auto* begin = const_cast<char*>(static_cast<const char*>(matrix.data()) + first * matrix.cols() * element);
  const auto options = at::TensorOptions().dtype(float32 ? at::kFloat : at::kDouble).device(at::kCPU);
  return at::from_blob(begin, {count, matrix.cols()}, options).to(type);
}

absl::StatusOr<StoredModel> LoadModel(const Parts& parts, LoadedNetworks* networks, const std::string& name) {
  if (absl::Status status = CheckResourceName("models", name, "model"); !status.ok()) return status;
  auto metadata = parts.models->Get(name);
  if (absl::IsNotFound(metadata.status())) networks->Remove(name);
  if (!metadata.ok()) return metadata.status();
  auto network = networks->Get(name);
  if (!network.ok()) return network.status();
  return StoredModel{*std::move(metadata), *std::move(network)};
}

absl::StatusOr<ModelObjective> ObjectiveOf(const v1::Job& job, const v1::Model& model) {
  const auto spec = SpecFromProto(job.spec());
  if (!spec.ok()) return spec.status();
  ModelObjective objective{spec->loss, spec->loss_scale, spec->penalty, spec->beta};
  if (spec->penalty == Penalty::kNone) objective.beta = 0;
  if (model.metrics().has_beta()) {
    objective.beta = model.metrics().beta();
    return objective;
  }
  if (!objective.beta.has_value() && job.result().beta() > 0) objective.beta = job.result().beta();
  for (const v1::TrainedModel& trained : job.result().models()) {
    if (trained.trial() == model.trial() && trained.has_setting()) objective.beta = trained.setting().beta();
  }
  return objective;
}

}  // namespace cvxnn::server
