// SPDX-License-Identifier: Apache-2.0
// Rows to predict on, without targets.
#pragma once

#include <absl/status/statusor.h>

#include <string>

#include "core/data/matrix.h"

namespace cvxnn::command {

/// Reads a .npy array, n×d, or for any other name a CSV file of numbers; `has_header`: its first line names the
/// columns. INVALID_ARGUMENT names the file and the line.
absl::StatusOr<data::Matrix> ReadRows(const std::string& path, bool has_header);

}  // namespace cvxnn::command
