// SPDX-License-Identifier: Apache-2.0
// Deterministic small networks and matrices.
#pragma once

#include <ATen/ATen.h>

#include <cmath>

#include "core/network/network.h"

namespace cvxnn {

inline at::Tensor Matrix(std::int64_t rows, std::int64_t cols, double phase, at::ScalarType type = at::kDouble) {
  at::Tensor matrix = at::empty({rows, cols}, at::TensorOptions().device(at::kCPU).dtype(at::kDouble));
  for (std::int64_t i = 0; i < rows * cols; ++i) {
    matrix.data_ptr<double>()[i] = std::sin(phase + 78.233 * static_cast<double>(i * i + i + 1));
  }
  return matrix.to(type);
}

/// d = 3, m = 4, c = 2.
inline Network Sample(Activation activation, at::ScalarType type = at::kDouble) {
  Network network;
  network.activation = activation;
  network.first_layer = Matrix(3, 4, 0.3, type);
  network.second_layer = Matrix(4, 2, 0.8, type);
  if (activation == Activation::kGated) network.gates = Matrix(3, 4, 1.9, type);
  return network;
}

inline Network Empty(at::ScalarType type = at::kDouble) {
  Network network;
  network.first_layer = Matrix(3, 0, 0, type);
  network.second_layer = Matrix(0, 2, 0, type);
  return network;
}

}  // namespace cvxnn
