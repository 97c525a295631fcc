// SPDX-License-Identifier: Apache-2.0
// What a spec may say, one message per field, fields named as in the contract (proto/cvxnn/v1/job_spec.proto).
#include "core/data/validate.h"

#include <c10/core/Device.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "core/descent/ranges.h"
#include "core/torch/runtime.h"
#include "core/training/limits.h"
#include "core/training/train.h"

namespace cvxnn::training {
namespace {

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

/// The values of β of a grid; none for convex training.
std::size_t GridBetas(const Spec& spec) {
  const auto* descent = std::get_if<GradientDescent>(&spec.method);
  return descent == nullptr ? 0 : descent->grid.betas.size();
}

absl::Status ValidateBeta(const Spec& spec, bool is_convex) {
  if (!is_convex && !IsOfWeights(spec.penalty)) {
    return Refuse("penalty", Name(spec.penalty), "group_l2, weight_decay or none for descent");
  }
  if (std::holds_alternative<RegularizationPath>(spec.method)) {
    if (spec.penalty == Penalty::kNone || spec.penalty == Penalty::kRidge) {
      return Refuse("penalty", Name(spec.penalty), "one that has a beta_max for a path, which begins there");
    }
    if (spec.beta.has_value()) return Refuse("beta", *spec.beta, "absent for a path, which has its own");
    if (spec.beta_max_fraction.has_value()) {
      return Refuse("beta_max_fraction", *spec.beta_max_fraction, "absent for a path, which has its own");
    }
    return absl::OkStatus();
  }
  if (spec.penalty == Penalty::kNone) {
    if (spec.beta.has_value()) return Refuse("beta", *spec.beta, "absent without a penalty");
    if (spec.beta_max_fraction.has_value()) {
      return Refuse("beta_max_fraction", *spec.beta_max_fraction, "absent without a penalty");
    }
    if (const std::size_t betas = GridBetas(spec); betas > 0) {
      return Refuse("descent.grid.betas", absl::StrCat(betas, " values"), "absent without a penalty");
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
  if (GridBetas(spec) > 0) {
    return spec.beta.has_value() ? Refuse("beta", *spec.beta, "absent with descent.grid.betas") : absl::OkStatus();
  }
  if (!spec.beta.has_value() && !spec.beta_max_fraction.has_value()) {
    return absl::InvalidArgumentError(is_convex
                                          ? "beta is missing: exactly one of beta and beta_max_fraction must be set"
                                            " unless the penalty is none"
                                          : "beta is missing: must be > 0 unless the penalty is none");
  }
  if (spec.beta_max_fraction.has_value() && spec.penalty == Penalty::kRidge) {
    return Refuse("beta_max_fraction", *spec.beta_max_fraction,
                  "absent for ridge, under which no beta makes zero optimal: give beta");
  }
  if (spec.beta.has_value() && !IsPositive(*spec.beta)) return Refuse("beta", *spec.beta, "finite and > 0");
  if (spec.beta.has_value() && !is_convex && *spec.beta > descent::kMaxBeta) {
    return Refuse("beta", *spec.beta, "at most 1e+30 for descent");
  }
  if (spec.beta_max_fraction.has_value() && !(*spec.beta_max_fraction > 0 && *spec.beta_max_fraction <= 1)) {
    return Refuse("beta_max_fraction", *spec.beta_max_fraction, "in (0, 1]");
  }
  return absl::OkStatus();
}

struct PatternsCheck {
  const std::optional<data::ImageShape>& image;
  std::int64_t columns;

  static absl::Status Count(const char* field, std::int64_t count) {
    return count < 1 || count > kMaxPatterns ? Refuse(field, count, "in [1, 1000000]") : absl::OkStatus();
  }
  absl::Status operator()(const SampledPatterns& sampled) const {
    if (auto status = Count("convex.patterns.sampled.count", sampled.count); !status.ok()) return status;
    if (sampled.columns_per_gate >= 0 && sampled.columns_per_gate <= columns) return absl::OkStatus();
    return Refuse("convex.patterns.sampled.columns_per_gate", sampled.columns_per_gate,
                  absl::StrCat("in [1, ", columns, "], the columns of the data set, or 0 for all").c_str());
  }
  absl::Status operator()(const EnumeratedPatterns& all) const {
    return Count("convex.patterns.enumerated.max_count", all.max_count);
  }
  absl::Status operator()(const ModelPatterns& from) const {
    if (!from.model.empty()) return absl::OkStatus();
    return Refuse("convex.patterns.from_model.model", "\"\"", "the name of a stored model");
  }
  absl::Status operator()(const GivenPatterns& given) const {
    if ((given.gates.rows() > 0) == !given.dataset.empty()) {
      return absl::InvalidArgumentError("convex.patterns.given: must have either gates or a data set");
    }
    return given.dataset.empty() ? Count("convex.patterns.given.gates.shape.rows", given.gates.rows())
                                 : absl::OkStatus();
  }
  absl::Status operator()(const ConvolutionalPatterns& patches) const {
    if (auto status = Count("convex.patterns.convolutional.count", patches.count); !status.ok()) return status;
    if (!image.has_value()) {
      return absl::InvalidArgumentError("convex.patterns.convolutional: must be for a data set of images");
    }
    const std::int64_t longest = std::min(image->height, image->width);
    if (patches.patch_size >= 1 && patches.patch_size <= longest) return absl::OkStatus();
    return Refuse("convex.patterns.convolutional.patch_size", patches.patch_size,
                  absl::StrCat("in [1, ", longest, "]").c_str());
  }
};

absl::Status ValidateOutputSigns(const ConvexTraining& convex) {
  const auto* from = std::get_if<ModelPatterns>(&convex.patterns);
  if (from == nullptr || !from->output_signs) return absl::OkStatus();
  const char* const field = "convex.patterns.from_model.output_signs";
  if (convex.activation == Activation::kGated) return Refuse(field, "true", "false for the gated activation");
  if (convex.solver == ConvexSolver::kInteriorPoint)
    return Refuse(field, "true", "false for the interior_point solver");
  if (convex.refinement.has_value() && convex.refinement->max_rounds > 0) {
    return Refuse("convex.refinement.max_rounds", convex.refinement->max_rounds,
                  "0 with patterns.from_model.output_signs, whose signs a round would not keep");
  }
  return absl::OkStatus();
}

absl::Status ValidatePenaltyMethod(const ConvexTraining& convex) {
  if (!convex.penalty_method.has_value()) return absl::OkStatus();
  const PenaltyMethod& method = *convex.penalty_method;
  if (convex.solver != ConvexSolver::kPenalty) {
    return absl::InvalidArgumentError("convex.penalty_method: must be absent for solvers other than penalty");
  }
  if (!(method.rho > 0 && method.rho <= kMaxRho)) {
    return Refuse("convex.penalty_method.rho", method.rho, "above 0 and at most 1e+30");
  }
  return descent::CheckRanges(convex::AsMethod(method), "convex.penalty_method.");
}

absl::Status ValidateWorkingSet(const Spec& spec, const ConvexTraining& convex, std::int64_t outputs) {
  if (convex.working_set != WorkingSet::kOn) return absl::OkStatus();
  const char* const field = "convex.working_set";
  if (convex.solver == ConvexSolver::kPenalty) return Refuse(field, "on", "auto or off for the penalty solver");
  if (spec.penalty != Penalty::kGroupL2 && spec.penalty != Penalty::kWeightDecay) {
    return Refuse(field, "on", "auto or off for penalties other than group_l2 and weight_decay");
  }
  if (convex.activation == Activation::kRelu && spec.penalty == Penalty::kWeightDecay && outputs > 1) {
    return Refuse(field, "on", "auto or off for weight_decay of several outputs and the relu activation");
  }
  return absl::OkStatus();
}

absl::Status ValidateConvex(const Spec& spec, const ConvexTraining& convex, const data::Dataset& dataset) {
  if (auto status =
          std::visit(PatternsCheck{dataset.description.image_shape, dataset.train.features.cols()}, convex.patterns);
      !status.ok()) {
    return status;
  }
  if (convex.solver == ConvexSolver::kFista && convex.activation != Activation::kGated) {
    return Refuse("convex.solver", "fista", "auto, admm, interior_point or penalty for the relu activation");
  }
  if (auto status = ValidatePenaltyMethod(convex); !status.ok()) return status;
  if (auto status = ValidateOutputSigns(convex); !status.ok()) return status;
  if (convex.refinement.has_value()) {
    const Refinement& rounds = *convex.refinement;
    if (convex.activation != Activation::kRelu && rounds.max_rounds != 0) {
      return Refuse("convex.refinement.max_rounds", rounds.max_rounds,
                    "0 for the gated activation, whose gates are fixed");
    }
    if (rounds.max_rounds < 0 || rounds.max_rounds > kMaxRefinementRounds) {
      return Refuse("convex.refinement.max_rounds", rounds.max_rounds, "in [0, 1000]");
    }
    if (rounds.search_starts < 1 || rounds.search_starts > kMaxSearchStarts) {
      return Refuse("convex.refinement.search_starts", rounds.search_starts, "in [1, 100000]");
    }
    if (rounds.descent_epochs < 0 || rounds.descent_epochs > kMaxRefinementEpochs) {
      return Refuse("convex.refinement.descent_epochs", rounds.descent_epochs, "in [0, 1000000]");
    }
  }
  const bool group =
      spec.penalty == Penalty::kGroupL2 || (spec.penalty == Penalty::kWeightDecay && dataset.train.targets.cols() == 1);
  if (convex.refinement.has_value() && convex.refinement->max_rounds > 0 && !group) {
    return Refuse("convex.refinement.max_rounds", convex.refinement->max_rounds,
                  "0 for penalties other than group_l2 and weight_decay of one output");
  }
  if (convex.solver == ConvexSolver::kInteriorPoint) {
    if (spec.loss != Loss::kSquared) {
      return Refuse("convex.solver", "interior_point", "auto or another for losses other than squared");
    }
    if (!group) {
      return Refuse("convex.solver", "interior_point",
                    "auto or another for penalties other than group_l2 and weight_decay of one output");
    }
    if (spec.precision == Precision::kFloat32) {
      return Refuse("precision", "float32", "auto or float64 for the interior_point solver");
    }
  }
  if (convex.solver == ConvexSolver::kFista && spec.loss == Loss::kHinge) {
    return Refuse("convex.solver", "fista", "auto or admm for the hinge loss, which has a kink");
  }
  if (convex.solver == ConvexSolver::kNewton) {
    if (convex.activation != Activation::kGated) {
      return Refuse("convex.solver", "newton", "auto, admm, interior_point or penalty for the relu activation");
    }
    if (spec.loss != Loss::kSquared) {
      return Refuse("convex.solver", "newton", "auto or another for losses other than squared");
    }
    if (!group) {
      return Refuse("convex.solver", "newton",
                    "auto or another for penalties other than group_l2 and weight_decay of one output");
    }
  }
  return ValidateWorkingSet(spec, convex, dataset.train.targets.cols());
}

absl::Status ValidatePath(const RegularizationPath& path, const data::Dataset& dataset) {
  if (path.points < 2 || path.points > kMostPathPoints) return Refuse("path.points", path.points, "in [2, 1000]");
  if (!(path.min_fraction > 0 && path.min_fraction < 1)) {
    return Refuse("path.min_fraction", path.min_fraction, "above 0 and below 1");
  }
  if (path.convex.refinement.has_value() && path.convex.refinement->max_rounds > 0) {
    return Refuse("path.convex.refinement.max_rounds", path.convex.refinement->max_rounds,
                  "0: a path keeps the patterns that it begins with");
  }
  const bool tested = dataset.test.rows() > 0;
  const bool classes = dataset.description.task != data::Task::kRegression;
  if (path.selection == PathSelection::kTestAccuracy && !(tested && classes)) {
    return Refuse("path.selection", "test_accuracy", "for a data set with a test part and classes");
  }
  if (path.selection == PathSelection::kTestLoss && !tested) {
    return Refuse("path.selection", "test_loss", "for a data set with a test part");
  }
  return absl::OkStatus();
}

absl::Status ValidateDescent(const GradientDescent& descent, const StoppingRule& stopping,
                             const data::Dataset& dataset) {
  if (auto status = descent::CheckRanges(descent, "descent."); !status.ok()) return status;
  if (auto status = descent::CheckSnapshots(descent, stopping.max_epochs, "descent."); !status.ok()) return status;
  return descent::CheckTrainingRows(descent.grid, dataset.train.rows(), "descent.");
}

}  // namespace

absl::Status Validate(const Spec& spec, const data::Dataset& dataset) {
  const ConvexTraining* convex = ConvexOf(spec);
  if (auto status = ValidateBeta(spec, convex != nullptr); !status.ok()) return status;
  if (auto status = ValidateStopping(spec.stopping); !status.ok()) return status;
  if (auto status = convex != nullptr ? ValidateConvex(spec, *convex, dataset)
                                      : ValidateDescent(std::get<GradientDescent>(spec.method), spec.stopping, dataset);
      !status.ok()) {
    return status;
  }
  if (const auto* path = std::get_if<RegularizationPath>(&spec.method)) {
    if (auto status = ValidatePath(*path, dataset); !status.ok()) return status;
  }
  if (auto device = ParseDevice(spec.device); !device.ok()) return device.status();
  return data::ValidateDataset(dataset);
}

}  // namespace cvxnn::training
