// SPDX-License-Identifier: Apache-2.0
// A network as a safetensors file. Names and layout are those of a PyTorch module with two linear layers without bias:
//   first_layer.weight  [m, d]  Uᵀ
//   second_layer.weight [c, m]  αᵀ
//   gates               [m, d]  Gᵀ, gated networks only
// and the metadata are format = "pt", activation = "relu" or "gated", cvxnn_version. So `load_file` of the safetensors
// package gives the state dict of Sequential-like code, and
// x ↦ relu(x @ first_layer.weight.T) @ second_layer.weight.T are the outputs.
#pragma once

#include <ostream>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/network/network.h"

namespace cvxnn {

/// Writes the file. Errors as Validate(network); DATA_LOSS when the stream fails.
absl::Status WriteNetwork(const Network& network, std::ostream& stream);

/// Reads what WriteNetwork wrote, onto the CPU, exactly. INVALID_ARGUMENT for anything else, whatever the bytes.
absl::StatusOr<Network> ReadNetwork(absl::string_view bytes);

}  // namespace cvxnn
