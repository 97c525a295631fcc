// SPDX-License-Identifier: Apache-2.0
// The entrance that libFuzzer calls, for a program with one target.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "tests/fuzz/fuzz_target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const cvxnn::fuzz::Target target = cvxnn::fuzz::Targets().begin()->second;
  target({reinterpret_cast<const char*>(data), size});
  return 0;
}
