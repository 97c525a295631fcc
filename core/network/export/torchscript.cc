// SPDX-License-Identifier: Apache-2.0
// The TorchScript module of a network; see torchscript.h. The only source that needs LibTorch's full C++ front end.
#include "core/network/export/torchscript.h"

#include <torch/script.h>

#include "core/torch/runtime.h"

namespace cvxnn {
namespace {

constexpr const char* kReluForward = R"(
def forward(self, x: Tensor) -> Tensor:
    rows = x.to(self.first_layer.weight)
    hidden = torch.relu(torch.matmul(rows, self.first_layer.weight.t()))
    return torch.matmul(hidden, self.second_layer.weight.t())
)";

constexpr const char* kGatedForward = R"(
def forward(self, x: Tensor) -> Tensor:
    rows = x.to(self.first_layer.weight)
    open_gates = torch.ge(torch.matmul(rows, self.gates.t()), 0)
    hidden = torch.matmul(rows, self.first_layer.weight.t()) * open_gates
    return torch.matmul(hidden, self.second_layer.weight.t())
)";

at::Tensor Transposed(const at::Tensor& weights) { return weights.detach().cpu().t().contiguous(); }

/// A module that Python's train() and eval() can switch, as every scripted one; both mean the same here.
torch::jit::Module ModuleNamed(const char* name) {
  torch::jit::Module module(name);
  module.register_attribute("training", c10::BoolType::get(), false);
  return module;
}

torch::jit::Module LinearLayer(const char* name, const at::Tensor& weights) {
  torch::jit::Module layer = ModuleNamed(name);
  layer.register_parameter("weight", Transposed(weights), /*is_buffer=*/false);
  return layer;
}

}  // namespace

absl::Status WriteTorchScript(const Network& network, std::ostream& stream) {
  return GuardTorch("writing TorchScript", [&]() -> absl::Status {
    if (auto status = Validate(network); !status.ok()) return status;
    torch::jit::Module module = ModuleNamed("TwoLayerNetwork");
    module.register_module("first_layer", LinearLayer("FirstLayer", network.first_layer));
    module.register_module("second_layer", LinearLayer("SecondLayer", network.second_layer));
    if (network.activation == Activation::kGated) {
      module.register_buffer("gates", Transposed(network.gates));
      module.define(kGatedForward);
    } else {
      module.define(kReluForward);
    }
    module.save(stream);
    if (!stream) return absl::DataLossError("TorchScript: the stream did not take all bytes");
    return absl::OkStatus();
  });
}

}  // namespace cvxnn
