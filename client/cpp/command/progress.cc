// SPDX-License-Identifier: Apache-2.0
// The state behind the progress line: counts, rates, time left.
#include "client/cpp/command/progress.h"

#include <algorithm>
#include <vector>

namespace cvxnn::command {
namespace {

constexpr std::int64_t kDefaultEpochs = 1000;  // the contract's, for specs that leave it out
constexpr double kRateWindowSeconds = 5;

}  // namespace

Progress::Progress(const v1::Job& job) : job_(job.name()), state_(job.state()), attempt_(job.attempt()) {
  const v1::StoppingRule& stopping = job.spec().stopping();
  max_epochs_ = stopping.max_epochs() > 0 ? stopping.max_epochs() : kDefaultEpochs;
  max_seconds_ = stopping.max_seconds();
  may_end_early_ = !job.spec().has_descent() && (!stopping.has_tolerance() || stopping.tolerance() > 0);
  constexpr std::int64_t kDefaultPoints = 20;  // the contract's
  if (const auto& path = job.spec().path(); job.spec().has_path()) {
    trials_ = path.points() > 0 ? path.points() : kDefaultPoints;
  }
  if (!job.spec().has_descent()) return;
  const v1::Grid& grid = job.spec().descent().grid();
  const auto values = [](int size) { return static_cast<std::int64_t>(std::max(1, size)); };
  batch_ = std::max<std::int64_t>(1, job.spec().descent().trials()) * values(grid.learning_rates_size()) *
           values(grid.betas_size());
  trials_ = batch_ * values(grid.training_rows_size()) * values(grid.neurons_size());
}

void Progress::Update(const v1::StateChange& change) {
  state_ = change.state();
  if (change.attempt() != attempt_) {  // the log goes on where it was, at whatever pace
    attempt_ = change.attempt();
    history_.clear();
  }
}

void Progress::Update(const v1::EpochMetrics& epoch) {
  if (epoch.epoch() != sweep_) {
    last_sweep_ = std::min(sweep_, epoch.epoch());
    sweep_ = epoch.epoch();
  }
  std::int64_t& reached = reached_[epoch.trial() / batch_];
  reached = std::max(reached, epoch.epoch());
  v1::EpochMetrics& latest = latest_[epoch.trial()];
  epochs_done_ += epoch.epoch() - latest.epoch();
  latest.MergeFrom(epoch);
  latest.set_epoch(epoch.epoch());  // epoch 0 does not merge over another number
  latest.set_trial(epoch.trial());
  current_trial_ = epoch.trial();
  history_.emplace_back(epoch.seconds(), epochs_done_);
  while (history_.size() > 2 && history_.front().first < epoch.seconds() - kRateWindowSeconds) history_.pop_front();
  constexpr std::size_t kMostHistory = 4096;
  if (history_.size() > kMostHistory) history_.erase(history_.begin() + 1, history_.begin() + kMostHistory / 2);
}

std::optional<std::pair<std::int32_t, double>> Progress::Best() const {
  std::optional<std::pair<std::int32_t, double>> best;
  for (const auto& [trial, metrics] : latest_) {
    if (metrics.has_objective() && (!best.has_value() || metrics.objective() < best->second)) {
      best = {trial, metrics.objective()};
    }
  }
  return best;
}

bool Progress::IsGone(const v1::EpochMetrics& metrics) const {
  const std::int64_t batch = metrics.trial() / batch_;
  const std::int64_t current = current_trial_ / batch_;
  if (batch != current) return metrics.epoch() < reached_.at(batch);
  return metrics.epoch() < (metrics.trial() <= current_trial_ ? sweep_ : last_sweep_);
}

Progress::Overview Progress::Survey() const {
  Overview overview;
  std::vector<double> objectives;
  for (const auto& [trial, metrics] : latest_) {
    if (IsGone(metrics)) {
      ++overview.diverged;
    } else if (metrics.has_objective()) {
      objectives.push_back(metrics.objective());
    }
  }
  if (objectives.empty()) return overview;
  const auto middle = objectives.begin() + static_cast<std::ptrdiff_t>(objectives.size() / 2);
  std::nth_element(objectives.begin(), middle, objectives.end());
  overview.median = *middle;
  return overview;
}

std::int64_t Progress::EpochsLeft() const {
  std::int64_t left = max_epochs_ * trials_ - epochs_done_;
  for (const auto& [trial, metrics] : latest_) {
    if (IsGone(metrics)) left -= max_epochs_ - metrics.epoch();
  }
  return left;
}

double Progress::Share() const {
  const double all = static_cast<double>(max_epochs_) * static_cast<double>(trials_);
  return std::clamp(1 - static_cast<double>(EpochsLeft()) / all, 0.0, 1.0);
}

std::optional<double> Progress::EpochsPerSecond() const {
  if (history_.size() < 2) return std::nullopt;
  const double seconds = history_.back().first - history_.front().first;
  const auto epochs = static_cast<double>(history_.back().second - history_.front().second);
  if (seconds <= 0 || epochs <= 0) return std::nullopt;
  return epochs / seconds;
}

std::optional<double> Progress::SecondsLeft() const {
  if (!started()) return std::nullopt;
  std::optional<double> left;
  if (const auto rate = EpochsPerSecond(); rate.has_value()) {
    left = static_cast<double>(EpochsLeft()) / *rate;
  }
  if (max_seconds_ > 0) {
    const double limit = std::max(0.0, max_seconds_ - current().seconds());
    left = std::min(left.value_or(limit), limit);
  }
  return left;
}

}  // namespace cvxnn::command
