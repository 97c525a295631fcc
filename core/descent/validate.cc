// SPDX-License-Identifier: Apache-2.0
// What options and data descent accepts: one message per field, "field = value: allowed range".
#include <ATen/ATen.h>

#include <cmath>
#include <string>

#include "absl/strings/str_cat.h"
#include "core/descent/descent.h"
#include "core/descent/ranges.h"
#include "core/network/loss_function.h"

namespace cvxnn::descent {
namespace {

template <typename Value>
absl::Status Refuse(const char* field, Value value, const char* allowed) {
  return absl::InvalidArgumentError(absl::StrCat(field, " = ", value, ": must be ", allowed));
}

absl::Status Refuse(const char* field, const char* what) {
  return absl::InvalidArgumentError(absl::StrCat(field, ": ", what));
}

absl::Status ValidateNumbers(const Options& options) {
  if (!IsOfWeights(options.penalty)) {
    return Refuse("penalty", Name(options.penalty), "group_l2, weight_decay or none for descent");
  }
  if (options.penalty != Penalty::kNone && !(std::isfinite(options.beta) && options.beta >= 0)) {
    return Refuse("beta", options.beta, "finite and >= 0");
  }
  if (options.first_trial < 0) return Refuse("first_trial", options.first_trial, ">= 0");
  if (options.max_epochs < 0) return Refuse("max_epochs", options.max_epochs, ">= 0");
  if (!(std::isfinite(options.max_seconds) && options.max_seconds >= 0)) {
    return Refuse("max_seconds", options.max_seconds, "finite and >= 0 (0 means no limit)");
  }
  if (auto status = CheckSnapshots(options, options.max_epochs, ""); !status.ok()) return status;
  if (options.workspace_bytes < 0) return Refuse("workspace_bytes", options.workspace_bytes, ">= 0 (0 means 512 MiB)");
  return absl::OkStatus();
}

absl::Status ValidateMatrix(const char* name, const at::Tensor& matrix, const at::Tensor& like) {
  if (!matrix.defined()) return Refuse(name, "missing");
  if (matrix.dim() != 2) return Refuse(name, "must have two dimensions");
  if (matrix.scalar_type() != at::kFloat && matrix.scalar_type() != at::kDouble) {
    return Refuse(name, "must be float32 or float64");
  }
  if (matrix.scalar_type() != like.scalar_type()) return Refuse(name, "must have the element type of features");
  if (matrix.device() != like.device()) return Refuse(name, "must be on the device of features");
  if (!at::isfinite(matrix).all().item<bool>()) return Refuse(name, "must be finite");
  return absl::OkStatus();
}

absl::Status ValidatePart(const char* features_name, const at::Tensor& features, const char* targets_name,
                          const at::Tensor& targets, const at::Tensor& like) {
  if (auto status = ValidateMatrix(features_name, features, like); !status.ok()) return status;
  if (auto status = ValidateMatrix(targets_name, targets, like); !status.ok()) return status;
  if (features.size(0) != targets.size(0)) {
    return absl::InvalidArgumentError(absl::StrCat(targets_name, " has ", targets.size(0), " rows: must have the ",
                                                   features.size(0), " of ", features_name));
  }
  return absl::OkStatus();
}

absl::Status ValidateData(const Data& data) {
  if (!data.features.defined()) return Refuse("features", "missing");
  if (auto status = ValidatePart("features", data.features, "targets", data.targets, data.features); !status.ok()) {
    return status;
  }
  if (data.features.size(0) < 1) return Refuse("features", "must have at least one row");
  if (data.features.size(1) < 1) return Refuse("features", "must have at least one column");
  if (data.targets.size(1) < 1) return Refuse("targets", "must have at least one column");
  if (data.test_features.defined() != data.test_targets.defined()) {
    return Refuse("test_targets", "must be given together with test_features");
  }
  if (!data.test_features.defined()) return absl::OkStatus();
  if (auto status = ValidatePart("test_features", data.test_features, "test_targets", data.test_targets, data.features);
      !status.ok()) {
    return status;
  }
  if (data.test_features.size(1) != data.features.size(1)) {
    return Refuse("test_features", "must have the columns of features");
  }
  if (data.test_targets.size(1) != data.targets.size(1)) return Refuse("test_targets", "must have those of targets");
  return absl::OkStatus();
}

absl::Status ValidateGrid(const Options& options, const Data& data) {
  if (!options.grid.betas.empty() && options.penalty == Penalty::kNone) {
    return absl::InvalidArgumentError(
        absl::StrCat("grid.betas = ", options.grid.betas.size(), " values: must be absent without a penalty"));
  }
  if (!options.grid.neurons.empty() && (options.gates.defined() || !options.start.empty())) {
    return absl::InvalidArgumentError(absl::StrCat("grid.neurons = ", options.grid.neurons.size(),
                                                   " values: must be absent where gates or a start are given"));
  }
  return CheckTrainingRows(options.grid, data.features.size(0), "");
}

absl::Status ValidateGates(const Options& options, const Data& data) {
  if (!options.gates.defined()) return absl::OkStatus();
  if (options.activation != Activation::kGated) return Refuse("gates", "only a gated network has them");
  if (!options.start.empty()) return Refuse("gates", "must come with the networks of start");
  if (auto status = ValidateMatrix("gates", options.gates, data.features); !status.ok()) return status;
  if (options.gates.size(0) == data.features.size(1) && options.gates.size(1) == options.neurons) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat("gates has shape ", options.gates.size(0), "x", options.gates.size(1),
                                                 ": must be ", data.features.size(1), "x", options.neurons));
}

absl::Status ValidateStart(const Options& options, const Data& data) {
  if (options.start.empty()) {
    if (!std::holds_alternative<FromModels>(options.initialization)) return absl::OkStatus();
    return Refuse("start", "must hold the networks of initialization.from_models");
  }
  if (options.start.size() != 1 && static_cast<std::int64_t>(options.start.size()) != options.trials) {
    return Refuse("start", options.start.size(), "empty, one network, or one for each trial");
  }
  for (const Network& network : options.start) {
    if (auto status = cvxnn::Validate(network); !status.ok()) {
      return absl::InvalidArgumentError(absl::StrCat("start: ", status.message()));
    }
    if (network.activation != options.activation) return Refuse("start", "must have the activation asked for");
    if (network.inputs() != data.features.size(1) || network.neurons() != options.neurons ||
        network.outputs() != data.targets.size(1)) {
      return absl::InvalidArgumentError(absl::StrCat("start: network is ", network.inputs(), "-", network.neurons(),
                                                     "-", network.outputs(), ": must be ", data.features.size(1), "-",
                                                     options.neurons, "-", data.targets.size(1)));
    }
    if (network.first_layer.device() != data.features.device() ||
        network.first_layer.scalar_type() != data.features.scalar_type()) {
      return Refuse("start", "must have the device and element type of features");
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status Validate(const Options& options, const Data& data) {
  if (auto status = CheckRanges(options, ""); !status.ok()) return status;
  if (auto status = ValidateNumbers(options); !status.ok()) return status;
  if (auto status = ValidateData(data); !status.ok()) return status;
  const LossFunction& loss = FunctionOf(options.loss);
  if (auto status = loss.CheckTargets("targets", data.targets); !status.ok()) return status;
  if (data.test_targets.defined()) {
    if (auto status = loss.CheckTargets("test_targets", data.test_targets); !status.ok()) return status;
  }
  if (auto status = ValidateGrid(options, data); !status.ok()) return status;
  if (auto status = ValidateGates(options, data); !status.ok()) return status;
  return ValidateStart(options, data);
}

}  // namespace cvxnn::descent
