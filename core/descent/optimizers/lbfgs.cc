// SPDX-License-Identifier: Apache-2.0
// Limited-memory BFGS (Nocedal & Wright 2006, algorithm 7.4 for the direction −H g, 7.5 around it), with the steps of
// torch.optim.LBFGS: all trials form their directions together and search along them together; a trial whose search is
// over waits at its new weights. A pair (s, y) with yᵀs <= 1e-10 is not used, but keeps its place in the history, so
// that places are common to all trials.
#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <optional>

#include "core/descent/optimizers/line_search.h"
#include "core/descent/optimizers/optimizer.h"
#include "core/descent/row_math.h"

namespace cvxnn::descent {
namespace {

constexpr double kLeastCurvature = 1e-10;

class LbfgsUpdate : public WeightUpdate {
 public:
  LbfgsUpdate(const Lbfgs& options, const at::Tensor& weights)
      : options_(options), resting_(static_cast<std::size_t>(weights.size(0)), false) {}

  bool Apply(at::Tensor& weights, at::Tensor& gradient, const Step& step) override {
    const bool first = !direction_.defined();
    if (first) {
      direction_ = gradient.neg();
      hessian_scale_ = at::ones({weights.size(0)}, weights.options().dtype(at::kDouble));
    } else {
      Remember(gradient);
      direction_ = Direction(gradient);
    }
    last_gradient_ = gradient.clone();
    const std::vector<double> largest = ToHost(direction_.abs().amax(1).to(at::kDouble));
    std::vector<std::optional<StrongWolfeSearch>> searches = Searches(gradient, step, first, largest);
    if (!Search(searches, weights, gradient, step)) return false;
    // A step that changes next to nothing is the last: at a kink of the objective others would follow without end.
    for (std::size_t slot = 0; slot < searches.size(); ++slot) {
      if (!searches[slot]) continue;
      resting_[slot] = searches[slot]->step() * largest[slot] <= options_.change_tolerance ||
                       std::abs(searches[slot]->value() - step.objectives[slot]) < options_.change_tolerance;
    }
    return true;
  }

  void Keep(const at::Tensor& slots) override {
    const std::int64_t* const kept = slots.data_ptr<std::int64_t>();
    std::vector<bool> resting;
    for (std::int64_t i = 0; i < slots.size(0); ++i) resting.push_back(resting_[static_cast<std::size_t>(kept[i])]);
    resting_ = std::move(resting);
    if (!direction_.defined()) return;
    const at::Tensor index = slots.to(direction_.device());
    for (at::Tensor* state : {&direction_, &last_gradient_, &hessian_scale_, &taken_}) {
      *state = state->index_select(0, index);
    }
    for (Pair& pair : history_) {
      pair = {pair.step.index_select(0, index), pair.change.index_select(0, index),
              pair.inverse.index_select(0, index)};
    }
  }

  bool finished() const override {
    return std::all_of(resting_.begin(), resting_.end(), [](bool resting) { return resting; });
  }

 private:
  struct Pair {
    at::Tensor step;     ///< s, T×K
    at::Tensor change;   ///< y, the change of the gradient, T×K
    at::Tensor inverse;  ///< 1/(yᵀs), T float64 values; 0 where the pair is not used
  };

  /// Adds the last step to the history.
  void Remember(const at::Tensor& gradient) {
    Pair pair;
    pair.step = direction_ * taken_.unsqueeze(1).to(direction_.scalar_type());
    pair.change = gradient - last_gradient_;
    const at::Tensor curvature = RowDots(pair.change, pair.step);
    const at::Tensor used = curvature > kLeastCurvature;
    pair.inverse = at::where(used, curvature.reciprocal(), at::zeros_like(curvature));
    hessian_scale_ = at::where(used, curvature / RowDots(pair.change, pair.change), hessian_scale_);
    history_.push_back(std::move(pair));
    if (static_cast<std::int64_t>(history_.size()) > options_.history) history_.pop_front();
  }

  /// −H g by the two-loop recursion.
  at::Tensor Direction(const at::Tensor& gradient) const {
    at::Tensor direction = gradient.neg();
    std::vector<at::Tensor> shares(history_.size());
    for (std::size_t i = history_.size(); i-- > 0;) {
      shares[i] = RowDots(history_[i].step, direction) * history_[i].inverse;
      AddScaledRows(direction, history_[i].change, -shares[i]);
    }
    direction.mul_(hessian_scale_.unsqueeze(1).to(direction.scalar_type()));
    for (std::size_t i = 0; i < history_.size(); ++i) {
      const at::Tensor share = RowDots(history_[i].change, direction) * history_[i].inverse;
      AddScaledRows(direction, history_[i].step, shares[i] - share);
    }
    return direction;
  }

  /// A search for each trial that is not at rest, along its direction.
  std::vector<std::optional<StrongWolfeSearch>> Searches(const at::Tensor& gradient, const Step& step, bool first,
                                                         const std::vector<double>& largest) {
    const std::vector<double> slopes = ToHost(RowDots(gradient, direction_));
    const std::vector<double> steepest = ToHost(gradient.abs().amax(1).to(at::kDouble));
    std::vector<double> sizes;
    if (first) sizes = ToHost(gradient.abs().sum(at::IntArrayRef{1}, false, at::kDouble));
    std::vector<std::optional<StrongWolfeSearch>> searches(slopes.size());
    for (std::size_t slot = 0; slot < slopes.size(); ++slot) {
      if (steepest[slot] <= options_.gradient_tolerance || slopes[slot] > -options_.change_tolerance) {
        resting_[slot] = true;
      }
      if (resting_[slot]) continue;
      const double start = first ? std::min(1.0, 1 / sizes[slot]) * step.rates[slot] : step.rates[slot];
      searches[slot].emplace(step.objectives[slot], slopes[slot], start, largest[slot], options_.change_tolerance);
    }
    return searches;
  }

  bool Search(std::vector<std::optional<StrongWolfeSearch>>& searches, at::Tensor& weights, at::Tensor& gradient,
              const Step& step) {
    const at::Tensor start = weights.clone();
    std::vector<double> objectives(searches.size());
    while (true) {
      std::vector<double> steps(searches.size(), 0);
      bool searching = false;
      for (std::size_t slot = 0; slot < searches.size(); ++slot) {
        if (!searches[slot]) continue;
        steps[slot] = searches[slot]->step();
        searching = searching || !searches[slot]->done();
      }
      taken_ = ToDevice(steps, weights);
      weights.copy_(start);
      AddScaledRows(weights, direction_, taken_);
      if (!searching) return true;
      if (!step.evaluate(&objectives)) return false;
      const std::vector<double> slopes = ToHost(RowDots(gradient, direction_));
      for (std::size_t slot = 0; slot < searches.size(); ++slot) {
        if (searches[slot] && !searches[slot]->done()) searches[slot]->Report(objectives[slot], slopes[slot]);
      }
    }
  }

  Lbfgs options_;
  std::vector<bool> resting_;  ///< trials that no further step can change
  at::Tensor direction_;       ///< of the last step
  at::Tensor taken_;           ///< how far along it, T float64 values
  at::Tensor last_gradient_;   ///< where it began
  at::Tensor hessian_scale_;   ///< γ of H₀ = γ I, T float64 values
  std::deque<Pair> history_;   ///< oldest first
};

}  // namespace

std::unique_ptr<WeightUpdate> Make(const Lbfgs& lbfgs, const at::Tensor& weights, Arithmetic /*arithmetic*/) {
  return std::make_unique<LbfgsUpdate>(lbfgs, weights);
}

}  // namespace cvxnn::descent
