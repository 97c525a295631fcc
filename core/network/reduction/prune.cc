// SPDX-License-Identifier: Apache-2.0
// Null combinations of neurons, one after the other; see prune.h.
#include "core/network/reduction/prune.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <limits>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "core/network/reduction/merge.h"
#include "core/torch/runtime.h"

namespace cvxnn {
namespace {

at::Tensor ToDouble(const at::Tensor& x) { return x.defined() ? x.to(at::kCPU).to(at::kDouble) : x; }

Network OnCpuInDouble(const Network& network) {
  return {network.activation, ToDouble(network.first_layer), ToDouble(network.second_layer), ToDouble(network.gates)};
}

Network InTypeOf(const Network& network, const Network& like) {
  const auto restore = [&](const at::Tensor& x) { return x.defined() ? x.to(like.first_layer.options()) : x; };
  return {network.activation, restore(network.first_layer), restore(network.second_layer), restore(network.gates)};
}

Network Select(const Network& network, const at::Tensor& index) {
  Network selected = network;
  selected.first_layer = network.first_layer.index_select(1, index);
  selected.second_layer = network.second_layer.index_select(0, index);
  if (network.gates.defined()) selected.gates = network.gates.index_select(1, index);
  return selected;
}

at::Tensor Hidden(const Network& network, const at::Tensor& features) {
  const at::Tensor products = at::mm(features, network.first_layer);
  if (network.activation == Activation::kRelu) return products.clamp_min(0);
  return products.mul(at::mm(features, network.gates).ge(0));
}

// What the penalty charges for each neuron, over β: ‖u_j‖ times the norm of α_j.
at::Tensor Costs(const Network& network, Penalty penalty) {
  const at::Tensor second =
      penalty == Penalty::kGroupL2 ? network.second_layer.abs().sum(1) : network.second_layer.square().sum(1).sqrt();
  return network.first_layer.square().sum(0).sqrt().mul(second);
}

// Orthonormal columns that span {z : Qz = 0} for Q (N×m) of unit columns.
at::Tensor NullSpace(const at::Tensor& atoms) {
  const std::int64_t rows = atoms.size(0), count = atoms.size(1);
  const at::Tensor small = rows > count ? std::get<1>(at::linalg_qr(atoms, "r")) : atoms;
  const auto [left, values, right] = at::linalg_svd(small, /*full_matrices=*/true);
  const double tolerance =
      static_cast<double>(std::max(rows, count)) * std::numeric_limits<double>::epsilon() * values.max().item<double>();
  const std::int64_t rank = values.gt(tolerance).sum().item<std::int64_t>();
  return right.narrow(0, rank, count - rank).t().contiguous();
}

// From x > 0 to x >= 0 with the same Qx and costᵀx no larger, whose positive entries belong to independent columns.
at::Tensor Reduced(const at::Tensor& atoms, const at::Tensor& costs, const at::Tensor& start) {
  at::Tensor x = start.clone();
  at::Tensor basis = NullSpace(atoms);  // of the columns not yet taken away; their rows here are zero
  const double cost_size = costs.norm().item<double>();
  while (basis.size(1) > 0) {
    // The direction in which the cost falls fastest; at an optimum none does, and any will do.
    at::Tensor direction = at::mv(basis, at::mv(basis.t(), costs));
    if (direction.norm().item<double>() <= 1e-9 * cost_size) {
      direction = basis.select(1, 0).clone();
      if (at::dot(direction, costs).item<double>() < 0) direction.neg_();
      if (direction.max().item<double>() <= 0) direction.neg_();
    }
    const double smallest = 1e-12 * direction.abs().max().item<double>();
    const at::Tensor ratios =
        at::where(direction > smallest, x / direction, at::full_like(x, std::numeric_limits<double>::infinity()));
    const std::int64_t gone = ratios.argmin().item<std::int64_t>();
    x.sub_(direction, ratios[gone].item<double>()).clamp_min_(0);
    x[gone].zero_();
    // A Householder reflection gathers row `gone` of the basis in one column; the others are a basis without it.
    at::Tensor reflector = basis.select(0, gone).clone();
    const double norm = reflector.norm().item<double>(), head = reflector[0].item<double>();
    reflector[0].fill_(head + (head < 0 ? -norm : norm));
    basis.addr_(at::mv(basis, reflector), reflector, 1, -2 / at::dot(reflector, reflector).item<double>());
    basis = basis.narrow(1, 1, basis.size(1) - 1);
    basis.select(0, gone).zero_();
  }
  // What rounding moved on the way, put right: independent columns have one solution.
  const at::Tensor kept = x.gt(1e-14 * x.max().item<double>()).nonzero().squeeze(1);
  const at::Tensor columns = atoms.index_select(1, kept);
  const auto [q, r] = at::linalg_qr(columns, "reduced");
  const at::Tensor target = at::mv(q.t(), at::mv(atoms, start)).unsqueeze(1);
  const at::Tensor exact = at::linalg_solve_triangular(r, target, /*upper=*/true).squeeze(1);
  at::Tensor result = at::zeros_like(x);
  const bool usable = at::isfinite(exact).all().item<bool>() && exact.min().item<double>() >= 0;
  return result.index_copy_(0, kept, usable ? exact : x.index_select(0, kept));
}

}  // namespace

absl::StatusOr<Network> PrunedToMinimal(const Network& network, const at::Tensor& features, Penalty penalty) {
  const at::Tensor x = ToDouble(features);
  const std::int64_t numbers = x.size(0) * network.outputs();
  Network pruned = Merged(OnCpuInDouble(network), x, penalty);
  const std::int64_t side = std::min(numbers, pruned.neurons());
  if (side > kMostPrunedAtOnce) {
    return absl::ResourceExhaustedError(absl::StrCat("pruning to a minimal network works with the smaller of ", numbers,
                                                     " outputs and ", pruned.neurons(), " neurons: may be at most ",
                                                     kMostPrunedAtOnce));
  }
  // Taken in portions, so that no more than twice n·c neurons are looked at together.
  const std::int64_t portion = std::max<std::int64_t>(numbers, 64);
  const double most = static_cast<double>(std::min(2 * portion, pruned.neurons()));
  if (auto fits = CheckFits("pruning", 8 * most * (3 * static_cast<double>(numbers) + 4 * most), x.device());
      !fits.ok()) {
    return fits;
  }
  for (std::int64_t done = 0; done < pruned.neurons();) {
    // Neurons before `done` are independent already.
    const std::int64_t end = std::min(pruned.neurons(), done + portion);
    const Network part = Select(pruned, at::arange(end, at::TensorOptions().dtype(at::kLong).device(at::kCPU)));
    const at::Tensor hidden = Hidden(part, x);
    const at::Tensor atoms = hidden.unsqueeze(1).mul(part.second_layer.t()).flatten(0, 1);  // (n·c)×m
    const at::Tensor norms = atoms.square().sum(0).sqrt();
    const at::Tensor scales = Reduced(atoms.div(norms), Costs(part, penalty).div(norms), norms).div(norms);
    const at::Tensor kept = scales.nonzero().squeeze(1);
    pruned.first_layer.narrow(1, 0, end).mul_(scales);
    pruned = Select(pruned, at::cat({kept, at::arange(end, pruned.neurons(), kept.options())}));
    done = kept.size(0);
  }
  return InTypeOf(Balanced(pruned, penalty), network);
}

Network PrunedTo(const Network& network, const at::Tensor& features, Penalty penalty, std::int64_t max_neurons,
                 Correction correction) {
  const Network whole = OnCpuInDouble(network);
  if (whole.neurons() <= max_neurons) return InTypeOf(Balanced(whole, penalty), network);
  const at::Tensor order = Costs(whole, penalty).argsort(0, /*descending=*/true).narrow(0, 0, max_neurons);
  Network pruned = Select(whole, std::get<0>(order.sort()));
  if (correction == Correction::kLeastSquares) {
    const at::Tensor x = ToDouble(features);
    const at::Tensor hidden = Hidden(pruned, x);
    pruned.second_layer = at::mm(at::linalg_pinv(hidden, 1e-12), Forward(whole, x));
  }
  return InTypeOf(Balanced(pruned, penalty), network);
}

}  // namespace cvxnn
