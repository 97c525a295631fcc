// SPDX-License-Identifier: Apache-2.0
// A loop over LibTorch's intra-op threads, so that our own loops and tensor operations share one pool and one setting.
#pragma once

#include <cstdint>

#include "absl/functional/function_ref.h"

namespace cvxnn::descent {

/// Elements of a plain pass over weights that are worth a thread of their own.
inline constexpr std::int64_t kElementGrain = std::int64_t{1} << 17;

/// Threads that ParallelRanges may use on the calling thread, >= 1.
int ParallelThreads();

/// Calls body(thread, begin, end) on disjoint ranges that cover [0, count), on as many threads as give each at least
/// `grain` (>= 1) items; on the calling thread alone when that is one. `thread` is in [0, ParallelThreads()).
void ParallelRanges(std::int64_t count, std::int64_t grain,
                    absl::FunctionRef<void(int thread, std::int64_t begin, std::int64_t end)> body);

}  // namespace cvxnn::descent
