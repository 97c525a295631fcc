// SPDX-License-Identifier: Apache-2.0
// The loop over epochs. Every epoch ends with a forward pass over all rows at the weights reached; in full batch that
// pass also gives the gradient of the next step, so that an epoch costs one forward and one backward pass.
#include "core/descent/descent.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/descent/engines/engine.h"
#include "core/descent/initial_weights.h"
#include "core/descent/memory.h"
#include "core/descent/optimizers/optimizer.h"
#include "core/descent/row_math.h"
#include "core/descent/schedule.h"
#include "core/descent/trial_weights.h"
#include "core/torch/runtime.h"

namespace cvxnn::descent {
namespace {

using Clock = std::chrono::steady_clock;

class Descent {
 public:
  Descent(const Options& options, const Data& data, const Observers& observers)
      : options_(options),
        data_(data),
        observers_(observers),
        rows_(data.features.size(0)),
        test_rows_(data.test_features.defined() ? data.test_features.size(0) : 0),
        step_rows_(StepRows(options, data)),
        weights_(
            InitialWeights(options, {data.features.size(1), options.neurons, data.targets.size(1)}, data.features)),
        finished_epoch_(weights_.flat.clone()),
        update_(MakeWeightUpdate(options.optimizer, weights_.flat)),
        schedule_(options.schedule, LearningRate(options), static_cast<std::size_t>(options.trials)),
        rates_(schedule_.RatesOf(1)),
        engine_(MakeEngine(options, data, weights_)),
        in_training_(static_cast<std::size_t>(options.trials)) {
    std::iota(in_training_.begin(), in_training_.end(), std::size_t{0});
    result_.trials.resize(in_training_.size());
  }

  absl::StatusOr<Result> Run() {
    FinishEpoch(0);
    for (std::size_t index = 0; index < result_.trials.size(); ++index) {
      if (!result_.trials[index].diverged_at) continue;
      return absl::InvalidArgumentError(
          absl::StrCat("trial ", options_.first_trial + static_cast<std::int64_t>(index),
                       ": the objective is not finite before training; scale the data or the initial weights down"));
    }
    result_.ending = Epochs();
    for (std::size_t slot = 0; slot < in_training_.size(); ++slot) KeepNetwork(slot);
    return std::move(result_);
  }

 private:
  Ending Epochs() {
    if (!Report()) return Ending::kStopped;
    for (std::int64_t epoch = 1; epoch <= options_.max_epochs; ++epoch) {
      rates_ = schedule_.RatesOf(epoch);
      if (const auto interrupted = Steps(epoch)) return *interrupted;
      if (update_->finished()) return Ending::kConverged;
      FinishEpoch(epoch);
      if (!Report()) return Ending::kStopped;
      if (in_training_.empty()) return Ending::kDiverged;
    }
    return Ending::kEpochLimit;
  }

  bool full_batch() const { return step_rows_ == rows_; }

  /// The steps of one epoch; says why when it was left before its end.
  std::optional<Ending> Steps(std::int64_t epoch) {
    if (full_batch()) {
      if (const auto interrupted = Interrupted()) return interrupted;
      return TakeStep();
    }
    if (const auto interrupted = Shuffle(epoch)) return interrupted;
    for (std::int64_t begin = 0; begin < rows_; begin += step_rows_) {
      if (const auto interrupted = Interrupted()) return interrupted;
      const std::int64_t end = std::min(rows_, begin + step_rows_);
      batch_.clear();
      for (std::size_t slot = 0; slot < in_training_.size(); ++slot) {
        batch_.insert(batch_.end(), orders_[slot].begin() + begin, orders_[slot].begin() + end);
      }
      engine_->BatchGradient(batch_);
      if (const auto interrupted = TakeStep()) return interrupted;
    }
    return std::nullopt;
  }

  /// One step along the gradient at hand.
  std::optional<Ending> TakeStep() {
    if (options_.clip_norm) ClipRows(weights_.gradient, *options_.clip_norm);
    update_->Apply(weights_.flat, weights_.gradient, {rates_, objectives_, evaluate_});
    return std::exchange(interrupted_, std::nullopt);
  }

  /// Objectives and gradients at the weights as they are, for a line search; false when it is to be left.
  bool Evaluate(std::vector<double>* objectives) {
    interrupted_ = Interrupted();
    if (interrupted_) return false;
    const std::vector<RowSums> train = engine_->TrainPass(true);
    const std::vector<WeightSums> weights = engine_->MeasureWeights();
    for (std::size_t slot = 0; slot < train.size(); ++slot) {
      (*objectives)[slot] = Loss(train[slot], rows_) + Penalty(weights[slot]);
    }
    return true;
  }

  /// Draws the order of the rows for every trial in training.
  std::optional<Ending> Shuffle(std::int64_t epoch) {
    orders_.resize(in_training_.size());
    for (std::size_t slot = 0; slot < in_training_.size(); ++slot) {
      if (const auto interrupted = Interrupted()) return interrupted;
      orders_[slot].resize(static_cast<std::size_t>(rows_));
      RowOrder(options_.seed, options_.first_trial + static_cast<std::int64_t>(in_training_[slot]), epoch,
               &orders_[slot]);
    }
    return std::nullopt;
  }

  std::optional<Ending> Interrupted() const {
    if (observers_.should_stop && observers_.should_stop()) return Ending::kStopped;
    if (options_.max_seconds > 0 && Seconds() >= options_.max_seconds) return Ending::kTimeLimit;
    return std::nullopt;
  }

  double Seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

  /// Measures every trial in training, retires those that diverged and remembers the weights of the others.
  void FinishEpoch(std::int64_t epoch) {
    const bool gradient = full_batch() && epoch < options_.max_epochs;
    const std::vector<RowSums> train = engine_->TrainPass(gradient);
    const std::vector<RowSums> test = test_rows_ > 0 ? engine_->TestPass() : std::vector<RowSums>();
    const std::vector<WeightSums> weights = engine_->MeasureWeights();
    const double seconds = Seconds();

    std::vector<std::int64_t> alive;
    objectives_.clear();
    for (std::size_t slot = 0; slot < in_training_.size(); ++slot) {
      Trial& trial = result_.trials[in_training_[slot]];
      EpochReport report = ReportOf(slot, train[slot], test.empty() ? nullptr : &test[slot], weights[slot]);
      if (!std::isfinite(report.objective) || !std::isfinite(weights[slot].squares)) {
        trial.diverged_at = epoch;
        KeepNetwork(slot);
        continue;
      }
      report.trial = options_.first_trial + static_cast<std::int64_t>(in_training_[slot]);
      report.epoch = epoch;
      report.seconds = seconds;
      trial.last = report;
      objectives_.push_back(report.objective);
      if (epoch > 0) {
        ++result_.epochs;
        schedule_.Observe(slot, epoch, report.objective);
      }
      alive.push_back(static_cast<std::int64_t>(slot));
    }
    if (alive.size() < in_training_.size()) Retain(alive);
    finished_epoch_.copy_(weights_.flat);
  }

  double Loss(const RowSums& sums, std::int64_t rows) const {
    return SumMultiple(options_.loss_scale, static_cast<double>(rows)) * sums.loss;
  }

  double Penalty(const WeightSums& weights) const {
    return options_.penalty == cvxnn::Penalty::kNone ? 0 : 0.5 * options_.beta * weights.squares;
  }

  EpochReport ReportOf(std::size_t slot, const RowSums& train, const RowSums* test, const WeightSums& weights) const {
    EpochReport report;
    report.loss = Loss(train, rows_);
    report.penalty = Penalty(weights);
    report.objective = report.loss + report.penalty;
    const bool counted = options_.counting != Counting::kNone;
    if (counted) report.train_accuracy = static_cast<double>(train.right) / static_cast<double>(rows_);
    if (test != nullptr) {
      const double loss = Loss(*test, test_rows_);
      if (std::isfinite(loss)) report.test_loss = loss;
      if (counted) report.test_accuracy = static_cast<double>(test->right) / static_cast<double>(test_rows_);
    }
    report.active_neurons = weights.active;
    report.learning_rate = rates_[slot];
    return report;
  }

  /// Puts the network of a slot, as of the last finished epoch, into the result.
  void KeepNetwork(std::size_t slot) {
    result_.trials[in_training_[slot]].network = NetworkAt(finished_epoch_, weights_, static_cast<std::int64_t>(slot));
  }

  /// Lets the other trials go on without those that diverged.
  void Retain(const std::vector<std::int64_t>& alive) {
    const at::Tensor slots = at::tensor(alive, at::TensorOptions().device(at::kCPU).dtype(at::kLong));
    weights_.Keep(slots);
    update_->Keep(slots);
    schedule_.Keep(alive);
    finished_epoch_ = finished_epoch_.index_select(0, slots.to(finished_epoch_.device()));
    std::vector<std::size_t> left;
    for (const std::int64_t slot : alive) left.push_back(in_training_[static_cast<std::size_t>(slot)]);
    in_training_ = std::move(left);
  }

  /// Delivers the reports of the epoch just finished; false when the observer wants no more.
  bool Report() {
    if (!observers_.on_epoch) return true;
    for (const std::size_t index : in_training_) {
      if (!observers_.on_epoch(result_.trials[index].last)) return false;
    }
    return true;
  }

  const Clock::time_point start_ = Clock::now();
  const Options& options_;
  const Data& data_;
  const Observers& observers_;
  std::int64_t rows_;
  std::int64_t test_rows_;
  std::int64_t step_rows_;
  TrialWeights weights_;
  at::Tensor finished_epoch_;  ///< weights_.flat as of the last finished epoch, where every entry is finite
  std::unique_ptr<WeightUpdate> update_;
  RateSchedule schedule_;
  std::vector<double> rates_;  ///< of each slot in this epoch
  std::unique_ptr<Engine> engine_;
  std::vector<std::size_t> in_training_;  ///< slot -> index into result_.trials
  std::vector<double> objectives_;        ///< of each slot after the last epoch
  std::vector<std::vector<std::int64_t>> orders_;
  std::vector<std::int64_t> batch_;
  std::optional<Ending> interrupted_;  ///< why a line search was left
  const std::function<bool(std::vector<double>*)> evaluate_ = [this](std::vector<double>* objectives) {
    return Evaluate(objectives);
  };
  Result result_;
};

}  // namespace

absl::StatusOr<Result> RunDescent(const Options& options, const Data& data, const Observers& observers) {
  absl::StatusOr<Result> result = absl::InternalError("gradient descent did not run");
  const absl::Status status = GuardTorch("gradient descent", [&]() -> absl::Status {
    if (auto invalid = Validate(options, data); !invalid.ok()) return invalid;
    if (auto memory = CheckMemoryFits(options, data); !memory.ok()) return memory;
    const at::NoGradGuard no_gradients;
    result = Descent(options, data, observers).Run();
    return result.status();
  });
  if (!status.ok()) return status;
  return result;
}

}  // namespace cvxnn::descent
