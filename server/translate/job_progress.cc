// SPDX-License-Identifier: Apache-2.0
// Metrics, results and models as messages; see job_progress.h.
#include "server/translate/job_progress.h"

#include <ATen/ATen.h>

#include <optional>

#include "server/translate/capabilities.h"
#include "server/translate/choose.h"

namespace cvxnn::server {
namespace {

// Calls visit(core's optional, has, get, set) for every optional field, so that both directions share one list.
#define CVXNN_OPTIONAL_METRICS(VISIT) \
  VISIT(objective)                    \
  VISIT(loss)                         \
  VISIT(penalty)                      \
  VISIT(train_accuracy)               \
  VISIT(test_accuracy)                \
  VISIT(test_loss)                    \
  VISIT(network_objective)            \
  VISIT(lower_bound)                  \
  VISIT(gap)                          \
  VISIT(constraint_violation)         \
  VISIT(active_neurons)               \
  VISIT(step_size)                    \
  VISIT(gradient_norm)                \
  VISIT(changed_patterns)             \
  VISIT(distinct_patterns)            \
  VISIT(dead_neurons)                 \
  VISIT(beta)                         \
  VISIT(round)

v1::Activation ActivationToProto(Activation activation) { return Reverse(kDescentActivations, activation); }

}  // namespace

v1::EpochMetrics MetricsToProto(const training::EpochMetrics& from) {
  v1::EpochMetrics to;
  to.set_trial(from.trial);
  to.set_epoch(from.epoch);
  to.set_seconds(from.seconds);
#define CVXNN_TO(field) \
  if (from.field.has_value()) to.set_##field(*from.field);
  CVXNN_OPTIONAL_METRICS(CVXNN_TO)
#undef CVXNN_TO
  return to;
}

training::EpochMetrics MetricsFromProto(const v1::EpochMetrics& from) {
  training::EpochMetrics to;
  to.trial = from.trial();
  to.epoch = from.epoch();
  to.seconds = from.seconds();
#define CVXNN_FROM(field) \
  if (from.has_##field()) to.field = from.field();
  CVXNN_OPTIONAL_METRICS(CVXNN_FROM)
#undef CVXNN_FROM
  return to;
}
#undef CVXNN_OPTIONAL_METRICS

v1::Termination TerminationToProto(training::Termination termination) {
  switch (termination) {
    case training::Termination::kConverged:
      return v1::TERMINATION_CONVERGED;
    case training::Termination::kEpochLimit:
      return v1::TERMINATION_EPOCH_LIMIT;
    case training::Termination::kTimeLimit:
      return v1::TERMINATION_TIME_LIMIT;
    case training::Termination::kStopped:
      return v1::TERMINATION_STOPPED;
    case training::Termination::kStalled:
      return v1::TERMINATION_STALLED;
    case training::Termination::kDiverged:
      return v1::TERMINATION_DIVERGED;
    case training::Termination::kNumericalTrouble:
      return v1::TERMINATION_NUMERICAL_TROUBLE;
  }
  return v1::TERMINATION_UNSPECIFIED;
}

v1::TrialSetting SettingToProto(const training::TrialSetting& setting) {
  v1::TrialSetting to;
  to.set_training_rows(setting.training_rows);
  to.set_neurons(setting.neurons);
  to.set_learning_rate(setting.learning_rate);
  to.set_beta(setting.beta);
  return to;
}

v1::JobResult ResultToProto(const training::Result& result, const std::vector<std::string>& models) {
  const auto& summary = result.summary;
  v1::JobResult to;
  to.set_termination(TerminationToProto(summary.termination));
  to.set_message(summary.message);
  to.set_beta(summary.beta);
  to.set_patterns(summary.patterns);
  to.set_precision(Reverse(kPrecisions, summary.precision));
  to.set_device(summary.device);
  to.set_solver(summary.solver);
  to.set_epochs(summary.epochs);
  to.set_seconds(summary.seconds);
  if (summary.certificate.has_value()) {
    to.mutable_certificate()->set_restricted(summary.certificate->restricted);
    to.mutable_certificate()->set_verified(summary.certificate->verified);
    to.mutable_certificate()->set_searched(summary.certificate->searched);
  }
  for (std::size_t i = 0; i < result.models.size() && i < models.size(); ++i) {
    auto* model = to.add_models();
    model->set_model(models[i]);
    model->set_trial(result.models[i].final_metrics.trial);
    *model->mutable_metrics() = MetricsToProto(result.models[i].final_metrics);
    model->set_diverged(result.models[i].diverged);
    if (result.models[i].diverged_epoch) model->set_diverged_epoch(*result.models[i].diverged_epoch);
    if (result.models[i].setting) *model->mutable_setting() = SettingToProto(*result.models[i].setting);
  }
  if (result.best < models.size()) to.set_best_model(models[result.best]);
  return to;
}

v1::Model ModelToProto(const Network& network, const training::EpochMetrics& metrics) {
  v1::Model to;
  to.set_trial(metrics.trial);
  to.set_activation(ActivationToProto(network.activation));
  to.set_inputs(network.inputs());
  to.set_neurons(network.neurons());
  to.set_outputs(network.outputs());
  to.set_data_type(network.first_layer.scalar_type() == at::kDouble ? v1::DATA_TYPE_FLOAT64 : v1::DATA_TYPE_FLOAT32);
  *to.mutable_metrics() = MetricsToProto(metrics);
  return to;
}

}  // namespace cvxnn::server
