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
#include "core/descent/optimizers/optimizer.h"
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
      if (const auto interrupted = Steps(epoch)) return *interrupted;
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
      update_->Apply(weights_.flat, weights_.gradient);
      return std::nullopt;
    }
    std::vector<std::vector<std::int64_t>> orders;
    for (const std::size_t index : in_training_) {
      orders.push_back(RowOrder(options_.seed, options_.first_trial + static_cast<std::int64_t>(index), epoch, rows_));
    }
    std::vector<std::int64_t> batch;
    for (std::int64_t begin = 0; begin < rows_; begin += step_rows_) {
      if (const auto interrupted = Interrupted()) return interrupted;
      const std::int64_t end = std::min(rows_, begin + step_rows_);
      batch.clear();
      for (const auto& order : orders) batch.insert(batch.end(), order.begin() + begin, order.begin() + end);
      engine_->BatchGradient(batch);
      update_->Apply(weights_.flat, weights_.gradient);
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
    for (std::size_t slot = 0; slot < in_training_.size(); ++slot) {
      Trial& trial = result_.trials[in_training_[slot]];
      EpochReport report = ReportOf(train[slot], test.empty() ? nullptr : &test[slot], weights[slot]);
      if (!std::isfinite(report.objective) || !std::isfinite(weights[slot].squares)) {
        trial.diverged_at = epoch;
        KeepNetwork(slot);
        continue;
      }
      report.trial = options_.first_trial + static_cast<std::int64_t>(in_training_[slot]);
      report.epoch = epoch;
      report.seconds = seconds;
      trial.last = report;
      if (epoch > 0) ++result_.epochs;
      alive.push_back(static_cast<std::int64_t>(slot));
    }
    if (alive.size() < in_training_.size()) Retain(alive);
    finished_epoch_.copy_(weights_.flat);
  }

  EpochReport ReportOf(const RowSums& train, const RowSums* test, const WeightSums& weights) const {
    EpochReport report;
    const auto rows = static_cast<double>(rows_);
    report.loss = 0.5 * HalfSumMultiple(options_.loss_scale, rows) * train.squares;
    report.penalty = options_.penalty == Penalty::kNone ? 0 : 0.5 * options_.beta * weights.squares;
    report.objective = report.loss + report.penalty;
    const bool counted = options_.counting != Counting::kNone;
    if (counted) report.train_accuracy = static_cast<double>(train.right) / rows;
    if (test != nullptr) {
      const auto test_rows = static_cast<double>(test_rows_);
      const double loss = 0.5 * HalfSumMultiple(options_.loss_scale, test_rows) * test->squares;
      if (std::isfinite(loss)) report.test_loss = loss;
      if (counted) report.test_accuracy = static_cast<double>(test->right) / test_rows;
    }
    report.active_neurons = weights.active;
    report.learning_rate = options_.optimizer.learning_rate;
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
  std::unique_ptr<Engine> engine_;
  std::vector<std::size_t> in_training_;  ///< slot -> index into result_.trials
  Result result_;
};

absl::Status CheckMemory(const Options& options, const Data& data) {
  if (!data.features.is_cpu()) return absl::OkStatus();
  const double needed = EstimatedBytes(options, data);
  const auto available = static_cast<double>(AvailableDevices().front().free_bytes);
  if (needed <= available) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat("trials = ", options.trials, " of ", options.neurons,
                                                   " neurons need about ", needed, " bytes, ", available,
                                                   " are available: train fewer at a time"));
}

}  // namespace

double EstimatedBytes(const Options& options, const Data& data) {
  const auto element = static_cast<double>(data.features.element_size());
  const auto neurons = static_cast<double>(options.neurons);
  const auto trials = static_cast<double>(options.trials);
  const auto width = static_cast<double>(data.features.size(1) + data.targets.size(1));
  // Initial weights in float64; weights, gradient, snapshot, and at most two matrices of state; the result; the gates.
  const double copies = options.activation == Activation::kGated ? 8 : 6;
  const double weights = trials * neurons * width * (copies * element + 8);
  const double workspace = options.workspace_bytes > 0 ? static_cast<double>(options.workspace_bytes) : 0x1p29;
  const double hidden = 3 * element * trials * neurons * static_cast<double>(data.features.size(0));
  return weights + std::min(workspace, hidden);
}

absl::StatusOr<Result> RunDescent(const Options& options, const Data& data, const Observers& observers) {
  absl::StatusOr<Result> result = absl::InternalError("gradient descent did not run");
  const absl::Status status = GuardTorch("gradient descent", [&]() -> absl::Status {
    if (auto invalid = Validate(options, data); !invalid.ok()) return invalid;
    if (auto memory = CheckMemory(options, data); !memory.ok()) return memory;
    const at::NoGradGuard no_gradients;
    result = Descent(options, data, observers).Run();
    return result.status();
  });
  if (!status.ok()) return status;
  return result;
}

}  // namespace cvxnn::descent
