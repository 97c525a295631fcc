// SPDX-License-Identifier: Apache-2.0
// What CUDA says about a GPU: name and memory. Nothing in a build without CUDA.
#pragma once

#include <optional>

#include "core/torch/runtime.h"

namespace cvxnn {

/// Name and memory of GPU `index` (name "cuda:<index>"). Memory that LibTorch's allocator keeps but no tensor uses
/// counts as free. Nothing where CUDA cannot say, or was not built in.
std::optional<DeviceInfo> DescribeCudaDevice(int index);

}  // namespace cvxnn
