// SPDX-License-Identifier: Apache-2.0
// See ranges.h.
#include "core/descent/ranges.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "core/descent/grid.h"
#include "core/descent/snapshot_epochs.h"

namespace cvxnn::descent {
namespace {

/// Checks the fields of one message, whose path stands before their names.
class Fields {
 public:
  Fields(std::string path, RangeFault fault) : path_(std::move(path)), fault_(fault) {}

  template <typename Value>
  void Require(bool ok, const std::string& field, const Value& value, const std::string& allowed) const {
    if (!ok) fault_(path_ + field, absl::StrCat(value), allowed);
  }
  void Positive(const char* field, double value) const {
    Require(std::isfinite(value) && value > 0, field, value, "finite and above 0");
  }
  void NotNegative(const char* field, double value) const {
    Require(std::isfinite(value) && value >= 0, field, value, "finite and at least 0");
  }
  /// Of initial weights: the network's outputs, which grow with its square, must be finite.
  void Scale(const char* field, double value) const {
    Require(value > 0 && value <= kMaxScale, field, value, absl::StrCat("above 0 and at most ", kMaxScale));
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

/// One list of a grid: few enough values, each in its range and none twice.
template <typename Value, typename InRange>
void CheckGridList(const Fields& fields, const std::string& name, const std::vector<Value>& values,
                   const std::string& allowed, const InRange& in_range) {
  const auto count = static_cast<std::int64_t>(values.size());
  fields.Require(count <= kMaxGridValues, name, absl::StrCat(count, " values"),
                 absl::StrCat("at most ", kMaxGridValues, " values"));
  if (count > kMaxGridValues) return;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::string field = absl::StrCat(name, "[", i, "]");
    fields.Require(in_range(values[i]), field, values[i], allowed);
    fields.Require(std::find(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(i), values[i]) ==
                       values.begin() + static_cast<std::ptrdiff_t>(i),
                   field, values[i], "given once");
  }
}

void CheckGrid(const Method& method, RangeFault fault) {
  const Grid& grid = method.grid;
  const Fields fields("grid.", fault);
  const auto positive = [](double value) { return std::isfinite(value) && value > 0; };
  CheckGridList(fields, "training_rows", grid.training_rows, "at least 1", [](std::int64_t rows) { return rows >= 1; });
  CheckGridList(fields, "neurons", grid.neurons, absl::StrCat("1 to ", kMaxNeurons),
                [](std::int64_t neurons) { return neurons >= 1 && neurons <= kMaxNeurons; });
  CheckGridList(fields, "learning_rates", grid.learning_rates, "finite and above 0", positive);
  CheckGridList(fields, "betas", grid.betas, absl::StrCat("above 0 and at most ", kMaxBeta),
                [](double beta) { return beta > 0 && beta <= kMaxBeta; });
  fields.Require(grid.neurons.empty() || !std::holds_alternative<FromModels>(method.initialization), "neurons",
                 absl::StrCat(grid.neurons.size(), " values"), "absent with initialization.from_models");
  if (method.learning_rate) {
    Fields("", fault).Require(grid.learning_rates.empty(), "learning_rate", *method.learning_rate,
                              "absent with grid.learning_rates");
  }
  if (method.trials < 1 || method.trials > kMaxTrials) return;
  const std::int64_t trials = TrialsInAll(method);
  Fields("", fault).Require(Combinations(grid) == 1 || trials <= kMaxGridTrials, "grid",
                            absl::StrCat(trials, " trials"),
                            absl::StrCat("at most ", kMaxGridTrials, " trials in all"));
}

struct CheckSpacing {
  RangeFault fault;

  void operator()(const EveryEpochs& every) const {
    Fields("snapshots.", fault).Integer("every_epochs", every.epochs, 1, kMaxReportEpochs);
  }
  void operator()(const PerDecade& decade) const {
    Fields("snapshots.", fault).Integer("per_decade", decade.count, 1, kMaxPerDecade);
  }
};

/// What is bounded by the learning rate, which training begins with in the least or the greatest of a grid.
void CheckAgainstRate(const Method& method, RangeFault fault) {
  double least = LearningRate(method);
  double greatest = least;
  if (const auto& rates = method.grid.learning_rates; !rates.empty()) {
    least = *std::min_element(rates.begin(), rates.end());
    greatest = *std::max_element(rates.begin(), rates.end());
  }
  if (!(least > 0) || !std::isfinite(greatest)) return;  // said already
  const Fields fields("", fault);
  if (const auto* cosine = std::get_if<CosineAnnealing>(&method.schedule.kind)) {
    fields.Require(!(cosine->minimum_rate > least), "schedule.cosine.minimum_rate", cosine->minimum_rate,
                   absl::StrCat("at most the learning rate, ", least));
  }
  // A step takes rate * weight_decay of each weight away: more than all of it turns the weights around ever faster.
  if (const auto* adamw = std::get_if<AdamW>(&method.optimizer)) {
    fields.Require(!(adamw->weight_decay * greatest > 1), "optimizer.adamw.weight_decay", adamw->weight_decay,
                   absl::StrCat("at most 1 / learning_rate = ", 1 / greatest));
  }
}

/// What `check` reports first, as a status.
absl::Status FirstFault(const std::string& prefix, absl::FunctionRef<void(RangeFault)> check) {
  absl::Status first;
  check([&](const std::string& field, const std::string& value, const std::string& allowed) {
    if (first.ok()) {
      first = absl::InvalidArgumentError(absl::StrCat(prefix, field, " = ", value, ": must be ", allowed));
    }
  });
  return first;
}

}  // namespace

void CheckRanges(const Method& method, RangeFault fault) {
  const Fields fields("", fault);
  const auto* models = std::get_if<FromModels>(&method.initialization);
  if (models == nullptr) fields.Integer("neurons", method.neurons, 1, kMaxNeurons);
  if (method.learning_rate) fields.Positive("learning_rate", *method.learning_rate);
  std::visit(CheckOptimizer{fault}, method.optimizer);
  std::visit(CheckSchedule{fault}, method.schedule.kind);
  CheckAgainstRate(method, fault);
  const LinearWarmup& warmup = method.schedule.warmup;
  fields.Require(warmup.epochs >= 0 && warmup.epochs <= kMaxScheduleEpochs, "schedule.warmup.epochs", warmup.epochs,
                 absl::StrCat("1 to ", kMaxScheduleEpochs));  // 0, no warm-up, is said by leaving it out
  fields.Require(warmup.start_factor > 0 && warmup.start_factor <= 1, "schedule.warmup.start_factor",
                 warmup.start_factor, "above 0 and at most 1");
  if (method.clip_norm) fields.Positive("clip_norm", *method.clip_norm);
  fields.Require(method.batch_size >= 0, "batch_size", method.batch_size, "at least 0 (0: full batch)");
  fields.Integer("trials", method.trials, 1, kMaxTrials);
  if (const auto* gaussian = std::get_if<Gaussian>(&method.initialization)) {
    fields.Scale("initialization.gaussian.scale", gaussian->scale);
  }
  if (const auto* balanced = std::get_if<BalancedGaussian>(&method.initialization)) {
    fields.Scale("initialization.balanced.scale", balanced->scale);
  }
  if (models != nullptr) {
    const auto count = static_cast<std::int64_t>(models->models.size());
    fields.Require(count == 1 || count == method.trials, "initialization.from_models.models", count,
                   absl::StrCat("1 name, or one for each of ", method.trials, " trials"));
  }
  CheckGrid(method, fault);
  fields.Integer("reports.every_epochs", method.reports.every_epochs, 1, kMaxReportEpochs);
  if (method.snapshots) std::visit(CheckSpacing{fault}, method.snapshots->spacing);
  if (!std::holds_alternative<Lbfgs>(method.optimizer)) return;
  // Its model of the curvature and its line search need one function, not another one each step.
  fields.Require(method.batch_size <= 0, "batch_size", method.batch_size,
                 "0 (full batch) with optimizer.lbfgs, whose line search needs all rows");
  if (method.clip_norm) fields.Require(false, "clip_norm", *method.clip_norm, "absent with optimizer.lbfgs");
}

absl::Status CheckRanges(const Method& method, const std::string& prefix) {
  return FirstFault(prefix, [&](RangeFault fault) { CheckRanges(method, fault); });
}

absl::Status CheckTrainingRows(const Grid& grid, std::int64_t rows, const std::string& prefix) {
  for (std::size_t i = 0; i < grid.training_rows.size(); ++i) {
    if (grid.training_rows[i] <= rows) continue;
    return absl::InvalidArgumentError(absl::StrCat(prefix, "grid.training_rows[", i, "] = ", grid.training_rows[i],
                                                   ": must be 1 to ", rows, ", the training rows"));
  }
  return absl::OkStatus();
}

void CheckSnapshots(const Method& method, std::int64_t max_epochs, RangeFault fault) {
  const std::int64_t epochs = SnapshotEpochs(method.snapshots, max_epochs).count();
  const std::int64_t trials = TrialsInAll(method);
  Fields("", fault).Require(epochs <= kMaxSnapshots / trials, "snapshots",
                            absl::StrCat(epochs, " epochs of ", trials, " trials"),
                            absl::StrCat("at most ", kMaxSnapshots, " snapshots in all"));
}

absl::Status CheckSnapshots(const Method& method, std::int64_t max_epochs, const std::string& prefix) {
  return FirstFault(prefix, [&](RangeFault fault) { CheckSnapshots(method, max_epochs, fault); });
}

}  // namespace cvxnn::descent
