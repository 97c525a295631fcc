// SPDX-License-Identifier: Apache-2.0
// A data set's complete description as bytes: more than the contract's Dataset says, since rows sent for prediction
// need every number that the transforms learned, principal directions included.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "core/data/dataset.h"

namespace cvxnn::server {

/// CBOR (RFC 8949) with the field names of core/data; numbers learned are byte strings of little-endian float64, so
/// nothing is rounded.
std::string EncodeDescription(const data::Description& description);

/// DATA_LOSS when the bytes are no such description.
absl::StatusOr<data::Description> DecodeDescription(const std::string& bytes);

}  // namespace cvxnn::server
