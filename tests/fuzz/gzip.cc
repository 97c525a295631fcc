// SPDX-License-Identifier: Apache-2.0
// Bytes of a file, inflated where it is gzip: never more than max_size() of them, whatever the file says.
#include <vector>

#include "core/data/byte_source.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/input_file.h"

CVXNN_FUZZ_TARGET(gzip) {
  using namespace cvxnn;
  const fuzz::InputFile file(input);
  auto source = data::OpenFile(file.path());
  if (!source.ok()) return;
  std::vector<char> buffer(1 << 16);
  std::int64_t total = 0;
  while (true) {
    const auto read = (*source)->Read(buffer.data(), buffer.size());
    if (!read.ok() || *read == 0) break;
    fuzz::Promise(*read <= buffer.size(), "a read keeps to the buffer");
    total += static_cast<std::int64_t>(*read);
    fuzz::Promise(total <= (*source)->max_size(), "max_size is an upper bound");
  }
}
