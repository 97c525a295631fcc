// SPDX-License-Identifier: Apache-2.0
// The CUDA runtime's answers; see cuda_memory.h.
#include "core/torch/cuda_memory.h"

#ifdef CVXNN_CUDA
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAGuard.h>
#include <cuda_runtime_api.h>

#include "absl/strings/str_cat.h"
#endif

namespace cvxnn {

#ifdef CVXNN_CUDA
std::optional<DeviceInfo> DescribeCudaDevice(int index) {
  cudaDeviceProp properties{};
  if (cudaGetDeviceProperties(&properties, index) != cudaSuccess) return std::nullopt;
  const c10::cuda::CUDAGuard current(static_cast<c10::DeviceIndex>(index));
  std::size_t free_bytes = 0, total_bytes = 0;
  if (cudaMemGetInfo(&free_bytes, &total_bytes) != cudaSuccess) return std::nullopt;
  std::int64_t kept = 0;
  try {
    // Index 0 is the sum over all pools.
    const auto stats = c10::cuda::CUDACachingAllocator::getDeviceStats(static_cast<c10::DeviceIndex>(index));
    kept = stats.reserved_bytes[0].current - stats.allocated_bytes[0].current;
  } catch (const std::exception&) {
    // The allocator has not been used on this device yet: it keeps nothing.
  }
  return DeviceInfo{absl::StrCat("cuda:", index), properties.name, static_cast<std::int64_t>(total_bytes),
                    static_cast<std::int64_t>(free_bytes) + kept};
}
#else
std::optional<DeviceInfo> DescribeCudaDevice(int) { return std::nullopt; }
#endif

}  // namespace cvxnn
