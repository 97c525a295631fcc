// SPDX-License-Identifier: Apache-2.0
// The two-layer network: weights, outputs, objective and accuracy. Both kinds of training end in one of these.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "core/network/loss.h"

namespace cvxnn {

/// Weights of a two-layer network with d inputs, m neurons and c outputs, all on one device and of one precision.
/// A network of m = 0 neurons is valid and outputs zeros.
struct Network {
  Activation activation = Activation::kRelu;
  at::Tensor first_layer;   ///< U, d×m: column j is u_j
  at::Tensor second_layer;  ///< α, m×c: row j is α_j
  at::Tensor gates;         ///< G, d×m for kGated (column j is g_j); undefined for kRelu

  std::int64_t inputs() const { return first_layer.size(0); }
  std::int64_t neurons() const { return first_layer.size(1); }
  std::int64_t outputs() const { return second_layer.size(1); }
};

/// INVALID_ARGUMENT naming the tensor when shapes, devices or dtypes disagree or a weight is not finite.
absl::Status Validate(const Network& network);

/// Outputs n×c for rows X (n×d), computed in blocks of rows so that no more than ~256 MiB is held beside the result.
at::Tensor Forward(const Network& network, const at::Tensor& features);

/// Loss of outputs against targets at the given scale (scale kMean divides by the rows of `targets`; zero rows
/// have loss 0). Summed in float64.
double LossValue(Loss loss, LossScale scale, const at::Tensor& outputs, const at::Tensor& targets);

/// Penalty of the weights as they stand, or of the products u_j α_jk where the penalty is of those, summed in float64.
double PenaltyValue(Penalty penalty, double beta, const Network& network);

/// Rescales every neuron so that ‖u_j‖ equals the norm of α_j that the penalty uses (ℓ2 for kNone); outputs are
/// unchanged and the penalty is the least over all rescalings. Neurons with a zero side become zero.
Network Balanced(const Network& network, Penalty penalty);

/// How accuracy is counted.
enum class Counting { kNone, kSign, kArgmax };

/// Which rows are classified right: outputs and targets of shape …×c give booleans of shape …, on their device. As
/// Accuracy counts; not for kNone.
at::Tensor ClassifiedRight(Counting counting, const at::Tensor& outputs, const at::Tensor& targets);

/// Share of rows classified right, in [0, 1]; nullopt for kNone or zero rows. kSign: every output has the sign of its
/// target, where 0 and -0 count as positive. A row with an output that is not a number is wrong.
std::optional<double> Accuracy(Counting counting, const at::Tensor& outputs, const at::Tensor& targets);

}  // namespace cvxnn
