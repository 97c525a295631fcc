// SPDX-License-Identifier: Apache-2.0
// Small data sets for the tests of descent, and the two engines under one name.
#pragma once

#include <ATen/ATen.h>

#include <cmath>
#include <memory>

#include "core/descent/engines/engine.h"
#include "core/descent/engines/small_engine.h"
#include "core/descent/engines/tensor_engine.h"

namespace cvxnn::descent {

/// A smooth, deterministic matrix without structure that a bug could hide behind: sin of scrambled positions.
inline at::Tensor Wavy(std::int64_t rows, std::int64_t cols, double phase, at::ScalarType type = at::kDouble) {
  at::Tensor matrix = at::empty({rows, cols}, at::TensorOptions().device(at::kCPU).dtype(at::kDouble));
  double* const values = matrix.data_ptr<double>();
  for (std::int64_t i = 0; i < rows * cols; ++i) {
    values[i] = std::sin(phase + 12.9898 * static_cast<double>(i * i + 3 * i + 1));
  }
  return matrix.to(type);
}

/// n×d features and n×c targets, with n/2 test rows.
inline Data SmallData(std::int64_t rows, std::int64_t inputs, std::int64_t outputs, at::ScalarType type = at::kDouble) {
  return {Wavy(rows, inputs, 0.1, type), Wavy(rows, outputs, 0.7, type), Wavy(rows / 2, inputs, 1.3, type),
          Wavy(rows / 2, outputs, 2.1, type)};
}

/// Targets that fit the loss, made from real ones: their signs, or the class of the largest in each row.
inline at::Tensor FittingTargets(Loss loss, const at::Tensor& values) {
  if (loss == Loss::kSquared) return values;
  const at::Tensor one = at::ones_like(values);
  if (loss != Loss::kCrossEntropy) return at::where(values >= 0, one, -one);
  return at::zeros_like(values).scatter_(1, values.argmax(1, true), 1);
}

enum class EngineKind { kSmall, kTensor };

inline std::unique_ptr<Engine> MakeEngineOf(EngineKind kind, const Options& options, const Data& data,
                                            TrialWeights& weights) {
  return kind == EngineKind::kSmall ? MakeSmallEngine(options, data, weights)
                                    : MakeTensorEngine(options, data, weights);
}

inline bool Same(const at::Tensor& a, const at::Tensor& b) { return at::equal(a, b); }

inline double LargestDifference(const at::Tensor& a, const at::Tensor& b) { return (a - b).abs().max().item<double>(); }

}  // namespace cvxnn::descent
