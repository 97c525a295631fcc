// SPDX-License-Identifier: Apache-2.0
// A network as a TorchScript module, which torch.jit.load in Python or C++ runs without any code of ours.
#pragma once

#include <ostream>

#include "absl/status/status.h"
#include "core/network/network.h"

namespace cvxnn {

/// Writes a module on the CPU whose parameters have the names and shapes of the safetensors file (network_file.h) and
/// whose forward(x) takes n×d rows of any floating-point type and gives n×c outputs of the weights' type. Errors as
/// Validate(network); DATA_LOSS when the stream fails; INTERNAL when LibTorch does.
absl::Status WriteTorchScript(const Network& network, std::ostream& stream);

}  // namespace cvxnn
