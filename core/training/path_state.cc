// SPDX-License-Identifier: Apache-2.0
// A path's state by name, over the bytes that descent's checkpoints have too; see path_state.h.
#include "core/training/path_state.h"

#include <ATen/ATen.h>

#include <cmath>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/convex/solve_state.h"
#include "core/descent/fingerprint.h"
#include "core/training/methods.h"

namespace cvxnn::training {
namespace {

using descent::State;

// Changes whenever the entries below do.
constexpr std::int64_t kPathFormat = 1;

using Number = std::optional<double> EpochMetrics::*;
constexpr Number kNumbers[] = {&EpochMetrics::objective,
                               &EpochMetrics::loss,
                               &EpochMetrics::penalty,
                               &EpochMetrics::train_accuracy,
                               &EpochMetrics::test_accuracy,
                               &EpochMetrics::test_loss,
                               &EpochMetrics::network_objective,
                               &EpochMetrics::lower_bound,
                               &EpochMetrics::gap,
                               &EpochMetrics::constraint_violation,
                               &EpochMetrics::step_size,
                               &EpochMetrics::beta};

// Absent numbers are not a number.
void PutMetrics(const std::string& prefix, const EpochMetrics& metrics, State* state) {
  std::vector<double> numbers = {metrics.seconds};
  for (const Number number : kNumbers) {
    numbers.push_back((metrics.*number).value_or(std::numeric_limits<double>::quiet_NaN()));
  }
  (*state)[prefix + "numbers"] = descent::Entry(numbers);
  (*state)[prefix + "epoch"] = metrics.epoch;
  (*state)[prefix + "active_neurons"] = metrics.active_neurons.value_or(-1);
}

EpochMetrics GetMetrics(std::int32_t trial, descent::StateReader* reader) {
  EpochMetrics metrics;
  metrics.trial = trial;
  metrics.epoch = reader->Integer("epoch");
  const std::vector<double> numbers = reader->Numbers("numbers", std::size(kNumbers) + 1);
  if (!reader->status().ok()) return metrics;
  metrics.seconds = numbers[0];
  for (std::size_t i = 0; i < std::size(kNumbers); ++i) {
    if (!std::isnan(numbers[i + 1])) metrics.*kNumbers[i] = numbers[i + 1];
  }
  const std::int64_t active = reader->Integer("active_neurons");
  if (active >= 0) metrics.active_neurons = active;
  return metrics;
}

}  // namespace

State Fingerprint(const Spec& spec, const RegularizationPath& path, const TensorData& data,
                  const ActivationPatterns& patterns) {
  State state = descent::DataFingerprint({data.features, data.targets, data.test_features, data.test_targets});
  const auto put = [&state](const char* name, std::string text) {
    state[absl::StrCat("run/", name)] = std::move(text);
  };
  put("format", absl::StrCat("path ", kPathFormat));
  put("patterns", descent::Digest(patterns.mask));
  put("activation", Name(path.convex.activation));
  put("points", absl::StrCat(path.points));
  put("min_fraction", absl::StrFormat("%.17g", path.min_fraction));
  put("loss", Name(spec.loss));
  put("loss_scale", Name(spec.loss_scale));
  put("penalty", Name(spec.penalty));
  put("stopping", absl::StrFormat("%d epochs, tolerance %.17g", spec.stopping.max_epochs, spec.stopping.tolerance));
  return state;
}

std::string ToBytes(const PathState& path, const State& fingerprint) {
  State state = fingerprint;
  state["next"] = std::int64_t{path.next};
  state["beta_max"] = path.beta_max;
  state["reports"] = path.reports;
  state["seconds"] = path.seconds;
  for (std::size_t i = 0; i < path.models.size(); ++i) {
    const PathModel& model = path.models[i];
    const std::string prefix = absl::StrCat("models/", i, "/");
    convex::SaveMatrix(prefix + "first_layer", model.network.first_layer, &state);
    convex::SaveMatrix(prefix + "second_layer", model.network.second_layer, &state);
    convex::SaveMatrix(prefix + "gates", model.network.gates, &state);
    PutMetrics(prefix, model.metrics, &state);
    state[prefix + "epochs"] = model.epochs;
    state[prefix + "verified"] = std::int64_t{model.verified};
  }
  if (path.start.has_value()) {
    convex::SaveStart("start/", *path.start, &state);
  }
  return descent::ToBytes(state);
}

absl::StatusOr<PathState> FromBytes(const std::string& bytes, const State& fingerprint, const at::Tensor& like) {
  auto state = descent::FromBytes(bytes);
  if (!state.ok()) return state.status();
  descent::StateReader reader(*state, "");
  if (absl::Status other = descent::CheckFingerprint(*state, fingerprint); !other.ok()) return other;
  PathState path;
  path.next = static_cast<std::int32_t>(reader.Integer("next"));
  path.beta_max = reader.Number("beta_max");
  path.reports = reader.Integer("reports");
  path.seconds = reader.Number("seconds");
  for (std::int32_t i = 0; reader.status().ok() && i < path.next; ++i) {
    descent::StateReader entry(*state, absl::StrCat("models/", i, "/"));
    PathModel model;
    model.network.first_layer = convex::LoadMatrix("first_layer", like.options(), &entry);
    model.network.second_layer = convex::LoadMatrix("second_layer", like.options(), &entry);
    model.network.gates = convex::LoadMatrix("gates", like.options(), &entry);
    model.network.activation = model.network.gates.defined() ? Activation::kGated : Activation::kRelu;
    model.metrics = GetMetrics(i, &entry);
    model.epochs = entry.Integer("epochs");
    model.verified = entry.Integer("verified") != 0;
    if (!entry.status().ok()) return entry.status();
    path.models.push_back(std::move(model));
  }
  if (reader.Has("start/positive")) {
    path.start = convex::LoadStart("start/", like.options(), &reader);
  }
  if (!reader.status().ok()) return reader.status();
  return path;
}

}  // namespace cvxnn::training
