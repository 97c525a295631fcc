// SPDX-License-Identifier: Apache-2.0
// A stored network at hand, with what is known of it.
#pragma once

#include <ATen/core/Tensor.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "core/data/matrix.h"
#include "core/network/network.h"
#include "cvxnn/v1/job.pb.h"
#include "cvxnn/v1/model.pb.h"
#include "server/api/loaded_networks.h"
#include "server/api/parts.h"

namespace cvxnn::server {

/// A network on the CPU in the type of its weights.
struct StoredModel {
  v1::Model metadata;
  std::shared_ptr<const Network> shared;
  const Network& network() const { return *shared; }
  Counting counting() const;
};

/// INVALID_ARGUMENT: `name` is no name of a model. NOT_FOUND; DATA_LOSS.
absl::StatusOr<StoredModel> LoadModel(const Parts& parts, LoadedNetworks* networks, const std::string& name);

/// Rows of a matrix in `type`, on the CPU. Shares the matrix's memory where the types agree.
at::Tensor RowsAsTensor(const data::Matrix& matrix, std::int64_t first, std::int64_t count, at::ScalarType type);

/// What the job of a model minimised.
struct ModelObjective {
  Loss loss = Loss::kSquared;
  LossScale loss_scale = LossScale::kHalfSum;
  Penalty penalty = Penalty::kGroupL2;
  std::optional<double> beta;  ///< 0 without a penalty; unknown for weights on the way of a grid over β
};

/// The objective of `model`, which `job` trained.
absl::StatusOr<ModelObjective> ObjectiveOf(const v1::Job& job, const v1::Model& model);

}  // namespace cvxnn::server
