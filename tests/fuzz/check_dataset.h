// SPDX-License-Identifier: Apache-2.0
// What every reader promises of the data sets it gives.
#pragma once

#include <absl/status/statusor.h>

#include "core/data/dataset.h"
#include "core/data/read_limits.h"
#include "core/data/validate.h"
#include "tests/fuzz/fuzz_target.h"

namespace cvxnn::fuzz {

/// Small, so that a file which promises more is refused before libFuzzer's own limits are reached.
inline data::ReadLimits Limits() { return {.max_bytes = std::int64_t{4} << 20}; }

inline void CheckRead(const absl::StatusOr<data::Dataset>& dataset) {
  if (!dataset.ok()) {
    Promise(!dataset.status().message().empty(), "an error says what is wrong");
    return;
  }
  Promise(data::ValidateDataset(*dataset).ok(), "what a reader gives is valid");
}

}  // namespace cvxnn::fuzz
