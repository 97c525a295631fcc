// SPDX-License-Identifier: Apache-2.0
// Better dual points from those met so far. Residuals scaled to feasibility give lower bounds that lag behind the
// objective; a combination of the last few does much better. Massias, Gramfort & Salmon (ICML 2018, arXiv 1802.07481)
// extrapolate them; here the dual itself is maximised over their span V,
//   max over a of (Va)ᵀy − ½‖Va‖²  s.t. ‖Xᵀ D_p V a‖² = aᵀ H_p a <= β² for all p,
// which is at least as good and needs no assumption on how residuals move. Fᵀ is linear, so Xᵀ D_p V is the same
// combination of the gradients at hand: no further pass over the data.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <deque>
#include <string>

#include "core/convex/certificate.h"
#include "core/descent/checkpoint.h"

namespace cvxnn::convex {

/// Points kept, and epochs from one combination to the next.
inline constexpr std::int64_t kSpanPoints = 8;
inline constexpr std::int64_t kSpanInterval = 5;

/// For gated programs with squared loss, whose outputs are separate: each gets a combination of its own.
class DualSpan {
 public:
  /// `targets` n×c; `beta` for the half-sum loss.
  DualSpan(const at::Tensor& targets, double beta) : targets_(targets), beta_(beta) {}

  /// Takes the dual point ν (n×c) with its constraints −Fᵀν or Fᵀν (d×(P·c)); offers the best combination of the last
  /// kSpanPoints to `bound` in every kSpanInterval-th call. Keeps the tensors themselves: they must not change later.
  void Add(const at::Tensor& dual, const at::Tensor& constraints, LowerBound& bound);

  /// The points as entries of a checkpoint, and back; the reader notes what is wrong.
  void Save(const std::string& prefix, descent::State* state) const;
  void Load(const std::string& prefix, descent::StateReader* reader);

 private:
  struct Point {
    at::Tensor dual;
    at::Tensor constraints;
  };
  // The span's basis: the latest point, and the differences from each to the one before. Points are nearly parallel,
  // and float32 would lose what tells them apart. Here the constraints of basis vector `point`, some of the columns.
  at::Tensor Sides(std::int64_t point, std::int64_t begin, std::int64_t count) const;
  at::Tensor Balls() const;  // (P·c)×K×K on the host, the Gram matrix of each block's constraints
  void OfferBest(LowerBound& bound) const;

  at::Tensor targets_;
  double beta_;
  std::deque<Point> points_;
  std::int64_t calls_ = 0;
};

}  // namespace cvxnn::convex
