// SPDX-License-Identifier: Apache-2.0
// The bound that every reader keeps: what a file claims about its size is checked before memory is taken.
#pragma once

#include <cstdint>

namespace cvxnn::data {

struct ReadLimits {
  /// Most bytes of numbers a reader may hold for one data set (all parts, features and targets together), > 0. Default
  /// 16 GiB.
  std::int64_t max_bytes = std::int64_t{16} << 30;
};

}  // namespace cvxnn::data
