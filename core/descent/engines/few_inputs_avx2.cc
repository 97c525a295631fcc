// SPDX-License-Identifier: Apache-2.0
// The kernels of few_inputs.h for x86-64 processors with AVX2 and FMA; this file alone is compiled for them.
#define CVXNN_INSTRUCTIONS avx2
#include "core/descent/engines/few_inputs_kernels.h"

namespace cvxnn::descent::avx2 {

FewInputKernels<float> ChooseFloat(std::int64_t inputs);
FewInputKernels<double> ChooseDouble(std::int64_t inputs);

FewInputKernels<float> ChooseFloat(std::int64_t inputs) { return Choose<float>(inputs); }
FewInputKernels<double> ChooseDouble(std::int64_t inputs) { return Choose<double>(inputs); }

}  // namespace cvxnn::descent::avx2
