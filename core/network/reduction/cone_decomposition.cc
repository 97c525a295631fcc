// SPDX-License-Identifier: Apache-2.0
// Midpoints c of the two parts of each gated neuron; see cone_decomposition.h.
#include "core/network/reduction/cone_decomposition.h"

#include <ATen/ATen.h>

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "core/network/reduction/least_distance.h"
#include "core/network/reduction/merge.h"

namespace cvxnn {
namespace {

using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

// Rounds of majorising the two norms, and the change of their sum at which they end.
constexpr int kMostRounds = 30;
constexpr double kStandstill = 1e-10;

// Steps of the accelerated gradient for kApproximate.
constexpr int kMostSteps = 2000;

Eigen::VectorXd Column(const at::Tensor& matrix, std::int64_t column) {
  const at::Tensor values = matrix.select(1, column).contiguous();
  return Eigen::Map<const Eigen::VectorXd>(values.data_ptr<double>(), values.size(0));
}

at::Tensor ToTensor(const Eigen::VectorXd& vector) {
  at::Tensor tensor = at::empty({vector.size()}, at::TensorOptions().dtype(at::kDouble).device(at::kCPU));
  std::copy(vector.data(), vector.data() + vector.size(), tensor.data_ptr<double>());
  return tensor;
}

absl::Status TooThin(std::int64_t neuron) {
  return absl::FailedPreconditionError(
      absl::StrCat("neuron ", neuron,
                   " has no ReLU neurons with its outputs: a training row lies on the boundary of "
                   "its gate, whose cone is too thin"));
}

// A gated network on rows X, everything float64 on the CPU.
struct Gated {
  at::Tensor features;  // X, n×d
  at::Tensor signs;     // E, n×m: +1 where the gate is open, else −1
  at::Tensor vectors;   // v, d×m
  at::Tensor gates;     // g, d×m
  at::Tensor bounds;    // ½|Xv|, n×m
};

// The least t with t·EXg >= ½|Xv| of each neuron; infinite where none is.
at::Tensor GateLengths(const Gated& gated) {
  const at::Tensor margins = at::mm(gated.features, gated.gates).mul(gated.signs);
  return at::where(gated.bounds > 0, gated.bounds / margins, at::zeros_like(margins)).amax(0);
}

// The c of least ‖c + v/2‖ + ‖c − v/2‖ with EXc >= ½|Xv|. ‖x‖ <= ‖x‖²/(2r) + r/2 with equality at r = ‖x‖, so each
// round is a least distance to a point z between the ends, and the sum of norms falls from round to round.
std::optional<Eigen::VectorXd> LeastNormMidpoint(const Eigen::MatrixXd& g, const Eigen::VectorXd& bound,
                                                 const Eigen::VectorXd& v, double unit) {
  const Eigen::VectorXd half = v / 2;
  const double least = 1e-12 * v.norm();
  Eigen::VectorXd z = Eigen::VectorXd::Zero(v.size());
  std::optional<Eigen::VectorXd> best;
  double sum = 0;
  for (int round = 0; round < kMostRounds; ++round) {
    const auto step = LeastDistance(g, (bound - g * z) / unit);
    if (!step.has_value()) return best;
    const Eigen::VectorXd c = z + unit * *step;
    const double a = std::max((c + half).norm(), least), b = std::max((c - half).norm(), least);
    if (best.has_value() && a + b >= sum * (1 - kStandstill)) {
      if (a + b < sum) best = c;
      break;
    }
    best = c;
    sum = a + b;
    // Weights 1/a at −v/2 and 1/b at v/2.
    z = half * ((a - b) / (a + b));
  }
  return best;
}

absl::StatusOr<at::Tensor> LeastNorm(const Gated& gated) {
  const at::Tensor x = gated.features.contiguous();
  const Eigen::Map<const RowMajor> rows(x.data_ptr<double>(), x.size(0), x.size(1));
  const at::Tensor lengths = GateLengths(gated);
  const at::Tensor gate_norms = gated.gates.square().sum(0).sqrt();
  at::Tensor midpoints = at::empty_like(gated.vectors);
  for (std::int64_t j = 0; j < gated.vectors.size(1); ++j) {
    const Eigen::VectorXd v = Column(gated.vectors, j), bound = Column(gated.bounds, j);
    const Eigen::MatrixXd g = Column(gated.signs, j).asDiagonal() * rows;
    const double reach = lengths[j].item<double>() * gate_norms[j].item<double>();
    const bool inside = std::isfinite(reach) && lengths[j].item<double>() >= 0;
    auto c = LeastNormMidpoint(g, bound, v, std::max(inside ? reach : 0, v.norm()));
    if (!c.has_value() && inside) c = lengths[j].item<double>() * Column(gated.gates, j);
    if (!c.has_value()) return TooThin(j);
    if (inside) {
      // What rounding left outside is brought back along the gate, which is inside.
      const Eigen::VectorXd gate = Column(gated.gates, j);
      const Eigen::VectorXd margins = g * gate, missing = bound - g * *c;
      double shift = 0;
      for (Eigen::Index i = 0; i < margins.size(); ++i) {
        if (missing[i] > 0 && margins[i] > 0) shift = std::max(shift, missing[i] / margins[i]);
      }
      if (shift * gate.norm() <= 1e-6 * v.norm()) *c += shift * gate;
    }
    midpoints.select(1, j).copy_(ToTensor(*c));
  }
  return midpoints;
}

absl::StatusOr<at::Tensor> AlongGate(const Gated& gated) {
  const at::Tensor lengths = GateLengths(gated);
  const at::Tensor bad = at::isfinite(lengths).logical_not().logical_or(lengths < 0).nonzero();
  if (bad.size(0) > 0) return TooThin(bad[0][0].item<std::int64_t>());
  return gated.gates.mul(lengths);
}

// Nesterov's method for strongly convex functions, all neurons at once: a step is two products with X.
at::Tensor Approximate(const Gated& gated, double weight) {
  const double mean_square = gated.features.square().sum().item<double>() / static_cast<double>(gated.features.size(0));
  const double rho = weight / std::max(mean_square, 1e-300);
  at::Tensor power = at::ones({gated.features.size(1)}, gated.features.options());
  double largest = 0;
  for (int step = 0; step < 30; ++step) {
    power = at::mv(gated.features.t(), at::mv(gated.features, power.div(power.norm().clamp_min(1e-300))));
    largest = power.norm().item<double>();
  }
  const double lipschitz = 1 + 1.05 * rho * largest;
  const double root = std::sqrt(lipschitz), momentum = (root - 1) / (root + 1);
  at::Tensor c = at::zeros_like(gated.vectors), ahead = c;
  for (int step = 0; step < kMostSteps; ++step) {
    const at::Tensor missing = gated.bounds.sub(gated.signs.mul(at::mm(gated.features, ahead))).clamp_min_(0);
    const at::Tensor slope = ahead.sub(at::mm(gated.features.t(), missing.mul_(gated.signs)), rho);
    const at::Tensor next = ahead.sub(slope, 1 / lipschitz);
    const double moved = next.sub(c).norm().item<double>(), size = next.norm().item<double>();
    ahead = next.add(next.sub(c), momentum);
    c = next;
    if (moved <= 1e-9 * size) break;
  }
  return c;
}

}  // namespace

std::string Name(Decomposition method) {
  switch (method) {
    case Decomposition::kLeastNorm:
      return "least_norm";
    case Decomposition::kAlongGate:
      return "along_gate";
    case Decomposition::kApproximate:
      return "approximate";
  }
  return "least_norm";
}

absl::StatusOr<Network> ToRelu(const Network& network, const at::Tensor& features, Penalty penalty,
                               const DecompositionOptions& options) {
  if (network.activation != Activation::kGated) {
    return absl::InvalidArgumentError("the network is a ReLU network already: must be gated");
  }
  if (!(options.violation_weight > 0) || !std::isfinite(options.violation_weight)) {
    return absl::InvalidArgumentError(
        absl::StrCat("violation_weight = ", options.violation_weight, ": must be > 0 and finite"));
  }
  if (options.method == Decomposition::kLeastNorm && network.inputs() > kMostLeastNormInputs) {
    return absl::ResourceExhaustedError(absl::StrCat("decomposition = least_norm: is for at most ",
                                                     kMostLeastNormInputs, " inputs, the network has ",
                                                     network.inputs()));
  }
  const auto to_double = [](const at::Tensor& x) { return x.to(at::kCPU).to(at::kDouble); };
  Gated gated;
  gated.features = to_double(features);
  Network merged = network;
  merged.first_layer = to_double(network.first_layer);
  merged.second_layer = to_double(network.second_layer);
  merged.gates = to_double(network.gates);
  merged = Merged(merged, gated.features, penalty);
  gated.vectors = merged.first_layer;
  gated.gates = merged.gates;
  const at::Tensor open = at::mm(gated.features, gated.gates).ge(0);
  gated.signs = open.to(at::kDouble).mul_(2).sub_(1);
  const at::Tensor products = at::mm(gated.features, gated.vectors);
  gated.bounds = products.abs().mul_(0.5);

  // Those that are in their cone, or the negative of whom is, need one neuron.
  const at::Tensor sides = products.mul(gated.signs);
  const at::Tensor in_cone = sides.ge(0).all(0), opposite = sides.le(0).all(0);
  const at::Tensor easy = in_cone.logical_or(opposite), hard = easy.logical_not().nonzero().squeeze(1);
  at::Tensor midpoints =
      gated.vectors.mul(at::where(in_cone, at::full_like(products[0], 0.5), at::full_like(products[0], -0.5)));
  if (hard.size(0) > 0) {
    const auto pick = [&](const at::Tensor& x) { return x.index_select(1, hard); };
    const Gated rest{gated.features, pick(gated.signs), pick(gated.vectors), pick(gated.gates), pick(gated.bounds)};
    absl::StatusOr<at::Tensor> found = at::Tensor();
    switch (options.method) {
      case Decomposition::kLeastNorm:
        found = LeastNorm(rest);
        break;
      case Decomposition::kAlongGate:
        found = AlongGate(rest);
        break;
      case Decomposition::kApproximate:
        found = Approximate(rest, options.violation_weight);
        break;
    }
    if (!found.ok()) return found.status();
    midpoints = midpoints.index_copy(1, hard, *found);
  }
  Network relu;
  relu.activation = Activation::kRelu;
  relu.first_layer = at::cat({midpoints + gated.vectors.mul(0.5), midpoints - gated.vectors.mul(0.5)}, 1);
  relu.second_layer = at::cat({merged.second_layer, merged.second_layer.neg()}, 0);
  relu = Merged(relu, gated.features, penalty);
  relu.first_layer = relu.first_layer.to(network.first_layer.options());
  relu.second_layer = relu.second_layer.to(network.first_layer.options());
  return relu;
}

}  // namespace cvxnn
