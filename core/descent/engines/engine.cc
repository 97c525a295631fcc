// SPDX-License-Identifier: Apache-2.0
// The choice of an engine. Tensor operations cost a few microseconds each whatever their size and reach the machine's
// GEMM rate only on larger matrices; below the limit Eigen on one cache-resident block is faster.
#include "core/descent/engines/engine.h"

#include <ATen/ATen.h>

#include "core/descent/engines/small_engine.h"
#include "core/descent/engines/tensor_engine.h"

namespace cvxnn::descent {
namespace {

/// Multiplications of a step's forward pass for one trial up to which the small engine is used.
constexpr std::int64_t kSmallStep = std::int64_t{1} << 18;

}  // namespace

std::int64_t StepRows(const Options& options, const Data& data) {
  const std::int64_t rows = data.features.size(0);
  return options.batch_size == 0 || options.batch_size >= rows ? rows : options.batch_size;
}

std::unique_ptr<Engine> MakeEngine(const Options& options, const Data& data, TrialWeights& weights) {
  const std::int64_t per_row = weights.shape.size();
  if (data.features.is_cpu() && per_row <= kSmallStep / StepRows(options, data)) {
    return MakeSmallEngine(options, data, weights);
  }
  return MakeTensorEngine(options, data, weights);
}

}  // namespace cvxnn::descent
