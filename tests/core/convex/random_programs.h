// SPDX-License-Identifier: Apache-2.0
// Small gated programs of every loss for tests that compare solvers.
#pragma once

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <cstdint>

#include "core/convex/program.h"
#include "tests/core/convex/double_tensors.h"

namespace cvxnn::convex {

/// Float64, on the CPU.
inline at::Tensor RandomNormal(std::int64_t rows, std::int64_t columns, std::uint64_t seed) {
  at::Generator generator = at::make_generator<at::CPUGeneratorImpl>(seed);
  return at::randn({rows, columns}, generator, kDouble);
}

/// A gated program of 40 rows, 5 inputs and 30 patterns, of which 5 are there twice, so that weights at the optimum are
/// not unique; targets of a planted network, as the loss wants them. β is not set.
inline Program RandomProgram(std::uint64_t seed, Loss loss, Penalty penalty, std::int64_t outputs) {
  Program program;
  program.features = RandomNormal(40, 5, seed);
  program.patterns.gates = RandomNormal(5, 30, seed + 1000);
  program.patterns.gates.narrow(1, 25, 5).copy_(program.patterns.gates.narrow(1, 0, 5));
  program.patterns.mask = program.features.mm(program.patterns.gates).ge(0);
  const at::Tensor hidden = program.features.mm(RandomNormal(5, 3, seed + 2000)).clamp_min(0);
  const at::Tensor scores = hidden.mm(RandomNormal(3, outputs, seed + 3000));
  program.targets = scores.sub(scores.mean(0)).add(RandomNormal(40, outputs, seed + 4000), 0.1);
  if (loss == Loss::kCrossEntropy) {
    program.targets = at::zeros_like(scores).scatter_(1, scores.argmax(1, /*keepdim=*/true), 1);
  } else if (loss != Loss::kSquared) {
    program.targets = program.targets.sign();
  }
  program.loss = loss;
  program.penalty = penalty;
  return program;
}

}  // namespace cvxnn::convex
