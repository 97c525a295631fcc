// SPDX-License-Identifier: Apache-2.0
// See descent_spec.h.
#include "server/translate/descent_spec.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "core/descent/ranges.h"
#include "core/training/limits.h"
#include "server/translate/capabilities.h"
#include "server/translate/choose.h"
#include "server/translate/resource_name.h"

namespace cvxnn::server {
namespace {

using training::GradientDescent;

constexpr char kPath[] = "descent.";
// What each trial comes to has to fit into the job's message.
constexpr std::int64_t kMostTrials = 20000;

descent::Optimizer OptimizerFromProto(const v1::Optimizer& from) {
  switch (from.kind_case()) {
    case v1::Optimizer::kSgd:
      return descent::Sgd{from.sgd().momentum(), from.sgd().nesterov()};
    case v1::Optimizer::kAdam: {
      descent::Adam adam;
      if (from.adam().has_beta1()) adam.beta1 = from.adam().beta1();
      if (from.adam().has_beta2()) adam.beta2 = from.adam().beta2();
      if (from.adam().has_epsilon()) adam.epsilon = from.adam().epsilon();
      return adam;
    }
    case v1::Optimizer::kAdamw: {
      descent::AdamW adamw;
      if (from.adamw().has_beta1()) adamw.beta1 = from.adamw().beta1();
      if (from.adamw().has_beta2()) adamw.beta2 = from.adamw().beta2();
      if (from.adamw().has_epsilon()) adamw.epsilon = from.adamw().epsilon();
      if (from.adamw().has_weight_decay()) adamw.weight_decay = from.adamw().weight_decay();
      return adamw;
    }
    case v1::Optimizer::kAdagrad: {
      descent::Adagrad adagrad;
      adagrad.rate_decay = from.adagrad().rate_decay();
      adagrad.initial_accumulator = from.adagrad().initial_accumulator();
      if (from.adagrad().has_epsilon()) adagrad.epsilon = from.adagrad().epsilon();
      return adagrad;
    }
    case v1::Optimizer::kAdadelta: {
      descent::Adadelta adadelta;
      if (from.adadelta().has_rho()) adadelta.rho = from.adadelta().rho();
      if (from.adadelta().has_epsilon()) adadelta.epsilon = from.adadelta().epsilon();
      return adadelta;
    }
    case v1::Optimizer::kRmsprop: {
      descent::RmsProp rmsprop;
      if (from.rmsprop().has_alpha()) rmsprop.alpha = from.rmsprop().alpha();
      if (from.rmsprop().has_epsilon()) rmsprop.epsilon = from.rmsprop().epsilon();
      rmsprop.momentum = from.rmsprop().momentum();
      rmsprop.centered = from.rmsprop().centered();
      return rmsprop;
    }
    case v1::Optimizer::kLbfgs: {
      descent::Lbfgs lbfgs;
      if (from.lbfgs().has_history()) lbfgs.history = from.lbfgs().history();
      if (from.lbfgs().has_gradient_tolerance()) lbfgs.gradient_tolerance = from.lbfgs().gradient_tolerance();
      if (from.lbfgs().has_change_tolerance()) lbfgs.change_tolerance = from.lbfgs().change_tolerance();
      return lbfgs;
    }
    case v1::Optimizer::KIND_NOT_SET:
      break;
  }
  return descent::Sgd();
}

struct OptimizerToProto {
  v1::Optimizer* to;

  void operator()(const descent::Sgd& sgd) const {
    to->mutable_sgd()->set_momentum(sgd.momentum);
    to->mutable_sgd()->set_nesterov(sgd.nesterov);
  }
  void operator()(const descent::Adam& adam) const { Moments(adam, to->mutable_adam()); }
  void operator()(const descent::AdamW& adamw) const {
    Moments(adamw, to->mutable_adamw());
    to->mutable_adamw()->set_weight_decay(adamw.weight_decay);
  }
  void operator()(const descent::Adagrad& adagrad) const {
    to->mutable_adagrad()->set_rate_decay(adagrad.rate_decay);
    to->mutable_adagrad()->set_initial_accumulator(adagrad.initial_accumulator);
    to->mutable_adagrad()->set_epsilon(adagrad.epsilon);
  }
  void operator()(const descent::Adadelta& adadelta) const {
    to->mutable_adadelta()->set_rho(adadelta.rho);
    to->mutable_adadelta()->set_epsilon(adadelta.epsilon);
  }
  void operator()(const descent::RmsProp& rmsprop) const {
    to->mutable_rmsprop()->set_alpha(rmsprop.alpha);
    to->mutable_rmsprop()->set_epsilon(rmsprop.epsilon);
    to->mutable_rmsprop()->set_momentum(rmsprop.momentum);
    to->mutable_rmsprop()->set_centered(rmsprop.centered);
  }
  void operator()(const descent::Lbfgs& lbfgs) const {
    to->mutable_lbfgs()->set_history(lbfgs.history);
    to->mutable_lbfgs()->set_gradient_tolerance(lbfgs.gradient_tolerance);
    to->mutable_lbfgs()->set_change_tolerance(lbfgs.change_tolerance);
  }

 private:
  template <typename From, typename To>
  static void Moments(const From& from, To* message) {
    message->set_beta1(from.beta1);
    message->set_beta2(from.beta2);
    message->set_epsilon(from.epsilon);
  }
};

/// A schedule's required numbers stay at 0 when they are missing, which is out of their range; this says it plainly.
void RequireParameter(bool has, const std::string& path, const char* field, Violations* violations) {
  if (!has) violations->Wrong(absl::StrCat(path, "schedule.", field), "required");
}

descent::Schedule ScheduleFromProto(const v1::Schedule& from, const std::string& path, Violations* violations) {
  descent::Schedule to;
  switch (from.kind_case()) {
    case v1::Schedule::kReduceOnPlateau: {
      const v1::ReduceOnPlateau& message = from.reduce_on_plateau();
      descent::ReduceOnPlateau plateau;
      if (message.has_factor()) plateau.factor = message.factor();
      if (message.has_patience()) plateau.patience = message.patience();
      if (message.has_threshold()) plateau.threshold = message.threshold();
      plateau.cooldown = message.cooldown();
      plateau.minimum_rate = message.minimum_rate();
      to.kind = plateau;
      break;
    }
    case v1::Schedule::kExponential:
      RequireParameter(from.exponential().has_factor(), path, "exponential.factor", violations);
      to.kind = descent::ExponentialDecay{from.exponential().factor()};
      break;
    case v1::Schedule::kStep: {
      RequireParameter(from.step().has_epochs(), path, "step.epochs", violations);
      descent::StepDecay step{from.step().epochs()};
      if (from.step().has_factor()) step.factor = from.step().factor();
      to.kind = step;
      break;
    }
    case v1::Schedule::kCosine:
      RequireParameter(from.cosine().has_epochs(), path, "cosine.epochs", violations);
      to.kind = descent::CosineAnnealing{from.cosine().epochs(), from.cosine().minimum_rate()};
      break;
    case v1::Schedule::kConstant:
    case v1::Schedule::KIND_NOT_SET:
      break;
  }
  if (!from.has_warmup()) return to;
  RequireParameter(from.warmup().has_epochs(), path, "warmup.epochs", violations);
  to.warmup.epochs = from.warmup().epochs();
  if (from.warmup().has_epochs() && to.warmup.epochs == 0) {
    violations->Invalid(absl::StrCat(path, "schedule.warmup.epochs"), 0, "must be 1 to 1000000000");
  }
  if (from.warmup().has_start_factor()) to.warmup.start_factor = from.warmup().start_factor();
  return to;
}

struct ScheduleToProto {
  v1::Schedule* to;

  void operator()(const descent::ConstantRate& /*constant*/) const { to->mutable_constant(); }
  void operator()(const descent::ReduceOnPlateau& plateau) const {
    auto* message = to->mutable_reduce_on_plateau();
    message->set_factor(plateau.factor);
    message->set_patience(plateau.patience);
    message->set_threshold(plateau.threshold);
    message->set_cooldown(plateau.cooldown);
    message->set_minimum_rate(plateau.minimum_rate);
  }
  void operator()(const descent::ExponentialDecay& exponential) const {
    to->mutable_exponential()->set_factor(exponential.factor);
  }
  void operator()(const descent::StepDecay& step) const {
    to->mutable_step()->set_epochs(step.epochs);
    to->mutable_step()->set_factor(step.factor);
  }
  void operator()(const descent::CosineAnnealing& cosine) const {
    to->mutable_cosine()->set_epochs(cosine.epochs);
    to->mutable_cosine()->set_minimum_rate(cosine.minimum_rate);
  }
};

descent::Initialization InitializationFromProto(const v1::Initialization& from, Violations* violations) {
  switch (from.kind_case()) {
    case v1::Initialization::kKaiming:
      return descent::Kaiming();
    case v1::Initialization::kGaussian:
      return from.gaussian().has_scale() ? descent::Gaussian{from.gaussian().scale()} : descent::Gaussian();
    case v1::Initialization::kBalanced:
      return from.balanced().has_scale() ? descent::BalancedGaussian{from.balanced().scale()}
                                         : descent::BalancedGaussian();
    case v1::Initialization::kFromModels: {
      descent::FromModels models;
      for (const std::string& name : from.from_models().models()) {
        CheckResourceName("models", name, absl::StrCat(kPath, "initialization.from_models.models"), violations);
        models.models.push_back(name);
      }
      return models;
    }
    case v1::Initialization::kTorchLinear:
    case v1::Initialization::KIND_NOT_SET:
      break;
  }
  return descent::TorchLinear();
}

struct InitializationToProto {
  v1::Initialization* to;

  void operator()(const descent::TorchLinear& /*linear*/) const { to->mutable_torch_linear(); }
  void operator()(const descent::Kaiming& /*kaiming*/) const { to->mutable_kaiming(); }
  void operator()(const descent::Gaussian& gaussian) const { to->mutable_gaussian()->set_scale(gaussian.scale); }
  void operator()(const descent::BalancedGaussian& balanced) const {
    to->mutable_balanced()->set_scale(balanced.scale);
  }
  void operator()(const descent::FromModels& models) const {
    to->mutable_from_models();
    for (const std::string& name : models.models) to->mutable_from_models()->add_models(name);
  }
};

template <typename Value>
std::vector<Value> List(const google::protobuf::RepeatedField<Value>& from) {
  return {from.begin(), from.end()};
}

descent::Grid GridFromProto(const v1::GradientDescent& from, Violations* violations) {
  const v1::Grid& grid = from.grid();
  const std::string path = kPath;
  if (grid.neurons_size() > 0 && from.has_neurons()) {
    violations->Invalid(path + "neurons", from.neurons(), "must be absent with grid.neurons");
  }
  if (grid.neurons_size() > 0 && from.initialization().has_from_models()) {
    violations->Wrong(path + "grid.neurons", "must be absent with initialization.from_models: the width is theirs");
  }
  if (grid.learning_rates_size() > 0 && from.has_learning_rate()) {
    violations->Invalid(path + "learning_rate", from.learning_rate(), "must be absent with grid.learning_rates");
  }
  const auto values = [](int size) { return static_cast<double>(std::max(1, size)); };
  const double trials = values(grid.training_rows_size()) * values(grid.neurons_size()) *
                        values(grid.learning_rates_size()) * values(grid.betas_size()) *
                        static_cast<double>(std::max<std::int64_t>(1, from.trials()));
  if (from.has_grid() && trials > static_cast<double>(kMostTrials)) {
    violations->Wrong(path + "grid", absl::StrCat("makes ", trials, " trials: must be at most ", kMostTrials));
  }
  return {List(grid.training_rows()), List(grid.neurons()), List(grid.learning_rates()), List(grid.betas())};
}

void GridToProto(const descent::Grid& from, v1::GradientDescent* descent) {
  const auto add = [descent](const auto& values, auto* (v1::Grid::*field)()) {
    if (!values.empty()) (descent->mutable_grid()->*field)()->Add(values.begin(), values.end());
  };
  add(from.training_rows, &v1::Grid::mutable_training_rows);
  add(from.neurons, &v1::Grid::mutable_neurons);
  add(from.learning_rates, &v1::Grid::mutable_learning_rates);
  add(from.betas, &v1::Grid::mutable_betas);
}

std::optional<descent::Snapshots> SnapshotsFromProto(const v1::GradientDescent& from, Violations* violations) {
  if (!from.has_snapshots()) return std::nullopt;
  switch (from.snapshots().spacing_case()) {
    case v1::Snapshots::kEveryEpochs:
      return descent::Snapshots{descent::EveryEpochs{from.snapshots().every_epochs()}};
    case v1::Snapshots::kPerDecade:
      return descent::Snapshots{descent::PerDecade{from.snapshots().per_decade()}};
    case v1::Snapshots::SPACING_NOT_SET:
      violations->Wrong(absl::StrCat(kPath, "snapshots"), "required: set every_epochs or per_decade");
  }
  return std::nullopt;
}

struct SnapshotsToProto {
  v1::Snapshots* to;

  void operator()(const descent::EveryEpochs& every) const { to->set_every_epochs(every.epochs); }
  void operator()(const descent::PerDecade& decade) const { to->set_per_decade(decade.count); }
};

void CheckMethodRanges(const descent::Method& method, const std::string& path, Violations* violations) {
  descent::CheckRanges(method, [&](const std::string& field, const std::string& value, const std::string& allowed) {
    if (violations->Names(path + field)) return;  // said already, that it is required
    violations->InvalidText(path + field, value, absl::StrCat("must be ", allowed));
  });
}

void ScheduleTo(const descent::Schedule& from, v1::Schedule* to) {
  std::visit(ScheduleToProto{to}, from.kind);
  if (from.warmup.epochs == 0) return;
  to->mutable_warmup()->set_epochs(from.warmup.epochs);
  to->mutable_warmup()->set_start_factor(from.warmup.start_factor);
}

}  // namespace

training::PenaltyMethod PenaltyMethodFromProto(const v1::PenaltyMethod& from, const std::string& path,
                                               Violations* violations) {
  training::PenaltyMethod to;
  if (from.has_rho()) to.rho = from.rho();
  violations->Require(to.rho > 0 && to.rho <= training::kMaxRho, path + "rho", to.rho,
                      "must be above 0 and at most 1e+30");
  to.optimizer = OptimizerFromProto(from.optimizer());
  to.learning_rate = from.has_learning_rate() ? from.learning_rate() : descent::DefaultLearningRate(to.optimizer);
  to.schedule = ScheduleFromProto(from.schedule(), path, violations);
  to.batch_size = from.batch_size();
  CheckMethodRanges(convex::AsMethod(to), path, violations);
  return to;
}

v1::PenaltyMethod PenaltyMethodToProto(const training::PenaltyMethod& from) {
  v1::PenaltyMethod to;
  to.set_rho(from.rho);
  std::visit(OptimizerToProto{to.mutable_optimizer()}, from.optimizer);
  to.set_learning_rate(descent::LearningRate(convex::AsMethod(from)));
  ScheduleTo(from.schedule, to.mutable_schedule());
  to.set_batch_size(from.batch_size);
  return to;
}

GradientDescent DescentFromProto(const v1::GradientDescent& from, Violations* violations) {
  GradientDescent to;
  const std::string path = kPath;
  to.activation = Choose(kDescentActivations, from.activation(), path + "activation", violations);
  if (from.has_neurons()) to.neurons = from.neurons();
  to.optimizer = OptimizerFromProto(from.optimizer());
  to.grid = GridFromProto(from, violations);
  if (to.grid.learning_rates.empty()) {
    to.learning_rate = from.has_learning_rate() ? from.learning_rate() : descent::DefaultLearningRate(to.optimizer);
  }
  to.schedule = ScheduleFromProto(from.schedule(), path, violations);
  if (from.has_clip_norm()) to.clip_norm = from.clip_norm();
  to.batch_size = from.batch_size();
  if (from.trials() != 0) to.trials = from.trials();
  to.initialization = InitializationFromProto(from.initialization(), violations);
  if (from.reports().every_epochs() != 0) to.reports.every_epochs = from.reports().every_epochs();
  to.reports.gradient_norm = from.reports().gradient_norm();
  to.reports.pattern_statistics = from.reports().pattern_statistics();
  to.snapshots = SnapshotsFromProto(from, violations);
  if (from.initialization().has_from_models()) {
    const char* const theirs = "must be absent with initialization.from_models: it is that of the models";
    if (from.has_neurons()) violations->Invalid(path + "neurons", from.neurons(), theirs);
    if (from.activation() != v1::ACTIVATION_UNSPECIFIED) {
      violations->Invalid(path + "activation", ValueName(from.activation()), theirs);
    }
  }
  CheckMethodRanges(to, path, violations);
  return to;
}

v1::GradientDescent DescentToProto(const GradientDescent& from) {
  v1::GradientDescent to;
  if (!std::holds_alternative<descent::FromModels>(from.initialization)) {
    to.set_activation(Reverse(kDescentActivations, from.activation));
    if (from.grid.neurons.empty()) to.set_neurons(from.neurons);
  }
  std::visit(OptimizerToProto{to.mutable_optimizer()}, from.optimizer);
  if (from.grid.learning_rates.empty()) to.set_learning_rate(descent::LearningRate(from));
  ScheduleTo(from.schedule, to.mutable_schedule());
  if (from.clip_norm) to.set_clip_norm(*from.clip_norm);
  to.set_batch_size(from.batch_size);
  to.set_trials(from.trials);
  std::visit(InitializationToProto{to.mutable_initialization()}, from.initialization);
  GridToProto(from.grid, &to);
  to.mutable_reports()->set_every_epochs(from.reports.every_epochs);
  to.mutable_reports()->set_gradient_norm(from.reports.gradient_norm);
  to.mutable_reports()->set_pattern_statistics(from.reports.pattern_statistics);
  if (from.snapshots) std::visit(SnapshotsToProto{to.mutable_snapshots()}, from.snapshots->spacing);
  return to;
}

}  // namespace cvxnn::server
