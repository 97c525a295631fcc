// SPDX-License-Identifier: Apache-2.0
// How much of the machine's matrix products core reaches.
#pragma once

#include "bench/table.h"

namespace cvxnn::bench {

/// One epoch of gated FISTA (P = 100) and one mini-batch epoch of descent (m = 100) on 10,000×3,072 float32, a pair of
/// CIFAR-10's classes in size, against plain at::mm of the same flops.
void MeasureCoreShare(Table* table);

}  // namespace cvxnn::bench
