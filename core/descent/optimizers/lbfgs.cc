// SPDX-License-Identifier: Apache-2.0
// Limited-memory BFGS (Nocedal & Wright 2006, algorithm 7.4 for the direction −H g, 7.5 around it), with the steps of
// torch.optim.LBFGS: all trials form their directions together and search along them together; a trial whose search is
// over waits at its new weights. A pair (s, y) with yᵀs <= 1e-10 is not used, but keeps its place in the history, so
// that places are common to all trials.
#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/descent/optimizers/line_search.h"
#include "core/descent/optimizers/optimizer.h"
#include "core/descent/row_math.h"

namespace cvxnn::descent {
namespace {

constexpr double kLeastCurvature = 1e-10;

class LbfgsUpdate : public WeightUpdate {
 public:
  LbfgsUpdate(const Lbfgs& options, const at::Tensor& weights)
      : options_(options),
        like_(at::empty({0, weights.size(1)}, weights.options())),
        rest_(static_cast<std::size_t>(weights.size(0)), Rest::kNone) {}

  bool Apply(at::Tensor& weights, at::Tensor& gradient, const Step& step) override {
    const Memory before = memory_;
    const bool first = !memory_.direction.defined();
    if (first) {
      memory_.direction = gradient.neg();
      memory_.hessian_scale = at::ones({weights.size(0)}, weights.options().dtype(at::kDouble));
    } else {
      Remember(gradient);
      memory_.direction = Direction(gradient);
    }
    memory_.last_gradient = gradient.clone();
    const std::vector<double> largest = ToHost(memory_.direction.abs().amax(1).to(at::kDouble));
    std::vector<std::optional<StrongWolfeSearch>> searches = Searches(gradient, step, first, largest);
    if (!Search(searches, weights, gradient, step)) {
      memory_ = before;
      return false;
    }
    // A step that changes next to nothing is the last: at a kink of the objective others would follow without end.
    for (std::size_t slot = 0; slot < searches.size(); ++slot) {
      const std::optional<StrongWolfeSearch>& search = searches[slot];
      if (!search) continue;
      if (search->failed()) {
        rest_[slot] = Rest::kStalled;
      } else if (search->step() * largest[slot] <= options_.change_tolerance ||
                 std::abs(search->value() - step.objectives[slot]) < options_.change_tolerance) {
        rest_[slot] = Rest::kConverged;
      }
    }
    return true;
  }

  void Keep(const at::Tensor& slots) override {
    const std::int64_t* const kept = slots.data_ptr<std::int64_t>();
    std::vector<Rest> rest;
    for (std::int64_t i = 0; i < slots.size(0); ++i) rest.push_back(rest_[static_cast<std::size_t>(kept[i])]);
    rest_ = std::move(rest);
    if (!memory_.direction.defined()) return;
    const at::Tensor index = slots.to(memory_.direction.device());
    for (at::Tensor* state : {&memory_.direction, &memory_.last_gradient, &memory_.hessian_scale, &memory_.taken}) {
      *state = state->index_select(0, index);
    }
    for (Pair& pair : memory_.history) {
      pair = {pair.step.index_select(0, index), pair.change.index_select(0, index),
              pair.inverse.index_select(0, index)};
    }
  }

  bool finished() const override {
    return std::none_of(rest_.begin(), rest_.end(), [](Rest rest) { return rest == Rest::kNone; });
  }

  bool stalled(std::size_t slot) const override { return rest_[slot] == Rest::kStalled; }

  void Save(const std::string& prefix, State& state) const override {
    std::vector<std::int64_t> rest;
    for (const Rest why : rest_) rest.push_back(static_cast<std::int64_t>(why));
    state[prefix + "rest"] = Entry(rest);
    if (!memory_.direction.defined()) return;
    state[prefix + "direction"] = memory_.direction;
    state[prefix + "taken"] = memory_.taken;
    state[prefix + "last_gradient"] = memory_.last_gradient;
    state[prefix + "hessian_scale"] = memory_.hessian_scale;
    state[prefix + "pairs"] = static_cast<std::int64_t>(memory_.history.size());
    for (std::size_t i = 0; i < memory_.history.size(); ++i) {
      const std::string index = std::to_string(i);
      state[prefix + "step" + index] = memory_.history[i].step;
      state[prefix + "change" + index] = memory_.history[i].change;
      state[prefix + "inverse" + index] = memory_.history[i].inverse;
    }
  }

  void Load(StateReader& reader) override {
    const auto trials = static_cast<std::int64_t>(rest_.size());
    const std::vector<std::int64_t> rest = reader.Integers("rest", rest_.size());
    for (std::size_t slot = 0; slot < rest.size(); ++slot) {
      if (rest[slot] < 0 || rest[slot] > static_cast<std::int64_t>(Rest::kStalled)) return reader.Refuse("rest");
      rest_[slot] = static_cast<Rest>(rest[slot]);
    }
    if (!reader.Has("direction")) return;
    const at::TensorOptions numbers = like_.options().dtype(at::kDouble);
    const auto matrix = [&](const std::string& name) {
      return reader.Tensor(name, {trials, like_.size(1)}, like_.options());
    };
    memory_.direction = matrix("direction");
    memory_.taken = reader.Tensor("taken", {trials}, numbers);
    memory_.last_gradient = matrix("last_gradient");
    memory_.hessian_scale = reader.Tensor("hessian_scale", {trials}, numbers);
    const std::int64_t pairs = reader.Integer("pairs");
    if (pairs < 0 || pairs > options_.history) return reader.Refuse("pairs");
    for (std::int64_t i = 0; i < pairs; ++i) {
      const std::string index = std::to_string(i);
      memory_.history.push_back(
          {matrix("step" + index), matrix("change" + index), reader.Tensor("inverse" + index, {trials}, numbers)});
    }
  }

 private:
  struct Pair {
    at::Tensor step;     ///< s, T×K
    at::Tensor change;   ///< y, the change of the gradient, T×K
    at::Tensor inverse;  ///< 1/(yᵀs), T float64 values; 0 where the pair is not used
  };

  /// Why no further step can change a trial.
  enum class Rest : std::int8_t { kNone, kConverged, kStalled };

  /// What steps leave to those after them. No tensor is changed in place, so that a copy is the state before a step.
  struct Memory {
    at::Tensor direction;      ///< of the last step
    at::Tensor taken;          ///< how far along it, T float64 values
    at::Tensor last_gradient;  ///< where it began
    at::Tensor hessian_scale;  ///< γ of H₀ = γ I, T float64 values
    std::deque<Pair> history;  ///< oldest first
  };

  /// Adds the last step to the history.
  void Remember(const at::Tensor& gradient) {
    Pair pair;
    pair.step = memory_.direction * memory_.taken.unsqueeze(1).to(memory_.direction.scalar_type());
    pair.change = gradient - memory_.last_gradient;
    const at::Tensor curvature = RowDots(pair.change, pair.step);
    const at::Tensor used = curvature > kLeastCurvature;
    pair.inverse = at::where(used, curvature.reciprocal(), at::zeros_like(curvature));
    memory_.hessian_scale = at::where(used, curvature / RowDots(pair.change, pair.change), memory_.hessian_scale);
    memory_.history.push_back(std::move(pair));
    if (static_cast<std::int64_t>(memory_.history.size()) > options_.history) memory_.history.pop_front();
  }

  /// −H g by the two-loop recursion.
  at::Tensor Direction(const at::Tensor& gradient) const {
    at::Tensor direction = gradient.neg();
    std::vector<at::Tensor> shares(memory_.history.size());
    for (std::size_t i = memory_.history.size(); i-- > 0;) {
      shares[i] = RowDots(memory_.history[i].step, direction) * memory_.history[i].inverse;
      AddScaledRows(direction, memory_.history[i].change, -shares[i]);
    }
    direction.mul_(memory_.hessian_scale.unsqueeze(1).to(direction.scalar_type()));
    for (std::size_t i = 0; i < memory_.history.size(); ++i) {
      const at::Tensor share = RowDots(memory_.history[i].change, direction) * memory_.history[i].inverse;
      AddScaledRows(direction, memory_.history[i].step, shares[i] - share);
    }
    return direction;
  }

  /// A search for each trial that is not at rest, along its direction.
  std::vector<std::optional<StrongWolfeSearch>> Searches(const at::Tensor& gradient, const Step& step, bool first,
                                                         const std::vector<double>& largest) {
    const std::vector<double> slopes = ToHost(RowDots(gradient, memory_.direction));
    const std::vector<double> steepest = ToHost(gradient.abs().amax(1).to(at::kDouble));
    std::vector<double> sizes;
    if (first) sizes = ToHost(gradient.abs().sum(at::IntArrayRef{1}, false, at::kDouble));
    std::vector<std::optional<StrongWolfeSearch>> searches(slopes.size());
    for (std::size_t slot = 0; slot < slopes.size(); ++slot) {
      if (steepest[slot] <= options_.gradient_tolerance || slopes[slot] > -options_.change_tolerance) {
        rest_[slot] = rest_[slot] == Rest::kNone ? Rest::kConverged : rest_[slot];
      }
      if (rest_[slot] != Rest::kNone) continue;
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
      memory_.taken = ToDevice(steps, weights);
      weights.copy_(start);
      AddScaledRows(weights, memory_.direction, memory_.taken);
      if (!searching) return true;
      if (!step.evaluate(&objectives)) return false;
      const std::vector<double> slopes = ToHost(RowDots(gradient, memory_.direction));
      for (std::size_t slot = 0; slot < searches.size(); ++slot) {
        if (searches[slot] && !searches[slot]->done()) searches[slot]->Report(objectives[slot], slopes[slot]);
      }
    }
  }

  Lbfgs options_;
  at::Tensor like_;  ///< empty, of the weights' columns, type and device
  std::vector<Rest> rest_;
  Memory memory_;
};

}  // namespace

std::unique_ptr<WeightUpdate> Make(const Lbfgs& lbfgs, const at::Tensor& weights, Arithmetic /*arithmetic*/) {
  return std::make_unique<LbfgsUpdate>(lbfgs, weights);
}

}  // namespace cvxnn::descent
