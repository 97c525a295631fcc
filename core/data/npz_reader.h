// SPDX-License-Identifier: Apache-2.0
// Reads a data set from a NumPy NPZ archive (a zip file of NPY arrays, stored or deflated).
#pragma once

#include <absl/status/statusor.h>

#include <string>

#include "core/data/csv_reader.h"
#include "core/data/dataset.h"
#include "core/data/read_limits.h"

namespace cvxnn::data {

/// Names of the arrays in the archive. Empty: the first of the usual names that is there (features: x_train, X_train,
/// X, x, features, data; targets: y_train, Y_train, y, Y, targets, target, labels; test: x_test, X_test and y_test,
/// Y_test, or no test part).
struct NpzArrays {
  std::string train_features;
  std::string train_targets;
  std::string test_features;
  std::string test_targets;
};

/// Errors as ReadNpyArray, naming archive and array; an unknown array name lists those present. Sizes promised by the
/// archive and by the arrays' headers must agree and fit limits.max_bytes before anything is inflated.
absl::StatusOr<Dataset> ReadNpz(const std::string& path, const NpzArrays& wanted, TargetKind targets,
                                const ReadLimits& limits);

}  // namespace cvxnn::data
