// SPDX-License-Identifier: Apache-2.0
// The products of a mini-batch step with the rows it drew, split over chunks of inputs by ourselves. Rows of a batch
// are few: a BLAS that shares such a product between its threads lets them wait for each other after every one. Here a
// thread copies the rows' part of a chunk, takes its part of Z = X_b U, and later of X_bᵀ B, while it is in its cache,
// with oneDNN's product, which stays on the thread that calls it. Chunks depend on the number of inputs alone, and
// their sums are taken in order: results are the same on any number of threads, and for a trial whatever runs beside
// it.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace cvxnn::descent {

/// Not thread-safe. Used in turns: Begin, then Forward any number of times (at least once), then Backward.
class SplitProducts {
 public:
  /// Whether products with these features (n×d) can be split: float32 on a CPU, at least two chunks of inputs, and
  /// oneDNN built in.
  static bool Serve(const at::Tensor& features);

  /// `features` (n×d, contiguous) must outlive it; m neurons.
  SplitProducts(const at::Tensor& features, std::int64_t neurons);

  /// Bytes that are held for one row of one trial.
  std::int64_t RowBytes() const;

  /// A step over `batch` rows of each of `trials` trials: rows[t·stride + i] is row i of trial t. `rows` must stay
  /// until the first Forward.
  void Begin(const std::int64_t* rows, std::int64_t stride, std::int64_t trials, std::int64_t batch);

  /// X_b W for each trial (t×b×m). `matrices` is t×d×m, each matrix contiguous.
  at::Tensor Forward(const at::Tensor& matrices);

  /// Adds X_bᵀ B to `gradients` (t×d×m, each matrix contiguous), with `back` B (t×b×m, contiguous).
  void Backward(const at::Tensor& back, at::Tensor& gradients) const;

  /// The same products with rows that lie together and are those of all trials (b×d, contiguous), in place of a step's.
  at::Tensor ForwardOver(const at::Tensor& rows, const at::Tensor& matrices) const;
  void BackwardOver(const at::Tensor& rows, const at::Tensor& back, at::Tensor& gradients) const;

 private:
  /// The part of a trial's rows in one chunk, b×w.
  float* Part(std::int64_t trial, std::int64_t chunk) const;
  std::int64_t Width(std::int64_t chunk) const;
  void Gather(std::int64_t trial, std::int64_t chunk);

  const at::Tensor& features_;
  std::int64_t inputs_, neurons_;
  std::int64_t chunks_, width_;  ///< the last chunk may be narrower
  const std::int64_t* rows_ = nullptr;
  std::int64_t stride_ = 0, trials_ = 0, batch_ = 0;
  bool gathered_ = false;
  mutable std::vector<float> rows_by_chunk_;  ///< t×chunks×b×w
  std::vector<float> partial_;                ///< t×chunks×b×m
};

}  // namespace cvxnn::descent
