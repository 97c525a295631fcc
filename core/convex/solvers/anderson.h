// SPDX-License-Identifier: Apache-2.0
// Anderson acceleration of a fixed-point iteration w ← G(w): the next point combines the last images so that the
// combination of their residuals G(w) − w is least (type II; Walker & Ni, SIAM J. Numer. Anal. 49(4), 2011; for
// splittings of convex programs, Fu, Zhang & Boyd, arXiv 1908.11482). An accelerated point whose residual is much
// larger than the one before is given up for the plain image it replaced, so the plain iteration is never left for
// long.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

#include "core/descent/checkpoint.h"

namespace cvxnn::convex {

/// Differences that ADMM keeps: more of them cost more than they gain.
inline constexpr std::int64_t kAndersonMemory = 8;

/// Tensors of a point's size that a memory takes, those of the caller's points and images included.
inline double AndersonPoints(std::int64_t memory) { return memory == 0 ? 0 : static_cast<double>(2 * memory + 9); }

/// For one iteration at a time; points are flat tensors of one size. Not thread-safe.
class Anderson {
 public:
  /// `memory`: differences kept. With 0 every next point is the image.
  explicit Anderson(std::int64_t memory) : memory_(memory) {}

  /// The point after `point`, whose image is `image` (not to be changed later). `point` is the one returned last, or
  /// any after Forget.
  at::Tensor Next(const at::Tensor& point, const at::Tensor& image);

  /// Begins anew: the map has changed.
  void Forget();

  /// What is remembered as entries of a checkpoint, and back, for points of the type of `like`; the reader notes what
  /// is wrong.
  void Save(const std::string& prefix, descent::State* state) const;
  void Load(const at::TensorOptions& like, descent::StateReader* reader);

 private:
  at::Tensor Combine(const at::Tensor& image, const at::Tensor& residual) const;

  std::int64_t memory_;
  std::int64_t kept_ = 0;     // differences at hand
  std::int64_t oldest_ = 0;   // row of the next one
  at::Tensor residuals_;      // differences of residuals, memory×N
  at::Tensor images_;         // and of images
  at::Tensor gram_;           // inner products of the rows of residuals_, float64 on the host
  at::Tensor last_residual_;  // undefined after Forget
  at::Tensor last_image_;
  double last_norm_ = 0;
  bool accelerated_ = false;  // whether the point returned last was a combination
};

}  // namespace cvxnn::convex
