// SPDX-License-Identifier: Apache-2.0
// Time and its statistics.
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <exception>
#include <functional>
#include <thread>
#include <vector>

namespace cvxnn::bench {

/// Seconds since construction, monotonic.
class Stopwatch {
 public:
  double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// Nearest-rank quantile of at least one value, share in (0, 1]: the largest of 50 values is their 0.99.
inline double Quantile(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(values.size())));
  return values[std::max<std::size_t>(rank, 1) - 1];
}

inline double Least(const std::vector<double>& values) { return *std::min_element(values.begin(), values.end()); }

/// Runs `work` on a thread of its own, as the server runs a job: its memory then comes from an arena of its own too.
inline void OnOwnThread(const std::function<void()>& work) {
  std::exception_ptr error;
  std::jthread([&] {
    try {
      work();
    } catch (...) {
      error = std::current_exception();
    }
  }).join();
  if (error) std::rethrow_exception(error);
}

inline double MebibytesPerSecond(double bytes, double seconds) { return bytes / seconds / (1 << 20); }

}  // namespace cvxnn::bench
