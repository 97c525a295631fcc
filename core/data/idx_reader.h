// SPDX-License-Identifier: Apache-2.0
// Reads the IDX format of MNIST (Y. LeCun, C. Cortes, C. Burges): unsigned bytes, big-endian sizes, plain or .gz.
#pragma once

#include <absl/status/statusor.h>

#include <string>

#include "core/data/dataset.h"
#include "core/data/read_limits.h"

namespace cvxnn::data {

struct IdxFiles {
  std::string train_images;  ///< magic 0x0803 (n×h×w) or 0x0804 (n×c×h×w), type unsigned byte
  std::string train_labels;  ///< magic 0x0801, n bytes
  std::string test_images;   ///< empty with test_labels: no test part
  std::string test_labels;
};

/// The four files of a folder under MNIST's own names (train-images-idx3-ubyte, t10k-labels-idx1-ubyte, …, each with or
/// without .gz); the test files may be absent. NOT_FOUND when the training files are not there.
absl::StatusOr<IdxFiles> FindIdxFiles(const std::string& folder);

/// Features are float32 0..255, n×(c·h·w), image shape set; class names are the label numbers that occur in training.
/// INVALID_ARGUMENT names the file: magic, truncated, oversized, image and label counts that differ.
absl::StatusOr<Dataset> ReadIdx(const IdxFiles& files, const ReadLimits& limits);

}  // namespace cvxnn::data
