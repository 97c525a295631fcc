// SPDX-License-Identifier: Apache-2.0
// Names of the ways to reduce networks. No tensors here: the server's tables use these names.
#pragma once

#include <string>

namespace cvxnn {

/// What makes up for neurons that pruning took away (prune.h).
enum class Correction {
  kNone,
  kLeastSquares,  ///< the second layer is fitted anew to the outputs of the whole network on X, of least norm
};

/// How a gated neuron is split into ReLU neurons (cone_decomposition.h).
enum class Decomposition {
  /// The least ‖a‖ + ‖b‖, and so the least penalty: least distances (least_distance.h) with the weights that majorise
  /// the norms, until they stand still. Exact; for few inputs.
  kLeastNorm,
  /// c = t·g with the least t. Exact and cheap at any size; norms as large as the gate is close to a row.
  kAlongGate,
  /// min ½‖c‖² + ½ρ‖(½|Xv| − EXc)₊‖², rows scaled to unit mean square: short vectors that leave their cones a little,
  /// so outputs on X are not quite kept. At any size.
  kApproximate,
};

/// "least_norm", "along_gate", "approximate".
std::string Name(Decomposition method);

}  // namespace cvxnn
