// SPDX-License-Identifier: Apache-2.0
// See parallel_ranges.h. The only source that is compiled with OpenMP, which LibTorch's template of the loop needs.
#include "core/descent/engines/parallel_ranges.h"

#include <ATen/Parallel.h>

#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
#endif

namespace cvxnn::descent {
namespace {

// ThreadSanitizer does not see how libgomp's threads wait for each other: that what they did is done when the loop
// ends.
void ThreadIsDone([[maybe_unused]] void* loop) {
#ifdef __SANITIZE_THREAD__
  __tsan_release(loop);
#endif
}
void AllAreDone([[maybe_unused]] void* loop) {
#ifdef __SANITIZE_THREAD__
  __tsan_acquire(loop);
#endif
}

}  // namespace

int ParallelThreads() { return at::get_num_threads(); }

void ParallelRanges(std::int64_t count, std::int64_t grain,
                    absl::FunctionRef<void(int thread, std::int64_t begin, std::int64_t end)> body) {
  // LibTorch's loop would do the same, after looking at its settings.
  if (count <= grain) return body(0, 0, count);
  at::parallel_for(0, count, grain, [&](std::int64_t begin, std::int64_t end) {
    body(at::get_thread_num(), begin, end);
    ThreadIsDone(&body);
  });
  AllAreDone(&body);
}

}  // namespace cvxnn::descent
