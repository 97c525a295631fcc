// SPDX-License-Identifier: Apache-2.0
// The state behind the progress line: counts, rates, time left.
#include "client/cpp/command/progress.h"

#include <algorithm>

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
  if (job.spec().has_descent()) trials_ = std::max<std::int64_t>(1, job.spec().descent().trials());
}

void Progress::Update(const v1::StateChange& change) {
  state_ = change.state();
  if (change.attempt() != attempt_) {  // training begins again, from the last checkpoint or from the start
    attempt_ = change.attempt();
    latest_.clear();
    history_.clear();
    epochs_done_ = 0;
  }
}

void Progress::Update(const v1::EpochMetrics& epoch) {
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

double Progress::Share() const {
  const double all = static_cast<double>(max_epochs_) * static_cast<double>(trials_);
  return std::clamp(static_cast<double>(epochs_done_) / all, 0.0, 1.0);
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
    left = static_cast<double>(max_epochs_ * trials_ - epochs_done_) / *rate;
  }
  if (max_seconds_ > 0) {
    const double limit = std::max(0.0, max_seconds_ - current().seconds());
    left = std::min(left.value_or(limit), limit);
  }
  return left;
}

}  // namespace cvxnn::command
