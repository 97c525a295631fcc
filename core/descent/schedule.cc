// SPDX-License-Identifier: Apache-2.0
// See schedule.h. An epoch count k below is that of epochs done since the warm-up, as torch.optim.lr_scheduler counts.
#include "core/descent/schedule.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace cvxnn::descent {
namespace {

constexpr double kPi = 3.14159265358979323846;
constexpr double kLeastReduction = 1e-8;  // PyTorch's `eps`

/// The rate after k epochs, for the schedules that are a formula.
struct RateAfter {
  double rate;
  double k;

  double operator()(const ConstantRate& /*constant*/) const { return rate; }
  double operator()(const ReduceOnPlateau& /*plateau*/) const { return rate; }
  double operator()(const ExponentialDecay& exponential) const { return rate * std::pow(exponential.factor, k); }
  double operator()(const StepDecay& step) const {
    return rate * std::pow(step.factor, std::floor(k / static_cast<double>(step.epochs)));
  }
  double operator()(const CosineAnnealing& cosine) const {
    const double share = std::min(1.0, k / static_cast<double>(cosine.epochs));
    return cosine.minimum_rate + (rate - cosine.minimum_rate) * (1 + std::cos(kPi * share)) / 2;
  }
};

}  // namespace

RateSchedule::RateSchedule(const Schedule& schedule, std::vector<double> learning_rates)
    : schedule_(schedule), learning_rates_(std::move(learning_rates)), rates_(learning_rates_) {
  for (const double rate : learning_rates_) plateaus_.push_back({rate, std::numeric_limits<double>::infinity()});
}

const std::vector<double>& RateSchedule::RatesOf(std::int64_t epoch) {
  const LinearWarmup& warmup = schedule_.warmup;
  const auto done = static_cast<double>(epoch - 1);
  if (epoch <= warmup.epochs) {
    const double share = warmup.start_factor + (1 - warmup.start_factor) * done / static_cast<double>(warmup.epochs);
    for (std::size_t slot = 0; slot < rates_.size(); ++slot) rates_[slot] = learning_rates_[slot] * share;
  } else if (NeedsObjectives()) {
    for (std::size_t slot = 0; slot < rates_.size(); ++slot) rates_[slot] = plateaus_[slot].rate;
  } else {
    const double k = done - static_cast<double>(warmup.epochs);
    for (std::size_t slot = 0; slot < rates_.size(); ++slot) {
      rates_[slot] = std::visit(RateAfter{learning_rates_[slot], k}, schedule_.kind);
    }
  }
  return rates_;
}

void RateSchedule::Observe(std::size_t slot, std::int64_t epoch, double objective) {
  const auto* options = std::get_if<ReduceOnPlateau>(&schedule_.kind);
  if (options == nullptr || epoch <= schedule_.warmup.epochs) return;
  Plateau& plateau = plateaus_[slot];
  if (objective < plateau.least * (1 - options->threshold)) {
    plateau.least = objective;
    plateau.bad_epochs = 0;
  } else {
    ++plateau.bad_epochs;
  }
  if (plateau.cooldown > 0) {
    --plateau.cooldown;
    plateau.bad_epochs = 0;
  }
  if (plateau.bad_epochs <= options->patience) return;
  const double reduced = std::max(plateau.rate * options->factor, options->minimum_rate);
  if (plateau.rate - reduced > kLeastReduction) plateau.rate = reduced;
  plateau.cooldown = options->cooldown;
  plateau.bad_epochs = 0;
}

void RateSchedule::Keep(const std::vector<std::int64_t>& slots) {
  for (std::size_t i = 0; i < slots.size(); ++i) {
    const auto slot = static_cast<std::size_t>(slots[i]);
    learning_rates_[i] = learning_rates_[slot];
    plateaus_[i] = plateaus_[slot];
    rates_[i] = rates_[slot];
  }
  learning_rates_.resize(slots.size());
  plateaus_.erase(plateaus_.begin() + static_cast<std::ptrdiff_t>(slots.size()), plateaus_.end());
  rates_.resize(slots.size());
}

void RateSchedule::Save(const std::string& prefix, State& state) const {
  std::vector<double> rates, least;
  std::vector<std::int64_t> bad_epochs, cooldowns;
  for (const Plateau& plateau : plateaus_) {
    rates.push_back(plateau.rate);
    least.push_back(plateau.least);
    bad_epochs.push_back(plateau.bad_epochs);
    cooldowns.push_back(plateau.cooldown);
  }
  state[prefix + "rates"] = Entry(rates);
  state[prefix + "least"] = Entry(least);
  state[prefix + "bad_epochs"] = Entry(bad_epochs);
  state[prefix + "cooldowns"] = Entry(cooldowns);
}

void RateSchedule::Load(StateReader& reader) {
  const std::size_t slots = plateaus_.size();
  const std::vector<double> rates = reader.Numbers("rates", slots);
  const std::vector<double> least = reader.Numbers("least", slots);
  const std::vector<std::int64_t> bad_epochs = reader.Integers("bad_epochs", slots);
  const std::vector<std::int64_t> cooldowns = reader.Integers("cooldowns", slots);
  for (std::size_t slot = 0; slot < slots; ++slot) {
    plateaus_[slot] = {rates[slot], least[slot], bad_epochs[slot], cooldowns[slot]};
  }
}

}  // namespace cvxnn::descent
