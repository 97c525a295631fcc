// SPDX-License-Identifier: Apache-2.0
// Scaling of dual points to feasibility; see certificate.h.
#include "core/convex/certificate.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/convex/group_l2.h"
#include "core/convex/solve_state.h"

namespace cvxnn::convex {

LowerBound::LowerBound(const at::Tensor& targets, double beta, double features_norm, Loss loss, Penalty penalty)
    : loss_(loss),
      dual_loss_(*DualOf(loss)),
      targets_(targets.to(at::kDouble)),
      narrow_(targets.scalar_type() == at::kFloat),
      beta_(beta),
      features_norm_(features_norm),
      penalty_(MakePenaltyFunction(penalty, targets.size(1))),
      best_(static_cast<std::size_t>(penalty_->CouplesOutputs() || dual_loss_.CouplesOutputs() ? 1 : targets.size(1))) {
}

at::Tensor LowerBound::Errors(const at::Tensor& sizes) const {
  constexpr double kEpsilon = std::numeric_limits<double>::epsilon();
  const double gamma = 0.5 * kEpsilon * static_cast<double>(targets_.size(0) + 2);
  return sizes.mul(gamma * features_norm_);
}

at::Tensor LowerBound::PerProgram(const at::Tensor& norms) const {
  if (norms.numel() == 0) return at::zeros({static_cast<std::int64_t>(best_.size())}, targets_.options());
  const bool squares = penalty_->conjugate() == Conjugate::kQuadratic;
  if (Coupled()) return (squares ? norms.norm() : norms.amax()).unsqueeze(0);
  return squares ? norms : norms.view({-1, targets_.size(1)}).amax(0);
}

std::vector<double> LowerBound::Values(const at::Tensor& dual, const at::Tensor& norms) const {
  const at::Tensor largest = PerProgram(norms);
  const bool ball = penalty_->conjugate() == Conjugate::kBall;
  const auto total = [&](const at::Tensor& x) { return Coupled() ? x.sum().unsqueeze(0) : x.sum(0); };
  if (loss_ != Loss::kSquared) {
    at::Tensor values;
    if (ball) {
      // Towards 0 the dual falls from a point that is a gradient near the optimum, so the longest scale is the best.
      const at::Tensor scale = largest.reciprocal().mul_(beta_).clamp_max_(1);
      values = total(dual_loss_.Values(dual.mul(scale), targets_).view({1, -1}));
    } else {
      // A gradient near the optimum is best as it is; far from it, shorter ones have something to say too.
      for (const double tau : {1.0, 0.5, 0.2, 0.05}) {
        const at::Tensor at_scale = total(dual_loss_.Values(dual.mul(tau), targets_).view({1, -1}))
                                        .sub(largest.square(), 0.5 * tau * tau / beta_);
        values = values.defined() ? at::maximum(values, at_scale) : at_scale;
      }
    }
    values = values.to(at::kCPU).contiguous();
    return {values.data_ptr<double>(), values.data_ptr<double>() + values.numel()};
  }
  // One transfer for all three, since each waits for the device.
  const at::Tensor sums = at::stack({total(dual.mul(targets_)), total(dual.square()), largest}).to(at::kCPU);
  const auto sum = sums.accessor<double, 2>();
  std::vector<double> values(best_.size(), 0);
  for (std::int64_t k = 0; k < sums.size(1); ++k) {
    const double product = sum[0][k], norm = sum[2][k];
    const double square = ball ? sum[1][k] : sum[1][k] + norm * norm / beta_;
    // max over τ >= 0, and τ <= β/norm for norms, of τ·νᵀy − ½τ²‖ν‖², a parabola with its peak at νᵀy/‖ν‖².
    if (!(product > 0) || !(square > 0) || !std::isfinite(norm)) continue;
    const double peak = product / square;
    const double tau = ball && norm > 0 ? std::min(peak, beta_ / norm) : peak;
    values[static_cast<std::size_t>(k)] = tau * product - 0.5 * tau * tau * square;
  }
  return values;
}

void LowerBound::Offer(const at::Tensor& dual, const at::Tensor& all_constraints, const at::Tensor& all_row_side,
                       const at::Tensor& sizes) {
  // A column of zeros constrains nothing. Zero weights are offered without the columns of w.
  const auto confined = [this](const at::Tensor& columns) {
    if (!blocks_.defined() || !columns.defined() || columns.size(1) != blocks_.size(0)) return columns;
    return columns.mul(blocks_);
  };
  const at::Tensor constraints = confined(all_constraints), row_side = confined(all_row_side);
  if (penalty_->conjugate() == Conjugate::kSubspace) return;
  const std::int64_t outputs = targets_.size(1);
  const at::Tensor nu = dual_loss_.IntoDomain(dual.to(at::kDouble), targets_);
  at::Tensor errors;
  if (!narrow_) {
    errors =
        Errors(row_side.defined() ? ColumnNorms(row_side)
                                  : (sizes.defined() ? sizes : ColumnNorms(nu)).repeat(constraints.size(1) / outputs));
  }
  const std::vector<double> values = Values(nu, penalty_->DualNorms(constraints, errors));
  for (std::size_t k = 0; k < best_.size(); ++k) {
    if (!(values[k] > best_[k].value)) continue;
    best_[k].value = values[k];
    if (!narrow_ && !keep_) continue;
    const std::int64_t first = static_cast<std::int64_t>(k) * Width();
    best_[k].dual = dual.narrow(1, first, Width()).clone();
    if (!row_side.defined()) continue;
    best_[k].row_side = row_side.view({dual.size(0), -1, outputs}).narrow(2, first, Width()).clone();
  }
}

void LowerBound::Raise(const std::vector<double>& values) {
  for (std::size_t k = 0; k < best_.size(); ++k) best_[k].value = std::max(best_[k].value, values[k]);
}

void LowerBound::Certify(const PatternOperator& original) {
  if (!narrow_ || penalty_->conjugate() == Conjugate::kSubspace) return;
  std::vector<at::Tensor> duals, row_sides;
  const auto like = std::find_if(best_.begin(), best_.end(), [](const Best& best) { return best.row_side.defined(); });
  for (const Best& best : best_) {
    duals.push_back(best.dual.defined() ? best.dual.to(at::kDouble) : at::zeros_like(targets_.narrow(1, 0, Width())));
    if (like == best_.end()) continue;
    row_sides.push_back(best.row_side.defined() ? best.row_side : at::zeros_like(like->row_side));
  }
  const at::Tensor dual = dual_loss_.IntoDomain(at::cat(duals, 1), targets_);
  std::vector<at::Tensor> norms;
  at::Tensor errors;
  const auto visit = [&](std::int64_t first, const at::Tensor& product) {
    norms.push_back(penalty_->DualNorms(product, errors.narrow(0, first, product.size(1))));
  };
  if (row_sides.empty()) {
    errors = Errors(ColumnNorms(dual).repeat(original.patterns()));
    original.VisitAdjoint(dual, visit);
  } else {
    const at::Tensor row_side = at::cat(row_sides, 2).flatten(1);
    errors = Errors(ColumnNorms(row_side));
    VisitProducts(original.features(), row_side, original.outputs(), visit);
  }
  const at::Tensor joined = norms.empty() ? at::zeros({0}, dual.options()) : penalty_->JoinDualNorms(norms);
  const std::vector<double> values = Values(dual, joined);
  for (std::size_t k = 0; k < best_.size(); ++k) best_[k].value = values[k];
}

void LowerBound::Save(const std::string& prefix, descent::State* state) const {
  for (std::size_t k = 0; k < best_.size(); ++k) {
    const std::string name = prefix + std::to_string(k) + "/";
    (*state)[name + "value"] = best_[k].value;
    SaveMatrix(name + "dual", best_[k].dual, state);
    if (best_[k].row_side.defined()) SaveMatrix(name + "row_side", best_[k].row_side.flatten(1), state);
  }
}

void LowerBound::Load(descent::StateReader* reader) {
  for (std::size_t k = 0; k < best_.size(); ++k) {
    const std::string name = std::to_string(k) + "/";
    const auto like = targets_.options().dtype(narrow_ ? at::kFloat : at::kDouble);
    best_[k].value = reader->Number(name + "value");
    best_[k].dual = LoadMatrix(name + "dual", like, reader);
    const at::Tensor row_side = LoadMatrix(name + "row_side", like, reader);
    if (!row_side.defined()) continue;
    best_[k].row_side = row_side.view({row_side.size(0), -1, Width()});
  }
}

at::Tensor LowerBound::dual() const {
  const auto like = std::find_if(best_.begin(), best_.end(), [](const Best& best) { return best.dual.defined(); });
  if (like == best_.end()) return {};
  std::vector<at::Tensor> duals;
  for (const Best& best : best_) duals.push_back(best.dual.defined() ? best.dual : at::zeros_like(like->dual));
  return at::cat(duals, 1);
}

at::Tensor LowerBound::row_side() const {
  const auto like = std::find_if(best_.begin(), best_.end(), [](const Best& best) { return best.row_side.defined(); });
  if (like == best_.end()) return {};
  std::vector<at::Tensor> sides;
  for (const Best& best : best_) {
    sides.push_back(best.row_side.defined() ? best.row_side : at::zeros_like(like->row_side));
  }
  return at::cat(sides, 2).flatten(1);
}

double LowerBound::value() const {
  double sum = 0;
  for (const Best& best : best_) sum += best.value;
  return sum;
}

}  // namespace cvxnn::convex
