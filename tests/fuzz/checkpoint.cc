// SPDX-License-Identifier: Apache-2.0
// Checkpoints: the bytes behind the checksum are fuzzed (and the whole, now and then), as those of a path, of convex
// training and as such.
#include "core/descent/checkpoint.h"

#include <ATen/ATen.h>

#include <cstring>

#include "core/training/convex_state.h"
#include "core/training/path_state.h"
#include "tests/fuzz/fuzz_target.h"

CVXNN_FUZZ_TARGET(checkpoint) {
  using namespace cvxnn;
  const std::string empty = descent::ToBytes({});
  const std::size_t magic = empty.size() - 2 * sizeof(std::uint64_t);
  std::string bytes(input);
  if (input.size() >= empty.size()) {
    const absl::string_view body(input.data() + empty.size(), input.size() - empty.size());
    const std::uint64_t header[] = {descent::Checksum(body), body.size()};
    std::memcpy(bytes.data() + magic, header, sizeof header);
  }
  (void)descent::FromBytes({input.data(), input.size()});
  const auto state = descent::FromBytes(bytes);
  (void)training::FromBytes(bytes, {}, at::empty({0}, at::kDouble));
  training::TensorData data;
  data.features = at::zeros({4, 2}, at::kDouble);
  data.targets = at::zeros({4, 1}, at::kDouble);
  (void)training::ConvexStateFromBytes(bytes, {}, data);
  if (!state.ok()) return;
  const auto again = descent::FromBytes(descent::ToBytes(*state));
  fuzz::Promise(again.ok() && again->size() == state->size(), "a state that was read is written and read again");
}
