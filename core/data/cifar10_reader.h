// SPDX-License-Identifier: Apache-2.0
// Reads CIFAR-10's binary version: records of 3,073 bytes, a label 0..9 and 32×32 pixels of red, green and blue
// (A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009).
#pragma once

#include <absl/status/statusor.h>

#include <string>
#include <vector>

#include "core/data/dataset.h"
#include "core/data/read_limits.h"

namespace cvxnn::data {

/// `train_paths` is either one folder (its data_batch_*.bin in numeric order, or train.bin; test_batch.bin or test.bin
/// when there; class names from batches.meta.txt when there) or a list of record files. `test_paths` is a list of
/// record files and must be empty for a folder. Features are float32 0..255, n×3072, image shape 3×32×32. Classes are
/// those that occur in training. INVALID_ARGUMENT names the file: size not a multiple of 3,073, no records, a label
/// above 9 (with the record number).
absl::StatusOr<Dataset> ReadCifar10(const std::vector<std::string>& train_paths,
                                    const std::vector<std::string>& test_paths, const ReadLimits& limits);

}  // namespace cvxnn::data
