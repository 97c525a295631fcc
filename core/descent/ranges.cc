// SPDX-License-Identifier: Apache-2.0
// See ranges.h.
#include "core/descent/ranges.h"

#include <cmath>

#include "absl/strings/str_cat.h"

namespace cvxnn::descent {
namespace {

/// Checks the fields of one message, whose path stands before their names.
class Fields {
 public:
  Fields(std::string path, RangeFault fault) : path_(std::move(path)), fault_(fault) {}

  template <typename Value>
  void Require(bool ok, const char* field, Value value, const std::string& allowed) const {
    if (!ok) fault_(path_ + field, absl::StrCat(value), allowed);
  }
  void Positive(const char* field, double value) const {
    Require(std::isfinite(value) && value > 0, field, value, "finite and above 0");
  }
  void NotNegative(const char* field, double value) const {
    Require(std::isfinite(value) && value >= 0, field, value, "finite and at least 0");
  }
  /// A share of the past that is kept.
  void Decay(const char* field, double value) const {
    Require(value >= 0 && value < 1, field, value, "at least 0 and below 1");
  }
  void Factor(const char* field, double value) const {
    Require(value > 0 && value < 1, field, value, "above 0 and below 1");
  }
  void Integer(const char* field, std::int64_t value, std::int64_t least, std::int64_t most) const {
    Require(value >= least && value <= most, field, value, absl::StrCat(least, " to ", most));
  }

 private:
  std::string path_;
  RangeFault fault_;
};

struct CheckOptimizer {
  RangeFault fault;

  void operator()(const Sgd& sgd) const {
    const Fields fields("optimizer.sgd.", fault);
    fields.Decay("momentum", sgd.momentum);
    fields.Require(!sgd.nesterov || sgd.momentum > 0, "nesterov", "true", "false without momentum");
  }
  void operator()(const Adam& adam) const { Moments("optimizer.adam.", adam); }
  void operator()(const AdamW& adamw) const {
    Moments("optimizer.adamw.", adamw);
    Fields("optimizer.adamw.", fault).NotNegative("weight_decay", adamw.weight_decay);
  }
  void operator()(const Adagrad& adagrad) const {
    const Fields fields("optimizer.adagrad.", fault);
    fields.NotNegative("rate_decay", adagrad.rate_decay);
    fields.NotNegative("initial_accumulator", adagrad.initial_accumulator);
    fields.Positive("epsilon", adagrad.epsilon);
  }
  void operator()(const Adadelta& adadelta) const {
    const Fields fields("optimizer.adadelta.", fault);
    fields.Decay("rho", adadelta.rho);
    fields.Positive("epsilon", adadelta.epsilon);
  }
  void operator()(const RmsProp& rmsprop) const {
    const Fields fields("optimizer.rmsprop.", fault);
    fields.Decay("alpha", rmsprop.alpha);
    fields.Positive("epsilon", rmsprop.epsilon);
    fields.Decay("momentum", rmsprop.momentum);
  }
  void operator()(const Lbfgs& lbfgs) const {
    const Fields fields("optimizer.lbfgs.", fault);
    fields.Integer("history", lbfgs.history, 1, kMaxHistory);
    fields.NotNegative("gradient_tolerance", lbfgs.gradient_tolerance);
    fields.NotNegative("change_tolerance", lbfgs.change_tolerance);
  }

 private:
  template <typename AdamLike>
  void Moments(const char* path, const AdamLike& adam) const {
    const Fields fields(path, fault);
    fields.Decay("beta1", adam.beta1);
    fields.Decay("beta2", adam.beta2);
    fields.Positive("epsilon", adam.epsilon);
  }
};

struct CheckSchedule {
  RangeFault fault;

  void operator()(const ConstantRate& /*constant*/) const {}
  void operator()(const ReduceOnPlateau& plateau) const {
    const Fields fields("schedule.reduce_on_plateau.", fault);
    fields.Factor("factor", plateau.factor);
    fields.Integer("patience", plateau.patience, 0, kMaxScheduleEpochs);
    fields.Decay("threshold", plateau.threshold);
    fields.Integer("cooldown", plateau.cooldown, 0, kMaxScheduleEpochs);
    fields.NotNegative("minimum_rate", plateau.minimum_rate);
  }
  void operator()(const ExponentialDecay& exponential) const {
    Fields("schedule.exponential.", fault).Factor("factor", exponential.factor);
  }
  void operator()(const StepDecay& step) const {
    const Fields fields("schedule.step.", fault);
    fields.Integer("epochs", step.epochs, 1, kMaxScheduleEpochs);
    fields.Factor("factor", step.factor);
  }
  void operator()(const CosineAnnealing& cosine) const {
    const Fields fields("schedule.cosine.", fault);
    fields.Integer("epochs", cosine.epochs, 1, kMaxScheduleEpochs);
    fields.NotNegative("minimum_rate", cosine.minimum_rate);
  }
};

}  // namespace

void CheckRanges(const Method& method, RangeFault fault) {
  const Fields fields("", fault);
  const auto* models = std::get_if<FromModels>(&method.initialization);
  if (models == nullptr) fields.Integer("neurons", method.neurons, 1, kMaxNeurons);
  if (method.learning_rate) fields.Positive("learning_rate", *method.learning_rate);
  std::visit(CheckOptimizer{fault}, method.optimizer);
  std::visit(CheckSchedule{fault}, method.schedule.kind);
  const LinearWarmup& warmup = method.schedule.warmup;
  fields.Integer("schedule.warmup.epochs", warmup.epochs, 0, kMaxScheduleEpochs);
  fields.Require(warmup.start_factor > 0 && warmup.start_factor <= 1, "schedule.warmup.start_factor",
                 warmup.start_factor, "above 0 and at most 1");
  if (method.clip_norm) fields.Positive("clip_norm", *method.clip_norm);
  fields.Require(method.batch_size >= 0, "batch_size", method.batch_size, "at least 0 (0: full batch)");
  fields.Integer("trials", method.trials, 1, kMaxTrials);
  if (const auto* gaussian = std::get_if<Gaussian>(&method.initialization)) {
    fields.Positive("initialization.gaussian.scale", gaussian->scale);
  }
  if (const auto* balanced = std::get_if<BalancedGaussian>(&method.initialization)) {
    fields.Positive("initialization.balanced.scale", balanced->scale);
  }
  if (models != nullptr) {
    const auto count = static_cast<std::int64_t>(models->models.size());
    fields.Require(count == 1 || count == method.trials, "initialization.from_models.models", count,
                   absl::StrCat("1 name, or one for each of ", method.trials, " trials"));
  }
  if (!std::holds_alternative<Lbfgs>(method.optimizer)) return;
  // Its model of the curvature and its line search need one function, not another one each step.
  fields.Require(method.batch_size <= 0, "batch_size", method.batch_size,
                 "0 (full batch) with optimizer.lbfgs, whose line search needs all rows");
  if (method.clip_norm) fields.Require(false, "clip_norm", *method.clip_norm, "absent with optimizer.lbfgs");
}

absl::Status CheckRanges(const Method& method, const std::string& prefix) {
  absl::Status first;
  CheckRanges(method, [&](const std::string& field, const std::string& value, const std::string& allowed) {
    if (first.ok()) {
      first = absl::InvalidArgumentError(absl::StrCat(prefix, field, " = ", value, ": must be ", allowed));
    }
  });
  return first;
}

}  // namespace cvxnn::descent
