// SPDX-License-Identifier: Apache-2.0
// See split_products.h.
#include "core/descent/engines/split_products.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cstring>

#include "core/descent/engines/parallel_ranges.h"

#ifdef CVXNN_HAS_ONEDNN
#include <dnnl.h>
#endif

namespace cvxnn::descent {
namespace {

/// Inputs of a chunk at most: a chunk of 100 rows and of as many neurons' weights fit into a core's second-level cache.
constexpr std::int64_t kChunk = 512;
/// Rows of a task in a pass over many.
constexpr std::int64_t kRowsTogether = 256;
/// Chunks are multiples of this, so that rows of vectors stay aligned.
constexpr std::int64_t kAligned = 16;
/// Sums below this many are taken by one thread.
constexpr std::int64_t kSumGrain = 1 << 16;

/// C ← op(A) B + beta C, row-major, on this thread.
void Multiply(bool transpose, std::int64_t rows, std::int64_t columns, std::int64_t inner, const float* a,
              std::int64_t lda, const float* b, std::int64_t ldb, float beta, float* c, std::int64_t ldc) {
#ifdef CVXNN_HAS_ONEDNN
  const dnnl_status_t status =
      dnnl_sgemm(transpose ? 'T' : 'N', 'N', rows, columns, inner, 1, a, lda, b, ldb, beta, c, ldc);
  TORCH_CHECK(status == dnnl_success, "oneDNN: a product of ", rows, "x", inner, " and ", inner, "x", columns,
              " failed with status ", static_cast<int>(status));
#else
  TORCH_CHECK(false, "built without oneDNN");
#endif
}

}  // namespace

bool SplitProducts::Serve(const at::Tensor& features) {
#ifdef CVXNN_HAS_ONEDNN
  return features.is_cpu() && features.scalar_type() == at::kFloat && features.size(1) > kChunk;
#else
  return false;
#endif
}

SplitProducts::SplitProducts(const at::Tensor& features, std::int64_t neurons)
    : features_(features), inputs_(features.size(1)), neurons_(neurons) {
  chunks_ = (inputs_ + kChunk - 1) / kChunk;
  const std::int64_t even = (inputs_ + chunks_ - 1) / chunks_;
  width_ = (even + kAligned - 1) / kAligned * kAligned;
}

std::int64_t SplitProducts::RowBytes() const {
  return static_cast<std::int64_t>(sizeof(float)) * chunks_ * (width_ + neurons_);
}

std::int64_t SplitProducts::Width(std::int64_t chunk) const { return std::min(width_, inputs_ - chunk * width_); }

float* SplitProducts::Part(std::int64_t trial, std::int64_t chunk) const {
  return rows_by_chunk_.data() + (trial * chunks_ + chunk) * batch_ * width_;
}

void SplitProducts::Begin(const std::int64_t* rows, std::int64_t stride, std::int64_t trials, std::int64_t batch) {
  rows_ = rows;
  stride_ = stride;
  trials_ = trials;
  batch_ = batch;
  gathered_ = false;
  rows_by_chunk_.resize(static_cast<std::size_t>(trials * chunks_ * batch * width_));
  partial_.resize(static_cast<std::size_t>(trials * chunks_ * batch * neurons_));
}

void SplitProducts::Gather(std::int64_t trial, std::int64_t chunk) {
  const float* const from = features_.data_ptr<float>() + chunk * width_;
  float* to = Part(trial, chunk);
  const std::int64_t width = Width(chunk);
  for (std::int64_t row = 0; row < batch_; ++row, to += width) {
    std::memcpy(to, from + rows_[trial * stride_ + row] * inputs_, static_cast<std::size_t>(width) * sizeof(float));
  }
}

at::Tensor SplitProducts::Forward(const at::Tensor& matrices) {
  const float* const first = matrices.data_ptr<float>();
  const std::int64_t apart = matrices.stride(0), outputs = batch_ * neurons_;
  ParallelRanges(trials_ * chunks_, 1, [&](int, std::int64_t begin, std::int64_t end) {
    for (std::int64_t task = begin; task < end; ++task) {
      const std::int64_t trial = task / chunks_, chunk = task % chunks_;
      if (!gathered_) Gather(trial, chunk);
      Multiply(false, batch_, neurons_, Width(chunk), Part(trial, chunk), Width(chunk),
               first + trial * apart + chunk * width_ * neurons_, neurons_, 0, partial_.data() + task * outputs,
               neurons_);
    }
  });
  gathered_ = true;
  at::Tensor sums = at::empty({trials_, batch_, neurons_}, matrices.options());
  float* const to = sums.data_ptr<float>();
  ParallelRanges(trials_ * outputs, kSumGrain, [&](int, std::int64_t begin, std::int64_t end) {
    while (begin < end) {
      const std::int64_t trial = begin / outputs, within = begin % outputs;
      const std::int64_t count = std::min(end - begin, outputs - within);
      const float* from = partial_.data() + trial * chunks_ * outputs + within;
      std::copy_n(from, count, to + begin);
      for (std::int64_t chunk = 1; chunk < chunks_; ++chunk) {
        from += outputs;
        for (std::int64_t i = 0; i < count; ++i) to[begin + i] += from[i];
      }
      begin += count;
    }
  });
  return sums;
}

void SplitProducts::Backward(const at::Tensor& back, at::Tensor& gradients) const {
  const float* const from = back.data_ptr<float>();
  float* const to = gradients.data_ptr<float>();
  const std::int64_t apart = gradients.stride(0);
  ParallelRanges(trials_ * chunks_, 1, [&](int, std::int64_t begin, std::int64_t end) {
    for (std::int64_t task = begin; task < end; ++task) {
      const std::int64_t trial = task / chunks_, chunk = task % chunks_;
      Multiply(true, Width(chunk), neurons_, batch_, Part(trial, chunk), Width(chunk), from + trial * batch_ * neurons_,
               neurons_, 1, to + trial * apart + chunk * width_ * neurons_, neurons_);
    }
  });
}

at::Tensor SplitProducts::ForwardOver(const at::Tensor& rows, const at::Tensor& matrices) const {
  const std::int64_t trials = matrices.size(0), count = rows.size(0), apart = matrices.stride(0);
  const std::int64_t parts = (count + kRowsTogether - 1) / kRowsTogether;
  at::Tensor products = at::empty({trials, count, neurons_}, matrices.options());
  const float* const from = rows.data_ptr<float>();
  const float* const first = matrices.data_ptr<float>();
  float* const to = products.data_ptr<float>();
  // oneDNN must be called from within a parallel loop to stay on one thread, so one task alone becomes two.
  ParallelRanges(std::max<std::int64_t>(2, trials * parts), 1, [&](int, std::int64_t begin, std::int64_t end) {
    for (std::int64_t task = begin; task < std::min(end, trials * parts); ++task) {
      const std::int64_t trial = task / parts, row = task % parts * kRowsTogether;
      Multiply(false, std::min(kRowsTogether, count - row), neurons_, inputs_, from + row * inputs_, inputs_,
               first + trial * apart, neurons_, 0, to + (trial * count + row) * neurons_, neurons_);
    }
  });
  return products;
}

void SplitProducts::BackwardOver(const at::Tensor& rows, const at::Tensor& back, at::Tensor& gradients) const {
  const std::int64_t trials = gradients.size(0), count = rows.size(0), apart = gradients.stride(0);
  const float* const from = rows.data_ptr<float>();
  const float* const slopes = back.data_ptr<float>();
  float* const to = gradients.data_ptr<float>();
  ParallelRanges(trials * chunks_, 1, [&](int, std::int64_t begin, std::int64_t end) {
    for (std::int64_t task = begin; task < end; ++task) {
      const std::int64_t trial = task / chunks_, chunk = task % chunks_;
      Multiply(true, Width(chunk), neurons_, count, from + chunk * width_, inputs_, slopes + trial * count * neurons_,
               neurons_, 1, to + trial * apart + chunk * width_ * neurons_, neurons_);
    }
  });
}

}  // namespace cvxnn::descent
