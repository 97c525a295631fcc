// SPDX-License-Identifier: Apache-2.0
// See check_optimality.h.
#include "server/api/check_optimality.h"

#include <ATen/ATen.h>
#include <absl/strings/str_cat.h>

#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "core/convex/optimality.h"
#include "core/network/loss_function.h"
#include "core/torch/runtime.h"
#include "core/training/patterns.h"
#include "core/training/tensors.h"
#include "server/api/prediction_rows.h"
#include "server/api/stored_model.h"
#include "server/translate/capabilities.h"
#include "server/translate/choose.h"
#include "server/translate/job_spec.h"
#include "server/translate/resource_name.h"

namespace cvxnn::server {
namespace {

constexpr std::int64_t kMostStarts = 10000;
constexpr std::int64_t kMostEnumerated = 100000;

absl::StatusOr<at::Tensor> Weights(const v1::Tensor& tensor, const std::string& field) {
  auto matrix = MatrixFromTensor(tensor, field);
  if (!matrix.ok()) return matrix.status();
  return RowsAsTensor(*matrix, 0, matrix->rows(), at::kDouble).clone();
}

absl::StatusOr<Network> NetworkFromProto(const v1::NetworkWeights& weights) {
  Violations violations("weights.");
  Network network;
  network.activation = Choose(kDescentActivations, weights.activation(), "activation", &violations);
  const bool gated = network.activation == Activation::kGated;
  if (gated != weights.has_gates()) {
    violations.Wrong("gates", gated ? "required with ACTIVATION_GATED" : "must be absent without ACTIVATION_GATED");
  }
  if (!violations.empty()) return violations.ToStatus();
  auto first = Weights(weights.first_layer(), "weights.first_layer");
  if (!first.ok()) return first.status();
  auto second = Weights(weights.second_layer(), "weights.second_layer");
  if (!second.ok()) return second.status();
  network.first_layer = first->t().contiguous();
  network.second_layer = second->t().contiguous();
  if (gated) {
    auto gates = Weights(weights.gates(), "weights.gates");
    if (!gates.ok()) return gates.status();
    network.gates = gates->t().contiguous();
  }
  const absl::Status valid = Validate(network);
  if (!valid.ok()) return InvalidField("weights", "the arrays sent", absl::StrCat("do not fit: ", valid.message()));
  return network;
}

// The request with what it leaves open taken from the model's job.
struct Question {
  std::shared_ptr<const Network> network;
  convex::Objective objective;
  std::shared_ptr<const data::Dataset> dataset;
  std::string dataset_name;
  std::optional<v1::Job> job;  // of a model on its own data
};

absl::StatusOr<Question> QuestionOf(const Parts& parts, LoadedNetworks* networks,
                                    const v1::CheckOptimalityRequest& request) {
  Question question;
  ModelObjective objective;
  question.dataset_name = request.dataset();
  if (request.network_case() == v1::CheckOptimalityRequest::kModel) {
    auto model = LoadModel(parts, networks, request.model());
    if (!model.ok()) return model.status();
    auto job = parts.jobs->Get(model->metadata.job());
    if (!job.ok()) return job.status();
    auto of_job = ObjectiveOf(*job, model->metadata);
    if (!of_job.ok()) return of_job.status();
    objective = *of_job;
    question.network = model->shared;
    auto resident =
        request.dataset().empty() ? DatasetOf(parts, model->metadata) : parts.resident->Get(request.dataset());
    if (!resident.ok()) return resident.status();
    question.dataset = resident->dataset;
    if (request.dataset().empty()) {
      question.dataset_name = model->metadata.dataset();
      question.job = *std::move(job);
    }
  } else {
    auto network = NetworkFromProto(request.weights());
    if (!network.ok()) return network.status();
    question.network = std::make_shared<const Network>(*std::move(network));
    auto resident = parts.resident->Get(request.dataset());
    if (!resident.ok()) return resident.status();
    question.dataset = resident->dataset;
  }
  Violations violations;
  if (request.loss() != v1::LOSS_UNSPECIFIED) {
    objective.loss = Choose(kLosses, request.loss(), "loss", &violations);
  }
  if (request.loss_scale() != v1::LOSS_SCALE_UNSPECIFIED) {
    objective.loss_scale = Choose(kLossScales, request.loss_scale(), "loss_scale", &violations);
  }
  if (request.penalty() != v1::PENALTY_UNSPECIFIED) {
    objective.penalty = Choose(kConvexPenalties, request.penalty(), "penalty", &violations);
  } else if (objective.penalty == Penalty::kNone) {
    violations.Wrong("penalty", "required: the model was trained without one");
  }
  if (request.has_beta()) objective.beta = request.beta();
  if (!objective.beta.has_value() || *objective.beta == 0) {
    violations.Wrong("beta", "required: must be finite and > 0");
  } else {
    violations.Require(std::isfinite(*objective.beta) && *objective.beta > 0, "beta", *objective.beta,
                       "must be finite and > 0");
  }
  if (!violations.empty()) return violations.ToStatus();
  question.objective = {objective.loss, objective.loss_scale, objective.penalty, objective.beta.value_or(0)};
  return question;
}

// The patterns of the convex program that a job solved, made again as the job made them; nothing for other jobs, and
// where they cannot be made any more.
std::optional<ActivationPatterns> PatternsOf(const Parts& parts, const v1::Job& job, const data::Dataset& dataset) {
  const auto spec = SpecFromProto(job.spec());
  const training::ConvexTraining* convex = spec.ok() ? training::ConvexOf(*spec) : nullptr;
  if (convex == nullptr) return std::nullopt;
  const c10::Device cpu(c10::kCPU);
  training::Precision precision = training::ChoosePrecision(spec->precision, dataset, cpu);
  if (job.has_result() && job.result().precision() != v1::PRECISION_UNSPECIFIED) {
    precision = job.result().precision() == v1::PRECISION_FLOAT32 ? training::Precision::kFloat32
                                                                  : training::Precision::kFloat64;
  }
  training::Hooks hooks;
  hooks.load_model = [&](const std::string& model) { return parts.models->Load(model); };
  hooks.load_dataset = [&](const std::string& name) -> absl::StatusOr<std::shared_ptr<const data::Dataset>> {
    auto resident = parts.resident->Get(name);
    if (!resident.ok()) return resident.status();
    return resident->dataset;
  };
  const training::TensorData data = training::ToTensors(dataset, cpu, precision);
  auto patterns = training::MakePatterns(*spec, *convex, data, hooks, {});
  if (!patterns.ok()) return std::nullopt;
  return std::move(patterns->patterns);
}

v1::Reach ReachToProto(convex::Reach reach) {
  switch (reach) {
    case convex::Reach::kRestricted:
      return v1::REACH_RESTRICTED;
    case convex::Reach::kSearched:
      return v1::REACH_SEARCHED;
    case convex::Reach::kGlobal:
      return v1::REACH_GLOBAL;
  }
  return v1::REACH_UNSPECIFIED;
}

}  // namespace

absl::Status CheckOptimality(const Parts& parts, LoadedNetworks* networks, const v1::CheckOptimalityRequest& request,
                             v1::CheckOptimalityResponse* response) {
  Violations violations;
  if (request.network_case() == v1::CheckOptimalityRequest::NETWORK_NOT_SET) {
    violations.Wrong("network", "required: set model or weights");
  }
  if (!request.dataset().empty() || request.has_weights()) {
    CheckResourceName("datasets", request.dataset(), "dataset", &violations);
  }
  violations.Require(request.search_starts() >= 0 && request.search_starts() <= kMostStarts, "search_starts",
                     request.search_starts(), "must be 0 to 10000");
  violations.Require(request.max_enumerated() >= 0 && request.max_enumerated() <= kMostEnumerated, "max_enumerated",
                     request.max_enumerated(), "must be 0 to 100000");
  if (!violations.empty()) return violations.ToStatus();
  auto question = QuestionOf(parts, networks, request);
  if (!question.ok()) return question.status();
  const data::Part& part = question->dataset->train;
  const Network& network = *question->network;
  if (part.features.cols() != network.inputs() || part.targets.cols() != network.outputs()) {
    return absl::FailedPreconditionError(
        absl::StrCat(question->dataset_name, ": has ", part.features.cols(), " columns and ", part.targets.cols(),
                     " outputs, the network has ", network.inputs(), " and ", network.outputs()));
  }
  return GuardTorch("CheckOptimality", [&]() -> absl::Status {
    const at::Tensor features = RowsAsTensor(part.features, 0, part.rows(), at::kDouble);
    const at::Tensor targets = RowsAsTensor(part.targets, 0, part.rows(), at::kDouble);
    if (auto fits = FunctionOf(question->objective.loss).CheckTargets("targets", targets); !fits.ok()) {
      return InvalidField("loss", Name(question->objective.loss), std::string(fits.message()));
    }
    convex::OptimalityOptions options;
    options.search_starts = request.search_starts();
    options.seed = request.seed();
    options.max_enumerated = request.max_enumerated();
    if (question->job.has_value()) options.patterns = PatternsOf(parts, *question->job, *question->dataset);
    const auto checked = convex::CheckOptimality(network, features, targets, question->objective, options);
    if (!checked.ok()) return checked.status();
    response->set_objective(checked->objective);
    response->set_loss(checked->loss);
    response->set_penalty(checked->penalty);
    response->set_lower_bound(checked->lower_bound);
    response->set_gap(checked->gap);
    response->set_reach(ReachToProto(checked->reach));
    response->set_patterns(checked->patterns);
    response->set_dual_ratio(checked->dual_ratio);
    response->mutable_dual_gate()->Add(checked->dual_gate.begin(), checked->dual_gate.end());
    response->set_dual_gate_is_own(checked->dual_gate_is_own);
    response->set_stationarity(checked->stationarity);
    response->set_beta(question->objective.beta);
    return absl::OkStatus();
  });
}

}  // namespace cvxnn::server
