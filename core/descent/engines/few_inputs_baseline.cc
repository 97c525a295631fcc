// SPDX-License-Identifier: Apache-2.0
// The kernels of few_inputs.h for every processor of the architecture, and the choice between the copies.
#define CVXNN_INSTRUCTIONS baseline
#include "core/descent/engines/few_inputs_kernels.h"

namespace cvxnn::descent {

#ifdef CVXNN_HAS_AVX2_KERNELS
namespace avx2 {
FewInputKernels<float> ChooseFloat(std::int64_t inputs);
FewInputKernels<double> ChooseDouble(std::int64_t inputs);
}  // namespace avx2

namespace {
bool HasAvx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
}  // namespace
#endif

template <>
FewInputKernels<float> KernelsForInputs<float>(std::int64_t inputs) {
#ifdef CVXNN_HAS_AVX2_KERNELS
  if (HasAvx2()) return avx2::ChooseFloat(inputs);
#endif
  return baseline::Choose<float>(inputs);
}

template <>
FewInputKernels<double> KernelsForInputs<double>(std::int64_t inputs) {
#ifdef CVXNN_HAS_AVX2_KERNELS
  if (HasAvx2()) return avx2::ChooseDouble(inputs);
#endif
  return baseline::Choose<double>(inputs);
}

}  // namespace cvxnn::descent
