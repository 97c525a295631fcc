// SPDX-License-Identifier: Apache-2.0
// The loop over epochs. In full batch an epoch ends with a pass over all rows at the weights reached, which also gives
// the gradient of the next step, so that an epoch costs one forward and one backward pass. With mini-batches that pass
// is made for epochs that are looked at, and where divergence cannot be excluded without it.
#include "core/descent/batch_descent.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <numeric>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/descent/engines/engine.h"
#include "core/descent/initial_weights.h"
#include "core/descent/optimizers/optimizer.h"
#include "core/descent/patterns.h"
#include "core/descent/row_math.h"
#include "core/descent/schedule.h"
#include "core/descent/snapshot_epochs.h"
#include "core/descent/trial_state.h"
#include "core/descent/trial_weights.h"

namespace cvxnn::descent {
namespace {

/// Under which a batch in training is saved.
constexpr char kBatch[] = "batch/";

/// Bytes up to which one thread copies faster than a tensor operation starts.
constexpr std::size_t kPlainCopy = std::size_t{1} << 18;

std::vector<double> RatesOf(const std::vector<TrialSetting>& settings) {
  std::vector<double> rates;
  for (const TrialSetting& setting : settings) rates.push_back(setting.learning_rate);
  return rates;
}

TrialWeights StartOf(const Batch& batch) {
  const Options& options = batch.options;
  const NetworkShape shape{batch.data.features.size(1), options.neurons, batch.data.targets.size(1)};
  TrialWeights weights = InitialWeights(options, shape, batch.data.features);
  weights.Repeat(static_cast<std::int64_t>(batch.settings.size()) / options.trials);
  std::vector<double> betas;
  for (const TrialSetting& setting : batch.settings) betas.push_back(setting.beta);
  weights.SetBetas(std::move(betas));
  return weights;
}

double LargestEntry(const at::Tensor& values) { return values.abs().max().item<double>(); }

class BatchDescent {
 public:
  BatchDescent(const Batch& batch, RunControl& control)
      : batch_(batch),
        options_(batch.options),
        control_(control),
        rows_(batch.data.features.size(0)),
        test_rows_(batch.data.test_features.defined() ? batch.data.test_features.size(0) : 0),
        step_rows_(StepRows(options_, batch.data)),
        weights_(StartOf(batch)),
        finished_weights_(weights_.flat.clone()),
        update_(MakeWeightUpdate(options_.optimizer, weights_.flat)),
        schedule_(options_.schedule, RatesOf(batch.settings)),
        rates_(schedule_.RatesOf(1)),
        engine_(MakeEngine(options_, batch.data, weights_)),
        snapshots_(options_.snapshots, options_.max_epochs),
        in_training_(batch.settings.size()) {
    std::iota(in_training_.begin(), in_training_.end(), std::size_t{0});
    result_.trials.resize(in_training_.size());
    for (std::size_t i = 0; i < in_training_.size(); ++i) result_.trials[i].setting = batch.settings[i];
    if (options_.reports.pattern_statistics) patterns_.emplace(batch.data.features, weights_);
    if (!full_batch()) SetHarmlessSquares();
    if (control.takes_snapshots()) next_snapshot_ = snapshots_.From(0);
  }

  /// From the start.
  absl::StatusOr<Result> Run() {
    FinishEpoch(0);
    for (std::size_t index = 0; index < result_.trials.size(); ++index) {
      if (!result_.trials[index].diverged_at) continue;
      return absl::InvalidArgumentError(
          absl::StrCat("trial ", NumberOf(index),
                       ": the objective is not finite before training; scale the data or the initial weights down"));
    }
    if (auto status = GiveSnapshots(); !status.ok()) return status;
    return Deliver() ? GoOn() : End(Ending::kStopped);
  }

  /// From where it was saved.
  absl::StatusOr<Result> Resume(const State& state) {
    if (auto status = Load(state); !status.ok()) return CheckpointRefused(std::move(status));
    return GoOn();
  }

 private:
  /// The epochs after epoch_.
  absl::StatusOr<Result> GoOn() {
    while (true) {
      if (update_->finished()) return End(EndingAtRest());
      if (epoch_ >= options_.max_epochs) return End(Ending::kEpochLimit);
      if (control_.CheckpointDue()) Save();
      rates_ = schedule_.RatesOf(epoch_ + 1);
      if (const auto interrupted = Steps()) return Interrupt(*interrupted);
      // The step that brings the last trial to rest counts; one that moved nothing is no epoch.
      if (update_->finished() && at::equal(weights_.flat, finished_weights_)) return End(EndingAtRest());
      FinishEpoch(epoch_ + 1);
      if (auto status = GiveSnapshots(); !status.ok()) return status;
      if (!Deliver()) return End(Ending::kStopped);
      if (in_training_.empty()) return End(Ending::kDiverged);
    }
  }

  /// Training was left, perhaps within an epoch. A run of which a checkpoint is then taken will go on: its last epoch
  /// is no special one.
  absl::StatusOr<Result> Interrupt(Ending why) {
    if (control_.CheckpointDue()) {
      if (saved_ != Place()) Save();
      deliver_ = deliver_ && why != Ending::kStopped;
    }
    return End(why);
  }

  absl::StatusOr<Result> End(Ending ending) {
    result_.ending = ending;
    ReportLastEpoch();
    for (std::size_t slot = 0; slot < in_training_.size(); ++slot) {
      KeepNetwork(slot);
      result_.trials[in_training_[slot]].stalled = update_->stalled(slot);
    }
    return std::move(result_);
  }

  bool full_batch() const { return step_rows_ == rows_; }

  std::int64_t NumberOf(std::size_t index) const {
    return options_.first_trial + batch_.first + static_cast<std::int64_t>(index);
  }

  Ending EndingAtRest() const {
    for (std::size_t slot = 0; slot < in_training_.size(); ++slot) {
      if (update_->stalled(slot)) return Ending::kStalled;
    }
    return Ending::kConverged;
  }

  /// The steps of the epoch after epoch_; says why when it was left before its end.
  std::optional<Ending> Steps() {
    if (full_batch()) {
      if (const auto interrupted = control_.Interrupted()) return interrupted;
      return TakeStep();
    }
    if (const auto interrupted = Shuffle()) return interrupted;
    while (row_ < rows_) {
      if (const auto interrupted = control_.Interrupted()) return interrupted;
      const std::int64_t end = std::min(rows_, row_ + step_rows_);
      step_.clear();
      for (std::size_t slot = 0; slot < in_training_.size(); ++slot) {
        step_.insert(step_.end(), orders_[slot].begin() + row_, orders_[slot].begin() + end);
      }
      engine_->BatchGradient(step_);
      if (const auto interrupted = TakeStep()) return interrupted;
      row_ = end;
    }
    row_ = 0;
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
    interrupted_ = control_.Interrupted();
    if (interrupted_) return false;
    ObjectivesAndGradients(objectives);
    return true;
  }

  void ObjectivesAndGradients(std::vector<double>* objectives) {
    const std::vector<RowSums>& train = engine_->TrainPass(true, false);
    const std::vector<WeightSums>& weights = engine_->MeasureWeights(Detail::kSquares);
    for (std::size_t slot = 0; slot < train.size(); ++slot) {
      (*objectives)[slot] = Loss(train[slot], rows_) + Penalty(weights_.betas[slot], weights[slot]);
    }
  }

  /// Draws the order of the rows for every trial in training.
  std::optional<Ending> Shuffle() {
    orders_.resize(in_training_.size());
    for (std::size_t slot = 0; slot < in_training_.size(); ++slot) {
      if (const auto interrupted = control_.Interrupted()) return interrupted;
      orders_[slot].resize(static_cast<std::size_t>(rows_));
      const auto stream = options_.first_trial + static_cast<std::int64_t>(in_training_[slot]) % options_.trials;
      RowOrder(options_.seed, stream, epoch_ + 1, &orders_[slot]);
    }
    return std::nullopt;
  }

  bool IsReported(std::int64_t epoch) const {
    return epoch % options_.reports.every_epochs == 0 || epoch == options_.max_epochs;
  }

  /// What passes over the rows and the weights gave, a row for each slot of `at`.
  struct Passes {
    const TrialWeights* at = nullptr;
    const std::vector<RowSums>* train = nullptr;
    const std::vector<RowSums>* test = nullptr;
    const std::vector<WeightSums>* weights = nullptr;
    bool gradient = false;  ///< whether the gradient at hand was that of the objective
  };

  /// Looks at the weights that `epoch` ended with: retires trials that diverged, remembers the weights of the others
  /// and, when the epoch is to be reported, measures them.
  void FinishEpoch(std::int64_t epoch) {
    const bool measured = IsReported(epoch) || epoch == next_snapshot_;
    const Passes passes = measured ? Measure(*engine_, weights_) : Glance();

    alive_.clear();
    diverged_.clear();
    objectives_.clear();
    for (std::size_t slot = 0; slot < in_training_.size(); ++slot) {
      const WeightSums& weights = (*passes.weights)[slot];
      bool finite = std::isfinite(weights.squares);
      if (passes.train != nullptr) {
        const double objective = Loss((*passes.train)[slot], rows_) + Penalty(weights_.betas[slot], weights);
        finite = finite && std::isfinite(objective);
        if (finite) objectives_.push_back(objective);
        if (finite && epoch > 0) schedule_.Observe(slot, epoch, objective);
      }
      (finite ? alive_ : diverged_).push_back(static_cast<std::int64_t>(slot));
    }
    if (measured) {
      const double seconds = control_.Seconds();
      for (const std::int64_t slot : alive_) {
        const auto row = static_cast<std::size_t>(slot);
        Record(epoch, seconds, row, row, rates_[row], passes);
      }
    }
    if (epoch > 0) result_.epochs += static_cast<std::int64_t>(alive_.size());
    if (!diverged_.empty()) Retire(epoch);
    if (measured) measured_epoch_ = epoch;
    RememberWeights();
    epoch_ = epoch;
  }

  /// All that a report says of weights, by the engine that works on them.
  Passes Measure(Engine& engine, const TrialWeights& at) const {
    Passes passes{&at};
    passes.gradient = full_batch() || options_.reports.gradient_norm;
    passes.train = &engine.TrainPass(passes.gradient, true);
    passes.weights = &engine.MeasureWeights(Detail::kAll);
    if (test_rows_ > 0) passes.test = &engine.TestPass();
    return passes;
  }

  /// What the next step, the schedule and the search for trials that diverged need.
  Passes Glance() {
    Passes passes{&weights_};
    if (full_batch() || schedule_.NeedsObjectives()) {
      passes.gradient = full_batch();
      passes.train = &engine_->TrainPass(passes.gradient, false);
    }
    passes.weights = &engine_->MeasureWeights(Detail::kSquares);
    if (passes.train == nullptr && !AllHarmless(*passes.weights)) passes.train = &engine_->TrainPass(false, false);
    return passes;
  }

  double Loss(const RowSums& sums, std::int64_t rows) const {
    return SumMultiple(options_.loss_scale, static_cast<double>(rows)) * sums.loss;
  }

  double Penalty(double beta, const WeightSums& weights) const {
    return options_.penalty == cvxnn::Penalty::kNone ? 0 : 0.5 * beta * weights.squares;
  }

  /// Sets how large ‖U‖² + ‖α‖² may be for every objective to be finite whatever the weights: |f| is at most half of it
  /// times ‖x‖, and losses grow with the square of f − y at most.
  void SetHarmlessSquares() {
    const at::Tensor& features = batch_.data.features;
    const double most = features.scalar_type() == at::kFloat ? 1e18 : 1e150;
    const double length = LargestEntry(features) * std::sqrt(static_cast<double>(features.size(1)));
    const double room = most - LargestEntry(batch_.data.targets);
    harmless_squares_ = std::min(most, length > 0 ? 2 * room / length : most);
  }

  bool AllHarmless(const std::vector<WeightSums>& weights) const {
    return std::all_of(weights.begin(), weights.end(),
                       [this](const WeightSums& sums) { return sums.squares <= harmless_squares_; });
  }

  /// Makes the last report of the trial in `slot`, from a row of what the passes gave.
  void Record(std::int64_t epoch, double seconds, std::size_t slot, std::size_t row, double rate,
              const Passes& passes) {
    const std::size_t index = in_training_[slot];
    const WeightSums& weights = (*passes.weights)[row];
    const bool counted = options_.counting != Counting::kNone;
    EpochReport report;
    report.trial = NumberOf(index);
    report.epoch = epoch;
    report.seconds = seconds;
    report.loss = Loss((*passes.train)[row], rows_);
    report.penalty = Penalty(passes.at->betas[row], weights);
    report.objective = report.loss + report.penalty;
    if (counted) report.train_accuracy = static_cast<double>((*passes.train)[row].right) / static_cast<double>(rows_);
    if (passes.test != nullptr) {
      const RowSums& test = (*passes.test)[row];
      const double loss = Loss(test, test_rows_);
      if (std::isfinite(loss)) report.test_loss = loss;
      if (counted) report.test_accuracy = static_cast<double>(test.right) / static_cast<double>(test_rows_);
    }
    report.active_neurons = weights.active;
    report.learning_rate = rate;
    const double norm = std::sqrt(weights.gradient_squares);
    if (passes.gradient && std::isfinite(norm)) report.gradient_norm = norm;
    if (patterns_) {
      const PatternCounts counts = patterns_->Count(*passes.at, static_cast<std::int64_t>(row), slot);
      report.changed_patterns = counts.changed;
      report.distinct_patterns = counts.distinct;
      report.dead_neurons = counts.dead;
    }
    result_.trials[index].last = report;
  }

  /// Takes the trials in diverged_ out of training. Their last epoch was the one before; where it was not reported,
  /// that is made good.
  void Retire(std::int64_t epoch) {
    if (epoch > 0 && measured_epoch_ != epoch - 1) MeasureLastEpochOfDiverged();
    for (const std::int64_t slot : diverged_) {
      const auto place = static_cast<std::size_t>(slot);
      Trial& trial = result_.trials[in_training_[place]];
      trial.diverged_at = epoch;
      KeepNetwork(place);
      if (epoch > 0 && !IsReported(epoch - 1)) late_.push_back(trial.last);
    }
    Retain();
  }

  void MeasureLastEpochOfDiverged() {
    TrialWeights last = weights_;
    last.flat = finished_weights_;
    last.Keep(at::tensor(diverged_, at::TensorOptions().device(at::kCPU).dtype(at::kLong)));
    const std::unique_ptr<Engine> engine = MakeEngine(options_, batch_.data, last);
    const Passes passes = Measure(*engine, last);
    const double seconds = control_.Seconds();
    for (std::size_t row = 0; row < diverged_.size(); ++row) {
      const auto slot = static_cast<std::size_t>(diverged_[row]);
      Record(epoch_, seconds, slot, row, finished_rates_[slot], passes);
    }
  }

  /// Lets the trials in alive_ go on without the others.
  void Retain() {
    const at::Tensor slots = at::tensor(alive_, at::TensorOptions().device(at::kCPU).dtype(at::kLong));
    weights_.Keep(slots);
    update_->Keep(slots);
    schedule_.Keep(alive_);
    if (patterns_) patterns_->Keep(alive_);
    finished_weights_ = finished_weights_.index_select(0, slots.to(finished_weights_.device()));
    std::vector<std::size_t> left;
    std::vector<double> rates;
    for (const std::int64_t slot : alive_) {
      left.push_back(in_training_[static_cast<std::size_t>(slot)]);
      rates.push_back(rates_[static_cast<std::size_t>(slot)]);
    }
    in_training_ = std::move(left);
    rates_ = std::move(rates);
  }

  void RememberWeights() {
    finished_rates_ = rates_;
    const std::size_t bytes = weights_.flat.nbytes();
    if (bytes == 0) return;  // every trial is at rest
    if (weights_.flat.is_cpu() && bytes <= kPlainCopy) {
      std::memcpy(finished_weights_.data_ptr(), weights_.flat.data_ptr(), bytes);
    } else {
      finished_weights_.copy_(weights_.flat);
    }
  }

  /// Puts the network of a slot, as of the last finished epoch, into the result.
  void KeepNetwork(std::size_t slot) {
    result_.trials[in_training_[slot]].network =
        NetworkAt(finished_weights_, weights_, static_cast<std::int64_t>(slot));
  }

  /// Gives away the weights of the epoch just finished, when they are to be kept.
  absl::Status GiveSnapshots() {
    if (epoch_ != next_snapshot_) return absl::OkStatus();
    next_snapshot_ = snapshots_.From(epoch_ + 1);
    for (std::size_t slot = 0; slot < in_training_.size(); ++slot) {
      Trial snapshot = result_.trials[in_training_[slot]];
      snapshot.network = NetworkAt(finished_weights_, weights_, static_cast<std::int64_t>(slot));
      if (auto status = control_.GiveSnapshot(snapshot); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

  /// Delivers the reports of the epoch just finished; false when the observer wants no more.
  bool Deliver() {
    deliver_ =
        std::all_of(late_.begin(), late_.end(), [this](const EpochReport& last) { return control_.Report(last); });
    late_.clear();
    return deliver_ && (!IsReported(epoch_) || DeliverAll());
  }

  bool DeliverAll() {
    deliver_ = std::all_of(in_training_.begin(), in_training_.end(),
                           [this](std::size_t index) { return control_.Report(result_.trials[index].last); });
    return deliver_;
  }

  /// Measures and reports the last finished epoch when it was not to be.
  void ReportLastEpoch() {
    if (IsReported(epoch_) || in_training_.empty()) return;
    if (measured_epoch_ != epoch_) {
      weights_.flat.copy_(finished_weights_);
      const Passes passes = Measure(*engine_, weights_);
      const double seconds = control_.Seconds();
      for (std::size_t slot = 0; slot < in_training_.size(); ++slot) {
        Record(epoch_, seconds, slot, slot, finished_rates_[slot], passes);
      }
    }
    if (deliver_) DeliverAll();
  }

  /// The last finished epoch, and how far the one after has got.
  std::pair<std::int64_t, std::int64_t> Place() const { return {epoch_, row_}; }

  /// Gives the caller the state after the last finished epoch, and of the steps since.
  void Save() {
    saved_ = Place();
    State state;
    const std::string prefix = kBatch;
    std::vector<std::int64_t> places(in_training_.begin(), in_training_.end());
    state[prefix + "in_training"] = Entry(places);
    state[prefix + "epoch"] = epoch_;
    state[prefix + "measured_epoch"] = measured_epoch_;
    state[prefix + "row"] = row_;
    state[prefix + "epochs"] = result_.epochs;
    state[prefix + "weights"] = finished_weights_;
    if (row_ > 0) state[prefix + "weights_within"] = weights_.flat;
    state[prefix + "rates"] = Entry(finished_rates_);
    schedule_.Save(prefix + "schedule/", state);
    update_->Save(prefix + "optimizer/", state);
    SaveTrials(result_.trials.data(), result_.trials.size(), prefix + "trials/", state);
    control_.Save(std::move(state));
  }

  absl::Status Load(const State& state) {
    const std::string prefix = kBatch;
    StateReader reader(state, prefix);
    alive_ = reader.Places("in_training", static_cast<std::int64_t>(in_training_.size()));
    StateReader trials(state, prefix + "trials/");
    result_.trials = LoadTrials(batch_, alive_, trials);
    if (alive_.empty()) reader.Refuse("in_training");
    epoch_ = reader.Integer("epoch");
    measured_epoch_ = reader.Integer("measured_epoch");
    row_ = reader.Integer("row");
    result_.epochs = reader.Integer("epochs");
    if (epoch_ < 0 || epoch_ > options_.max_epochs) reader.Refuse("epoch");
    if (row_ < 0 || row_ >= rows_ || row_ % step_rows_ != 0) reader.Refuse("row");
    for (const StateReader& part : {trials, reader}) {
      if (!part.status().ok()) return part.status();
    }
    Retain();
    finished_weights_ = reader.TensorLike("weights", finished_weights_);
    weights_.flat.copy_(row_ > 0 ? reader.TensorLike("weights_within", weights_.flat) : finished_weights_);
    finished_rates_ = reader.Numbers("rates", in_training_.size());
    StateReader schedule(state, prefix + "schedule/");
    schedule_.Load(schedule);
    StateReader optimizer(state, prefix + "optimizer/");
    update_->Load(optimizer);
    for (const StateReader& part : {reader, schedule, optimizer}) {
      if (!part.status().ok()) return part.status();
    }
    if (control_.takes_snapshots()) next_snapshot_ = snapshots_.From(epoch_ + 1);
    if (!full_batch()) return absl::OkStatus();
    // Gradient and objectives for the next step.
    objectives_.resize(in_training_.size());
    ObjectivesAndGradients(&objectives_);
    return absl::OkStatus();
  }

  const Batch& batch_;
  const Options& options_;
  RunControl& control_;
  std::int64_t rows_;
  std::int64_t test_rows_;
  std::int64_t step_rows_;
  TrialWeights weights_;
  at::Tensor finished_weights_;  ///< weights_.flat as of the last finished epoch, where every entry is finite
  std::unique_ptr<WeightUpdate> update_;
  RateSchedule schedule_;
  std::vector<double> rates_;           ///< of each slot in this epoch
  std::vector<double> finished_rates_;  ///< and in the last finished one
  std::unique_ptr<Engine> engine_;
  SnapshotEpochs snapshots_;
  std::int64_t next_snapshot_ = -1;  ///< the next epoch whose weights are kept
  std::optional<PatternTracker> patterns_;
  double harmless_squares_ = 0;                                 ///< see SetHarmlessSquares; mini-batches only
  std::vector<std::size_t> in_training_;                        ///< slot -> index into result_.trials
  std::int64_t epoch_ = 0;                                      ///< the last finished one
  std::int64_t measured_epoch_ = -1;                            ///< the last whose trials were measured
  bool deliver_ = true;                                         ///< the observer wants more
  std::optional<std::pair<std::int64_t, std::int64_t>> saved_;  ///< where the last checkpoint was given
  std::vector<EpochReport> late_;               ///< of the last epochs of trials that diverged in the one after
  std::vector<std::int64_t> alive_, diverged_;  ///< slots, of the epoch being finished
  std::vector<double> objectives_;              ///< of each slot after the last epoch, where they are known
  std::vector<std::vector<std::int64_t>> orders_;
  std::int64_t row_ = 0;               ///< of the next step, within the epoch after epoch_; mini-batches only
  std::vector<std::int64_t> step_;     ///< rows of a step
  std::optional<Ending> interrupted_;  ///< why a line search was left
  const std::function<bool(std::vector<double>*)> evaluate_ = [this](std::vector<double>* objectives) {
    return Evaluate(objectives);
  };
  Result result_;
};

}  // namespace

absl::StatusOr<Result> DescendBatch(const Batch& batch, RunControl& control, const State* resumed) {
  BatchDescent descent(batch, control);
  return resumed == nullptr ? descent.Run() : descent.Resume(*resumed);
}

bool HoldsBatch(const State& state) { return StateReader(state, kBatch).Has("epoch"); }

}  // namespace cvxnn::descent
