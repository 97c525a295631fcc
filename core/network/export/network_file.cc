// SPDX-License-Identifier: Apache-2.0
// A network to and from the names of its safetensors file; see network_file.h.
#include "core/network/export/network_file.h"

#include <ATen/ATen.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "core/network/export/safetensors.h"
#include "core/torch/runtime.h"

namespace cvxnn {
namespace {

constexpr const char* kFirstLayer = "first_layer.weight";
constexpr const char* kSecondLayer = "second_layer.weight";
constexpr const char* kGates = "gates";
constexpr const char* kActivation = "activation";

absl::StatusOr<Network> NetworkOf(const Safetensors& content) {
  Network network;
  const auto activation = content.metadata.find(kActivation);
  if (activation == content.metadata.end()) return absl::InvalidArgumentError("network file: no activation is said");
  if (activation->second == Name(Activation::kGated)) {
    network.activation = Activation::kGated;
  } else if (activation->second != Name(Activation::kRelu)) {
    return absl::InvalidArgumentError("network file: activation must be relu or gated");
  }
  for (const auto& [name, tensor] : content.tensors) {
    if (tensor.dim() != 2) {
      return absl::InvalidArgumentError(absl::StrCat("network file: ", name, " must have two dimensions"));
    }
    const at::Tensor weights = tensor.t().contiguous();
    if (name == kFirstLayer) {
      network.first_layer = weights;
    } else if (name == kSecondLayer) {
      network.second_layer = weights;
    } else if (name == kGates) {
      network.gates = weights;
    } else {
      return absl::InvalidArgumentError("network file: holds a tensor that is no part of a network");
    }
  }
  if (auto status = Validate(network); !status.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("network file: ", status.message()));
  }
  return network;
}

}  // namespace

absl::Status WriteNetwork(const Network& network, std::ostream& stream) {
  return GuardTorch("writing safetensors", [&]() -> absl::Status {
    if (auto status = Validate(network); !status.ok()) return status;
    Safetensors content;
    content.tensors[kFirstLayer] = network.first_layer.t();
    content.tensors[kSecondLayer] = network.second_layer.t();
    if (network.gates.defined()) content.tensors[kGates] = network.gates.t();
    content.metadata = {{"format", "pt"}, {kActivation, Name(network.activation)}, {"cvxnn_version", CVXNN_VERSION}};
    return WriteSafetensors(content, stream);
  });
}

absl::StatusOr<Network> ReadNetwork(absl::string_view bytes) {
  absl::StatusOr<Network> network = absl::InternalError("nothing was read");
  const absl::Status status = GuardTorch("reading safetensors", [&]() -> absl::Status {
    const auto content = ReadSafetensors(bytes);
    if (!content.ok()) return content.status();
    network = NetworkOf(*content);
    return network.status();
  });
  if (!status.ok()) return status;
  return network;
}

}  // namespace cvxnn
