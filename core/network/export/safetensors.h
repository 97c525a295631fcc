// SPDX-License-Identifier: Apache-2.0
// The safetensors container (https://github.com/huggingface/safetensors, "Format"): an 8-byte little-endian header
// length, a JSON header that gives each tensor's type, shape and place, and the numbers, row-major, little-endian.
#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <ostream>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace cvxnn {

/// What a safetensors file holds.
struct Safetensors {
  std::map<std::string, at::Tensor> tensors;  ///< float32 or float64, any device; read ones are on the CPU
  std::map<std::string, std::string> metadata;
};

/// The longest JSON header that is read.
inline constexpr std::size_t kMaxSafetensorsHeader = std::size_t{1} << 20;

/// Writes tensors in the order of their names. The header is padded with spaces so that the numbers start at a multiple
/// of 8 bytes. INVALID_ARGUMENT for another element type; DATA_LOSS when the stream fails.
absl::Status WriteSafetensors(const Safetensors& content, std::ostream& stream);

/// Reads any bytes. INVALID_ARGUMENT says what is wrong with them: a length, offset or shape that does not fit, a
/// header that is not as specified, an element type other than F32 and F64, tensors that overlap or leave bytes between
/// them. Memory used is in proportion to `bytes`.
absl::StatusOr<Safetensors> ReadSafetensors(absl::string_view bytes);

}  // namespace cvxnn
