// SPDX-License-Identifier: Apache-2.0
// The header of an NPY array: magic, version, and a Python dictionary literal that gives type, order and shape
// (numpy.lib.format, versions 1.0 to 3.0).
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "core/data/byte_source.h"

namespace cvxnn::data {

struct NpyHeader {
  char kind = 'f';                  ///< 'f' float, 'i' signed, 'u' unsigned, 'b' bool
  int item_bytes = 8;               ///< 1, 2, 4 or 8; floats 4 or 8
  bool swap_bytes = false;          ///< stored in the other byte order than this machine's
  bool fortran_order = false;       ///< first index runs fastest
  std::vector<std::int64_t> shape;  ///< 1 to 32 dimensions, each >= 1
  std::int64_t elements = 0;        ///< product of shape
};

/// Reads from the start of the array up to its first element. INVALID_ARGUMENT names the source.
absl::StatusOr<NpyHeader> ReadNpyHeader(ByteSource& source);

}  // namespace cvxnn::data
