// SPDX-License-Identifier: Apache-2.0
// Reads arrays in NumPy's NPY format, versions 1.0 to 3.0 (numpy.lib.format), and data sets made of two or four such
// files.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "core/data/byte_source.h"
#include "core/data/csv_reader.h"
#include "core/data/dataset.h"
#include "core/data/read_limits.h"

namespace cvxnn::data {

/// An array flattened to rows × the rest; a one-dimensional array of n is n×1.
struct NpyArray {
  Matrix values;                    ///< float32 for f4, u1 and bool; float64 for f8 and the other integers
  std::vector<std::int64_t> shape;  ///< as stored, at least one dimension
};

/// Reads one array; `source` must end with it. Either byte order, C or Fortran order, f4 f8 i1–i8 u1–u8 b1.
/// INVALID_ARGUMENT names the source and what is wrong: magic, version, header, dtype, shape, truncated, oversized;
/// RESOURCE_EXHAUSTED when the array would need more than `max_bytes`.
absl::StatusOr<NpyArray> ReadNpyArray(ByteSource& source, std::int64_t max_bytes);

/// Paths of one part; `features` is n×… and `targets` n (class numbers, or values), n×1 or n×c (values).
struct NpyFiles {
  std::string train_features;
  std::string train_targets;
  std::string test_features;  ///< empty with test_targets: no test part
  std::string test_targets;
};

/// An n×c×h×w feature array gives the data set's image shape.
absl::StatusOr<Dataset> ReadNpy(const NpyFiles& files, TargetKind targets, const ReadLimits& limits);

/// Joins arrays into a data set: what ReadNpy and ReadNpz share. Test arrays of 0 dimensions mean no test part. One-hot
/// targets may take `max_bytes`.
absl::StatusOr<Dataset> DatasetFromArrays(NpyArray train_features, NpyArray train_targets, NpyArray test_features,
                                          NpyArray test_targets, TargetKind targets, std::int64_t max_bytes);

}  // namespace cvxnn::data
