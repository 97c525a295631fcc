// SPDX-License-Identifier: Apache-2.0
// See reduce.h. The networks are made on the CPU, in float64, and measured on both parts of the data set.
#include "server/api/reduce.h"

#include <ATen/ATen.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include <cmath>
#include <string>
#include <utility>

#include "core/network/reduction/cone_decomposition.h"
#include "core/network/reduction/prune.h"
#include "core/torch/runtime.h"
#include "server/api/prediction_rows.h"
#include "server/api/stored_model.h"
#include "server/jobs/model_writer.h"
#include "server/translate/capabilities.h"
#include "server/translate/choose.h"
#include "server/translate/job_progress.h"

namespace cvxnn::server {
namespace {

constexpr double kDefaultViolationWeight = 1000;

// What a new network is made of.
struct Origin {
  StoredModel model;
  v1::Job job;
  ModelObjective objective;
  ResidentDatasets::Resident resident;
  at::Tensor features;  // of the training part, float64
};

absl::StatusOr<Origin> OriginOf(const Parts& parts, LoadedNetworks* networks, const std::string& name) {
  auto model = LoadModel(parts, networks, name);
  if (!model.ok()) return model.status();
  auto job = parts.jobs->Get(model->metadata.job());
  if (!job.ok()) return job.status();
  auto objective = ObjectiveOf(*job, model->metadata);
  if (!objective.ok()) return objective.status();
  if (!IsOfWeights(objective->penalty)) {
    return absl::UnimplementedError(absl::StrCat(name, " was trained under ", Name(objective->penalty),
                                                 ", which merging neurons would change: not built for it"));
  }
  auto resident = DatasetOf(parts, model->metadata);
  if (!resident.ok()) return resident.status();
  const data::Matrix& features = resident->dataset->train.features;
  return Origin{*std::move(model), *std::move(job), *objective, *resident,
                RowsAsTensor(features, 0, features.rows(), at::kDouble)};
}

// As the job would have measured the network, but for what only its solver knew.
training::EpochMetrics Measure(const Origin& origin, const Network& network) {
  const ModelObjective& objective = origin.objective;
  const v1::EpochMetrics& before = origin.model.metadata.metrics();
  const data::Dataset& dataset = *origin.resident.dataset;
  const auto tensors = [&](const data::Part& part) {
    const auto type = network.first_layer.scalar_type();
    return std::pair{RowsAsTensor(part.features, 0, part.rows(), type),
                     RowsAsTensor(part.targets, 0, part.rows(), type)};
  };
  training::EpochMetrics metrics;
  metrics.trial = before.trial();
  metrics.epoch = before.epoch();
  metrics.seconds = before.seconds();
  const auto [x, y] = tensors(dataset.train);
  const at::Tensor outputs = Forward(network, x);
  metrics.loss = LossValue(objective.loss, objective.loss_scale, outputs, y);
  metrics.train_accuracy = Accuracy(origin.model.counting(), outputs, y);
  if (objective.beta.has_value()) {
    metrics.penalty = PenaltyValue(objective.penalty, *objective.beta, network);
    metrics.objective = *metrics.loss + *metrics.penalty;
  }
  metrics.active_neurons = network.neurons();
  if (before.has_beta()) metrics.beta = before.beta();
  if (dataset.test.rows() > 0) {
    const auto [test_x, test_y] = tensors(dataset.test);
    const at::Tensor predicted = Forward(network, test_x);
    metrics.test_loss = LossValue(objective.loss, objective.loss_scale, predicted, test_y);
    metrics.test_accuracy = Accuracy(origin.model.counting(), predicted, test_y);
  }
  return metrics;
}

std::string WithObjectives(const std::string& derivation, const training::EpochMetrics& before,
                           const training::EpochMetrics& after) {
  if (!after.objective.has_value() || !before.objective.has_value()) return derivation;
  return absl::StrFormat("%s; objective %.8g, was %.8g", derivation, *after.objective, *before.objective);
}

// `lower_bound`: whether the bound that the source's program had holds for the new network too.
absl::Status Store(const Parts& parts, const Origin& origin, const Network& network, const std::string& derivation,
                   bool lower_bound, v1::Model* response) {
  const training::EpochMetrics before = Measure(origin, origin.model.network());
  training::EpochMetrics after = Measure(origin, network);
  const v1::EpochMetrics& source = origin.model.metadata.metrics();
  if (lower_bound && source.has_lower_bound() && after.objective.has_value()) {
    after.lower_bound = source.lower_bound();
    if (*after.objective != 0) after.gap = (*after.objective - source.lower_bound()) / std::abs(*after.objective);
  }
  ModelStore::Unwritten unwritten{ModelToProto(network, after), &network};
  unwritten.metadata.set_source_model(origin.model.metadata.name());
  unwritten.metadata.set_derivation(WithObjectives(derivation, before, after));
  auto written = ModelWriter(parts.models, origin.job, origin.resident).Write({unwritten});
  if (!written.ok()) return written.status();
  if (absl::Status added = parts.jobs->AddModels(origin.job.name(), *written); !added.ok()) {
    parts.models->RemoveFile(written->front().file);
    return added;
  }
  *response = written->front().metadata;
  return absl::OkStatus();
}

}  // namespace

absl::Status PruneModel(const Parts& parts, LoadedNetworks* networks, const v1::PruneModelRequest& request,
                        v1::Model* response) {
  Violations violations;
  const Correction correction = Choose(kCorrections, request.correction(), "correction", &violations);
  if (request.has_max_neurons()) {
    violations.Require(request.max_neurons() >= 1, "max_neurons", request.max_neurons(), "must be >= 1");
  }
  if (!violations.empty()) return violations.ToStatus();
  auto origin = OriginOf(parts, networks, request.model());
  if (!origin.ok()) return origin.status();
  return GuardTorch("PruneModel", [&]() -> absl::Status {
    const Network& network = origin->model.network();
    const Penalty penalty = origin->objective.penalty;
    auto pruned = PrunedToMinimal(network, origin->features, penalty);
    if (!pruned.ok()) return pruned.status();
    std::string derivation = absl::StrCat("pruned from ", network.neurons(), " to ", pruned->neurons(),
                                          " neurons, outputs on the training rows unchanged");
    const bool further = request.has_max_neurons() && request.max_neurons() < pruned->neurons();
    if (further) {
      derivation = absl::StrCat("pruned from ", network.neurons(), " to ", request.max_neurons(), " neurons, ",
                                pruned->neurons(), " leave the outputs on the training rows unchanged",
                                correction == Correction::kLeastSquares ? "; corrected by least squares" : "");
      pruned = PrunedTo(*pruned, origin->features, penalty, request.max_neurons(), correction);
    }
    return Store(parts, *origin, *pruned, derivation, /*lower_bound=*/true, response);
  });
}

absl::Status DecomposeModel(const Parts& parts, LoadedNetworks* networks, const v1::DecomposeModelRequest& request,
                            v1::Model* response) {
  Violations violations;
  const bool by_size = request.decomposition() == v1::DECOMPOSITION_UNSPECIFIED;
  DecompositionOptions options;
  options.method = Choose(kDecompositions, request.decomposition(), "decomposition", &violations);
  options.violation_weight = request.violation_weight() == 0 ? kDefaultViolationWeight : request.violation_weight();
  violations.Require(std::isfinite(options.violation_weight) && options.violation_weight > 0, "violation_weight",
                     request.violation_weight(), "must be finite and > 0, or 0 for the default of 1000");
  if (!violations.empty()) return violations.ToStatus();
  auto origin = OriginOf(parts, networks, request.model());
  if (!origin.ok()) return origin.status();
  const Network& gated = origin->model.network();
  if (gated.activation != Activation::kGated) {
    return absl::FailedPreconditionError(absl::StrCat(request.model(), ": is a ReLU network already"));
  }
  if (by_size && gated.inputs() > kMostLeastNormInputs) options.method = Decomposition::kAlongGate;
  return GuardTorch("DecomposeModel", [&]() -> absl::Status {
    const auto relu = ToRelu(gated, origin->features, origin->objective.penalty, options);
    if (!relu.ok()) return relu.status();
    const double change = (Forward(*relu, origin->features.to(relu->first_layer.scalar_type())) -
                           Forward(gated, origin->features.to(gated.first_layer.scalar_type())))
                              .abs()
                              .max()
                              .item<double>();
    const std::string derivation = absl::StrFormat(
        "ReLU network of a gated one (%s): %d neurons of %d; outputs on the training rows changed by at most %.2g",
        Name(options.method), relu->neurons(), gated.neurons(), change);
    return Store(parts, *origin, *relu, derivation, /*lower_bound=*/false, response);
  });
}

}  // namespace cvxnn::server
