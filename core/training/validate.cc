// SPDX-License-Identifier: Apache-2.0
// What a spec may say, one message per field, fields named as in the contract (proto/cvxnn/v1/job.proto).
#include "core/data/validate.h"

#include <c10/core/Device.h>

#include <cmath>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "core/torch/runtime.h"
#include "core/training/train.h"

namespace cvxnn::training {
namespace {

constexpr std::int64_t kMaxEpochs = 1'000'000'000;
constexpr std::int64_t kMaxPatterns = 1'000'000;
constexpr std::int64_t kMaxNeurons = 1'000'000;
constexpr std::int64_t kMaxTrials = 10'000;

template <typename Value>
absl::Status Refuse(const char* field, const Value& value, const char* allowed) {
  return absl::InvalidArgumentError(absl::StrCat(field, " = ", value, ": must be ", allowed));
}

bool IsPositive(double value) { return std::isfinite(value) && value > 0; }
bool IsShare(double value) { return value >= 0 && value < 1; }

absl::Status ValidateStopping(const StoppingRule& stopping) {
  if (stopping.max_epochs < 1 || stopping.max_epochs > kMaxEpochs) {
    return Refuse("stopping.max_epochs", stopping.max_epochs, "in [1, 1000000000]");
  }
  if (!std::isfinite(stopping.max_seconds) || stopping.max_seconds < 0) {
    return Refuse("stopping.max_seconds", stopping.max_seconds, "finite and >= 0 (0 means no limit)");
  }
  if (!IsShare(stopping.tolerance)) {
    return Refuse("stopping.tolerance", stopping.tolerance, "in [0, 1)");
  }
  return absl::OkStatus();
}

absl::Status ValidateBeta(const Spec& spec, bool is_convex) {
  if (spec.penalty == Penalty::kNone) {
    if (is_convex) return Refuse("penalty", Name(spec.penalty), "group_l2 or weight_decay for convex training");
    if (spec.beta.has_value()) return Refuse("beta", *spec.beta, "absent without a penalty");
    if (spec.beta_max_fraction.has_value()) {
      return Refuse("beta_max_fraction", *spec.beta_max_fraction, "absent without a penalty");
    }
    return absl::OkStatus();
  }
  if (spec.beta_max_fraction.has_value() && !is_convex) {
    return Refuse("beta_max_fraction", *spec.beta_max_fraction, "absent for descent, which needs beta itself");
  }
  if (spec.beta.has_value() && spec.beta_max_fraction.has_value()) {
    return absl::InvalidArgumentError(absl::StrCat("beta = ", *spec.beta, " and beta_max_fraction = ",
                                                   *spec.beta_max_fraction, ": exactly one of the two must be set"));
  }
  if (!spec.beta.has_value() && !spec.beta_max_fraction.has_value()) {
    return absl::InvalidArgumentError(is_convex
                                          ? "beta is missing: exactly one of beta and beta_max_fraction must be set"
                                          : "beta is missing: must be > 0 unless the penalty is none");
  }
  if (spec.beta.has_value() && !IsPositive(*spec.beta)) return Refuse("beta", *spec.beta, "finite and > 0");
  if (spec.beta_max_fraction.has_value() && !(*spec.beta_max_fraction > 0 && *spec.beta_max_fraction <= 1)) {
    return Refuse("beta_max_fraction", *spec.beta_max_fraction, "in (0, 1]");
  }
  return absl::OkStatus();
}

absl::Status ValidateConvex(const Spec& spec, const ConvexTraining& convex, std::int64_t outputs) {
  if (convex.patterns.count < 1 || convex.patterns.count > kMaxPatterns) {
    return Refuse("convex.patterns.sampled.count", convex.patterns.count, "in [1, 1000000]");
  }
  if (convex.solver == ConvexSolver::kFista && convex.activation != Activation::kGated) {
    return Refuse("convex.solver", "fista", "auto or admm for the relu activation");
  }
  if (convex.solver == ConvexSolver::kAdmm && convex.activation != Activation::kRelu) {
    return Refuse("convex.solver", "admm", "auto or fista for the gated activation");
  }
  if (spec.penalty == Penalty::kWeightDecay && outputs > 1) {
    return absl::UnimplementedError(
        absl::StrCat("penalty = weight_decay: convex training with ", outputs,
                     " outputs is not built for it (a nuclear norm per pattern); group_l2 is"));
  }
  return absl::OkStatus();
}

absl::Status ValidateDescent(const GradientDescent& descent) {
  if (descent.neurons < 1 || descent.neurons > kMaxNeurons) {
    return Refuse("descent.neurons", descent.neurons, "in [1, 1000000]");
  }
  if (!IsPositive(descent.learning_rate)) {
    return Refuse("descent.learning_rate", descent.learning_rate, "finite and > 0");
  }
  if (!IsShare(descent.momentum)) return Refuse("descent.momentum", descent.momentum, "in [0, 1)");
  if (!IsShare(descent.adam_beta1)) return Refuse("descent.adam_beta1", descent.adam_beta1, "in [0, 1)");
  if (!IsShare(descent.adam_beta2)) return Refuse("descent.adam_beta2", descent.adam_beta2, "in [0, 1)");
  if (!IsPositive(descent.adam_epsilon)) return Refuse("descent.adam_epsilon", descent.adam_epsilon, "finite and > 0");
  if (descent.batch_size < 0) {
    return Refuse("descent.batch_size", descent.batch_size, ">= 0 (0 means full batch)");
  }
  if (descent.trials < 1 || descent.trials > kMaxTrials) {
    return Refuse("descent.trials", descent.trials, "in [1, 10000]");
  }
  if (descent.initialization == Initialization::kGaussian && !IsPositive(descent.initialization_scale)) {
    return Refuse("descent.initialization_scale", descent.initialization_scale, "finite and > 0");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status Validate(const Spec& spec, const data::Dataset& dataset) {
  const auto* convex = std::get_if<ConvexTraining>(&spec.method);
  if (auto status = ValidateBeta(spec, convex != nullptr); !status.ok()) return status;
  if (auto status = ValidateStopping(spec.stopping); !status.ok()) return status;
  if (auto status = convex != nullptr ? ValidateConvex(spec, *convex, dataset.train.targets.cols())
                                      : ValidateDescent(std::get<GradientDescent>(spec.method));
      !status.ok()) {
    return status;
  }
  if (auto device = ParseDevice(spec.device); !device.ok()) return device.status();
  return data::ValidateDataset(dataset);
}

}  // namespace cvxnn::training
