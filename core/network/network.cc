// SPDX-License-Identifier: Apache-2.0
// Outputs, objective and accuracy of the two-layer network (MATH, section 1). Sums are taken in float64 whatever the
// precision of the weights, so that objectives of different trainings can be compared to many digits.
#include "core/network/network.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "core/network/loss_function.h"

namespace cvxnn {
namespace {

/// Bytes of hidden activations that Forward holds at a time.
constexpr std::int64_t kForwardBlockBytes = std::int64_t{256} << 20;

std::string Shape(const at::Tensor& tensor) {
  std::string text;
  for (const std::int64_t size : tensor.sizes()) {
    absl::StrAppend(&text, text.empty() ? "" : "x", size);
  }
  return text.empty() ? "scalar" : text;
}

absl::Status CheckWeights(const char* name, const at::Tensor& weights, const at::Tensor& first_layer) {
  if (!weights.defined()) return absl::InvalidArgumentError(absl::StrCat(name, ": missing"));
  if (weights.dim() != 2) {
    return absl::InvalidArgumentError(absl::StrCat(name, " has shape ", Shape(weights), ": must have two dimensions"));
  }
  if (weights.scalar_type() != at::kFloat && weights.scalar_type() != at::kDouble) {
    return absl::InvalidArgumentError(absl::StrCat(name, ": must be float32 or float64"));
  }
  if (weights.scalar_type() != first_layer.scalar_type()) {
    return absl::InvalidArgumentError(absl::StrCat(name, ": must have the element type of first_layer"));
  }
  if (weights.device() != first_layer.device()) {
    return absl::InvalidArgumentError(absl::StrCat(name, " is on ", weights.device().str(),
                                                   ": must be on the device of first_layer, ",
                                                   first_layer.device().str()));
  }
  if (!at::isfinite(weights).all().item<bool>()) {
    return absl::InvalidArgumentError(absl::StrCat(name, ": must be finite"));
  }
  return absl::OkStatus();
}

at::Tensor HiddenRows(const Network& network, const at::Tensor& rows) {
  at::Tensor hidden = at::mm(rows, network.first_layer);
  if (network.activation == Activation::kGated) {
    return hidden.masked_fill_(at::mm(rows, network.gates).lt_(0).to(at::kBool), 0);
  }
  return hidden.relu_();
}

/// Norm of each α_j as the penalty measures it, m values.
at::Tensor OutputNorms(Penalty penalty, const at::Tensor& second_layer) {
  return penalty == Penalty::kGroupL2 ? second_layer.abs().sum(1) : second_layer.square().sum(1).sqrt();
}

}  // namespace

absl::Status Validate(const Network& network) {
  if (!network.first_layer.defined()) return absl::InvalidArgumentError("first_layer: missing");
  if (auto status = CheckWeights("first_layer", network.first_layer, network.first_layer); !status.ok()) return status;
  if (auto status = CheckWeights("second_layer", network.second_layer, network.first_layer); !status.ok()) {
    return status;
  }
  if (network.second_layer.size(0) != network.neurons()) {
    return absl::InvalidArgumentError(absl::StrCat("second_layer has shape ", Shape(network.second_layer),
                                                   ": must have one row for each of the ", network.neurons(),
                                                   " columns of first_layer"));
  }
  if (network.activation == Activation::kRelu) {
    if (network.gates.defined()) return absl::InvalidArgumentError("gates: only a gated network has them");
    return absl::OkStatus();
  }
  if (auto status = CheckWeights("gates", network.gates, network.first_layer); !status.ok()) return status;
  if (network.gates.sizes() != network.first_layer.sizes()) {
    return absl::InvalidArgumentError(absl::StrCat("gates has shape ", Shape(network.gates),
                                                   ": must have the shape of first_layer, ",
                                                   Shape(network.first_layer)));
  }
  return absl::OkStatus();
}

at::Tensor Forward(const Network& network, const at::Tensor& features) {
  const std::int64_t rows = features.size(0);
  const std::int64_t buffers = network.activation == Activation::kGated ? 2 : 1;
  const std::int64_t row_bytes =
      std::max<std::int64_t>(1, buffers * network.neurons() * static_cast<std::int64_t>(features.element_size()));
  const std::int64_t block = std::max<std::int64_t>(1, kForwardBlockBytes / row_bytes);
  if (rows <= block) return at::mm(HiddenRows(network, features), network.second_layer);

  at::Tensor outputs = at::empty({rows, network.outputs()}, features.options());
  for (std::int64_t begin = 0; begin < rows; begin += block) {
    const std::int64_t count = std::min(block, rows - begin);
    at::Tensor out = outputs.narrow(0, begin, count);
    at::mm_out(out, HiddenRows(network, features.narrow(0, begin, count)), network.second_layer);
  }
  return outputs;
}

double LossValue(Loss loss, LossScale scale, const at::Tensor& outputs, const at::Tensor& targets) {
  if (targets.size(0) == 0) return 0;
  return SumMultiple(scale, static_cast<double>(targets.size(0))) *
         FunctionOf(loss).Sum(outputs, targets).item<double>();
}

double PenaltyValue(Penalty penalty, double beta, const Network& network) {
  const at::Tensor first = network.first_layer.to(at::kDouble);
  const at::Tensor second = network.second_layer.to(at::kDouble);
  switch (penalty) {
    case Penalty::kNone:
      return 0;
    case Penalty::kGroupL2:
    case Penalty::kWeightDecay:
      return 0.5 * beta * (first.square().sum() + OutputNorms(penalty, second).square().sum()).item<double>();
    case Penalty::kRidge:
      return 0.5 * beta * first.square().sum(0).dot(second.square().sum(1)).item<double>();
    case Penalty::kL1:
      return beta * first.abs().sum(0).dot(second.abs().sum(1)).item<double>();
    case Penalty::kFeatureGroups:
      return beta * at::mv(first.square(), second.square().sum(1)).sqrt().sum().item<double>();
  }
  return 0;
}

Network Balanced(const Network& network, Penalty penalty) {
  const at::Tensor first = network.first_layer.to(at::kDouble);
  const at::Tensor second = network.second_layer.to(at::kDouble);
  const at::Tensor first_norms = first.square().sum(0).sqrt();
  const at::Tensor second_norms = OutputNorms(penalty, second);
  const at::Tensor common = first_norms.sqrt() * second_norms.sqrt();
  const at::Tensor alive = common > 0;
  const at::Tensor zero = at::zeros_like(common);
  const at::Tensor first_scale = at::where(alive, common / first_norms, zero);
  const at::Tensor second_scale = at::where(alive, common / second_norms, zero);

  Network balanced = network;
  balanced.first_layer = (first * first_scale).to(network.first_layer.scalar_type());
  balanced.second_layer = (second * second_scale.unsqueeze(1)).to(network.second_layer.scalar_type());
  return balanced;
}

at::Tensor ClassifiedRight(Counting counting, const at::Tensor& outputs, const at::Tensor& targets) {
  const at::Tensor numbers = (outputs == outputs).all(-1);
  if (counting == Counting::kSign) return (outputs.ge(0) == targets.ge(0)).all(-1).logical_and_(numbers);
  return (outputs.argmax(-1) == targets.argmax(-1)).logical_and_(numbers);
}

std::optional<double> Accuracy(Counting counting, const at::Tensor& outputs, const at::Tensor& targets) {
  const std::int64_t rows = targets.size(0);
  if (counting == Counting::kNone || rows == 0) return std::nullopt;
  const at::Tensor right = ClassifiedRight(counting, outputs, targets).sum();
  return static_cast<double>(right.item<std::int64_t>()) / static_cast<double>(rows);
}

}  // namespace cvxnn
