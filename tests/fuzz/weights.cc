// SPDX-License-Identifier: Apache-2.0
// Safetensors files: tensors that were read are written and read again as they are.
#include <sstream>

#include "core/network/export/network_file.h"
#include "core/network/export/safetensors.h"
#include "tests/fuzz/fuzz_target.h"

CVXNN_FUZZ_TARGET(weights) {
  using namespace cvxnn;
  const auto read = ReadSafetensors({input.data(), input.size()});
  (void)ReadNetwork({input.data(), input.size()});
  if (!read.ok()) return;
  std::ostringstream written;
  fuzz::Promise(WriteSafetensors(*read, written).ok(), "what was read can be written");
  const std::string bytes = std::move(written).str();
  const auto again = ReadSafetensors(bytes);
  fuzz::Promise(again.ok() && again->tensors.size() == read->tensors.size() && again->metadata == read->metadata,
                "and read again");
}
