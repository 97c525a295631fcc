// SPDX-License-Identifier: Apache-2.0
// Stored descriptions of data sets.
#include "server/store/dataset_description.h"
#include "tests/fuzz/fuzz_target.h"

CVXNN_FUZZ_TARGET(description) {
  using namespace cvxnn;
  const auto description = server::DecodeDescription(std::string(input));
  if (!description.ok()) return;
  const std::string bytes = server::EncodeDescription(*description);
  const auto again = server::DecodeDescription(bytes);
  fuzz::Promise(again.ok() && server::EncodeDescription(*again) == bytes, "a description is kept as it is");
}
