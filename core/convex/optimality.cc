// SPDX-License-Identifier: Apache-2.0
// Residual, patterns, multipliers, bound; see optimality.h.
#include "core/convex/optimality.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "core/convex/certificate.h"
#include "core/convex/cone_projection.h"
#include "core/convex/dual_loss.h"
#include "core/convex/group_l2.h"
#include "core/convex/nuclear.h"
#include "core/convex/operator.h"
#include "core/data/random.h"
#include "core/network/loss_function.h"
#include "core/patterns/enumerated.h"
#include "core/torch/runtime.h"

namespace cvxnn::convex {
namespace {

// A row whose product with a neuron is this small, relative to the neuron's largest, may count to either side: solvers
// leave neurons on the boundaries of their cones up to their tolerance.
constexpr double kBoundary = 1e-3;
// Violated by less than this is not violated.
constexpr double kViolation = 1e-9;
constexpr int kSearchSteps = 60;
constexpr std::int64_t kMostFound = 1000;

at::Tensor ToDouble(const at::Tensor& x) { return x.defined() ? x.to(at::kCPU).to(at::kDouble) : x; }

at::Tensor Signs(const at::Tensor& mask) { return mask.to(at::kDouble).mul_(2).sub_(1); }

// Columns of unit length; those of zeros stay.
at::Tensor Directions(const at::Tensor& columns) {
  return columns.div(ColumnNorms(columns).clamp_min(std::numeric_limits<double>::min()));
}

// Patterns each kept once, first come first kept.
ActivationPatterns Distinct(const ActivationPatterns& patterns) {
  const at::Tensor columns = patterns.mask.t().contiguous();
  const auto* bytes = static_cast<const char*>(columns.data_ptr());
  const auto rows = static_cast<std::size_t>(columns.size(1));
  absl::flat_hash_set<absl::string_view> seen;
  std::vector<std::int64_t> kept;
  for (std::int64_t p = 0; p < columns.size(0); ++p) {
    if (seen.insert({bytes + static_cast<std::size_t>(p) * rows, rows}).second) kept.push_back(p);
  }
  const at::Tensor index = at::tensor(kept, at::TensorOptions().dtype(at::kLong).device(at::kCPU));
  return {patterns.mask.index_select(1, index), patterns.gates.index_select(1, index)};
}

ActivationPatterns Joined(const ActivationPatterns& first, const ActivationPatterns& second) {
  return Distinct({at::cat({first.mask, second.mask}, 1), at::cat({first.gates, second.gates}, 1)});
}

// The largest left-hand side of a dual constraint for each separate group of outputs, and where it is.
struct Worst {
  at::Tensor norms;        // largest so far: c, or 1 for nuclear norms
  at::Tensor constraints;  // d×c, the columns where it is reached
  at::Tensor row_side;     // n×c, likewise; undefined for gated and nuclear
  double largest = 0;
  std::int64_t pattern = -1;
};

class Check {
 public:
  Check(const Network& network, const at::Tensor& features, const at::Tensor& targets, const Objective& objective)
      : objective_(objective), x_(ToDouble(features)), y_(ToDouble(targets)) {
    network_ = {network.activation, ToDouble(network.first_layer), ToDouble(network.second_layer),
                ToDouble(network.gates)};
    network_ = Balanced(network_, objective.penalty);
    multiple_ = HalfSumMultiple(objective.loss_scale, static_cast<double>(x_.size(0)));
    beta_ = objective.beta / multiple_;
    nuclear_ = objective.penalty == Penalty::kWeightDecay && y_.size(1) > 1;
    const at::Tensor outputs = Forward(network_, x_);
    dual_ = FunctionOf(objective.loss).Gradient(outputs, y_).mul(-0.5);
    result_.loss = LossValue(objective.loss, objective.loss_scale, outputs, y_);
    result_.penalty = PenaltyValue(objective.penalty, objective.beta, network_);
    result_.objective = result_.loss + result_.penalty;
  }

  absl::StatusOr<Optimality> Run(const OptimalityOptions& options) {
    const auto stopped = [&] { return options.should_stop && options.should_stop(); };
    SetNeurons();
    ActivationPatterns patterns;
    if (options.patterns.has_value()) {
      patterns = {options.patterns->mask.to(at::kCPU), ToDouble(options.patterns->gates)};
    } else {
      patterns = OwnPatterns();
    }
    const std::int64_t own = patterns.count();
    if (options.max_enumerated > 0) {
      auto all = EnumeratePatterns(x_, options.max_enumerated, options.should_stop);
      if (!all.ok()) return all.status();
      patterns = Joined(patterns, *all);
      result_.reach = Reach::kGlobal;
      result_.patterns = all->count();
    } else if (options.search_starts > 0) {
      patterns = Joined(patterns, Search(options, patterns));
      result_.reach = Reach::kSearched;
    }
    if (result_.reach != Reach::kGlobal) result_.patterns = patterns.count();
    Worst worst;
    const std::int64_t columns = 2 * y_.size(1) * (x_.size(0) + x_.size(1));
    const std::int64_t block = std::max<std::int64_t>(1, kBlockElements / columns);
    for (std::int64_t begin = 0; begin < patterns.count(); begin += block) {
      if (stopped()) return absl::CancelledError("stopped");
      Look(patterns.mask.narrow(1, begin, std::min(block, patterns.count() - begin)), begin, &worst);
    }
    Conclude(worst);
    if (worst.pattern >= 0) {
      const at::Tensor gate = patterns.gates.select(1, worst.pattern).contiguous();
      result_.dual_gate.assign(gate.data_ptr<double>(), gate.data_ptr<double>() + gate.numel());
      result_.dual_gate_is_own = worst.pattern < own;
    }
    return result_;
  }

 private:
  bool relu() const { return network_.activation == Activation::kRelu; }

  // The blocks of the network: a column (u, a) for each neuron and each output direction a that the penalty counts
  // alone, and the mask that its optimality is judged by.
  void SetNeurons() {
    const std::int64_t outputs = y_.size(1);
    at::Tensor owner, directions;
    if (nuclear_) {
      directions = Directions(network_.second_layer.t().contiguous());
      owner = ColumnNorms(network_.second_layer.t().contiguous()).nonzero().squeeze(1);
      directions = directions.index_select(1, owner);
    } else {
      const at::Tensor entries = network_.second_layer.nonzero();  // blocks×2
      owner = entries.select(1, 0);
      directions = at::zeros({outputs, owner.size(0)}, x_.options());
      const at::Tensor values = network_.second_layer.index({owner, entries.select(1, 1)}).sign();
      directions.scatter_(0, entries.select(1, 1).unsqueeze(0), values.unsqueeze(0));
    }
    units_ = Directions(network_.first_layer.index_select(1, owner));
    drive_ = at::mm(dual_, directions);  // ν a, n×blocks
    if (!relu()) {
      mask_ = at::mm(x_, network_.gates.index_select(1, owner)).ge(0);
    } else {
      mask_ = NeuronMask();
    }
    if (units_.size(1) == 0) return;
    const at::Tensor rows = RowSide(mask_, drive_);
    result_.stationarity = ColumnNorms(at::mm(x_.t(), rows).sub_(units_, beta_)).max().item<double>() / beta_;
  }

  // The pattern of each neuron, a row on its boundary counted to the side whose multiplier fits: the coefficient c_i of
  // x_i in Xᵀ(D ν a + E λ) = β û is ν_i or more on the open side and 0 or less on the other.
  at::Tensor NeuronMask() const {
    const at::Tensor products = at::mm(x_, units_);
    const at::Tensor near = products.abs().le(products.abs().amax(0).mul(kBoundary));
    at::Tensor mask = products.ge(0);
    const at::Tensor missing = units_.mul(beta_).sub_(at::mm(x_.t(), drive_.mul(mask.logical_and(near.logical_not()))));
    for (std::int64_t j = 0; j < units_.size(1); ++j) {
      const at::Tensor rows = near.select(1, j).nonzero().squeeze(1);
      if (rows.size(0) == 0) continue;
      const at::Tensor fit = at::mv(at::linalg_pinv(x_.index_select(0, rows).t(), 1e-10), missing.select(1, j));
      mask.select(1, j).index_copy_(0, rows, fit.ge(drive_.select(1, j).index_select(0, rows).mul(0.5)));
    }
    return mask;
  }

  // Masks that the boundary decided are not those of their neurons' signs.
  ActivationPatterns OwnPatterns() const {
    if (relu()) return Distinct({mask_, units_});
    return Distinct({at::mm(x_, network_.gates).ge(0), network_.gates});
  }

  // D drive + E λ with the best multipliers; for gated, and nuclear norms of several patterns, without.
  at::Tensor RowSide(const at::Tensor& mask, const at::Tensor& drive) const {
    at::Tensor rows = drive.mul(mask);
    if (relu()) rows.add_(ConeMultipliers(x_, Signs(mask), at::mm(x_.t(), rows)));
    return rows;
  }

  void Look(const at::Tensor& mask, std::int64_t first, Worst* worst) const {
    const std::int64_t outputs = y_.size(1), patterns = mask.size(1);
    if (nuclear_) {
      const at::Tensor rows = dual_.unsqueeze(1).mul(mask.unsqueeze(2)).flatten(1);  // n×(P·c)
      const at::Tensor constraints = at::mm(x_.t(), rows);
      const at::Tensor norms = SpectralNorms(constraints, outputs);
      const auto at = norms.argmax().item<std::int64_t>();
      if (worst->pattern >= 0 && norms[at].item<double>() <= worst->largest) return;
      worst->constraints = constraints.narrow(1, at * outputs, outputs).contiguous();
      worst->largest = norms[at].item<double>();
      worst->pattern = first + at;
      return;
    }
    for (const double sign : {1.0, -1.0}) {
      if (sign < 0 && !relu()) break;  // the constraint is the same
      for (std::int64_t k = 0; k < outputs; ++k) {
        const at::Tensor rows = RowSide(mask, dual_.narrow(1, k, 1).mul(sign).expand({-1, patterns}));
        const at::Tensor constraints = at::mm(x_.t(), rows);
        const at::Tensor norms = ColumnNorms(constraints);
        const auto at = norms.argmax().item<std::int64_t>();
        const double norm = norms[at].item<double>();
        if (!worst->norms.defined()) {
          worst->norms = at::full({outputs}, -1.0, x_.options());
          worst->constraints = at::zeros({x_.size(1), outputs}, x_.options());
          worst->row_side = at::zeros({x_.size(0), outputs}, x_.options());
        }
        if (norm > worst->norms[k].item<double>()) {
          worst->norms[k].fill_(norm);
          worst->constraints.select(1, k).copy_(constraints.select(1, at));
          worst->row_side.select(1, k).copy_(rows.select(1, at));
        }
        if (worst->pattern >= 0 && norm <= worst->largest) continue;
        worst->largest = norm;
        worst->pattern = first + at;
      }
    }
  }

  void Conclude(const Worst& worst) {
    LowerBound bound(y_, beta_, x_.norm().item<double>(), objective_.loss, objective_.penalty);
    const bool any = worst.constraints.defined();
    const at::Tensor none = at::zeros({x_.size(1), 0}, x_.options());
    bound.Offer(dual_, any ? worst.constraints : none, any && relu() ? worst.row_side : at::Tensor());
    result_.lower_bound = multiple_ * bound.value();
    result_.gap = (result_.objective - result_.lower_bound) /
                  std::max(std::abs(result_.objective), std::numeric_limits<double>::min());
    result_.dual_ratio = worst.largest / beta_;
  }

  // Ascent of ±νᵀ(Xu)₊ on the unit sphere, all starts at once, with falling steps. The best points' patterns, where
  // they violate the dual constraint.
  ActivationPatterns Search(const OptimalityOptions& options, const ActivationPatterns& known) const {
    // Trial 1, that the directions be others than the gates of patterns sampled with the same seed.
    data::RandomStream random = data::StreamOf(options.seed, data::StreamPurpose::kPatternGates, 1);
    at::Tensor starts = at::empty({options.search_starts, x_.size(1)}, x_.options());
    for (std::int64_t i = 0; i < starts.numel(); ++i) starts.data_ptr<double>()[i] = random.Normal();
    starts = at::cat({Directions(starts.t()), Directions(known.gates)}, 1);
    std::vector<at::Tensor> found;
    for (std::int64_t k = 0; k < y_.size(1); ++k) {
      for (const double sign : {1.0, -1.0}) {
        const at::Tensor drive = dual_.narrow(1, k, 1).mul(sign);
        at::Tensor u = starts, best = starts, value;
        for (int step = 0; step <= kSearchSteps; ++step) {
          const at::Tensor open = at::mm(x_, u).ge(0);
          const at::Tensor slope = at::mm(x_.t(), drive.mul(open));
          const at::Tensor now = relu() ? slope.mul(u).sum(0) : ColumnNorms(slope);
          if (!value.defined()) {
            value = now;
          } else {
            best = at::where(now > value, u, best);
            value = at::maximum(now, value);
          }
          const double length = std::pow(0.02, static_cast<double>(step) / kSearchSteps);
          u = Directions(u.add(Directions(slope), length));
        }
        const at::Tensor order =
            value.argsort(0, /*descending=*/true).narrow(0, 0, std::min(kMostFound, value.size(0)));
        const at::Tensor violators = order.masked_select(value.index_select(0, order).gt(beta_ * (1 + kViolation)));
        found.push_back(best.index_select(1, violators));
      }
    }
    const at::Tensor gates = at::cat(found, 1);
    return {at::mm(x_, gates).ge(0), gates};
  }

  Objective objective_;
  at::Tensor x_, y_;
  Network network_;
  double multiple_ = 1;  // s
  double beta_ = 0;      // for the half-sum loss
  bool nuclear_ = false;
  at::Tensor dual_;   // ν, n×c
  at::Tensor units_;  // u/‖u‖ of every block, d×blocks
  at::Tensor drive_;  // ν a of every block, n×blocks
  at::Tensor mask_;   // n×blocks
  Optimality result_;
};

}  // namespace

absl::StatusOr<Optimality> CheckOptimality(const Network& network, const at::Tensor& features,
                                           const at::Tensor& targets, const Objective& objective,
                                           const OptimalityOptions& options) {
  if (network.inputs() != features.size(1) || network.outputs() != targets.size(1)) {
    return absl::InvalidArgumentError(absl::StrCat("the network has ", network.inputs(), " inputs and ",
                                                   network.outputs(), " outputs: must have ", features.size(1), " and ",
                                                   targets.size(1), ", those of the data"));
  }
  if (!(objective.beta > 0) || !std::isfinite(objective.beta)) {
    return absl::InvalidArgumentError(absl::StrCat("beta = ", objective.beta, ": must be > 0 and finite"));
  }
  if (!std::isfinite(DualOf(objective.loss)->Curvature())) {
    return absl::UnimplementedError(
        absl::StrCat("loss = ", Name(objective.loss), ": certificates of networks are not built for it"));
  }
  if (objective.penalty == Penalty::kNone) {
    return absl::InvalidArgumentError("penalty = none: must be group_l2 or weight_decay");
  }
  if (!IsOfWeights(objective.penalty)) {
    return absl::UnimplementedError(
        absl::StrCat("penalty = ", Name(objective.penalty), ": certificates of networks are not built for it"));
  }
  const double columns = static_cast<double>(network.neurons() * targets.size(1) + options.search_starts);
  const double numbers = static_cast<double>(features.size(0) + features.size(1));
  if (auto fits = CheckFits("the check", 8 * (6 * numbers * columns + 2 * static_cast<double>(features.numel())),
                            c10::Device(c10::kCPU));
      !fits.ok()) {
    return fits;
  }
  return Check(network, features, targets, objective).Run(options);
}

}  // namespace cvxnn::convex
