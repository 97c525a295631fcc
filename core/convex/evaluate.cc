// SPDX-License-Identifier: Apache-2.0
// Metrics of an iterate; see evaluate.h.
#include "core/convex/evaluate.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace cvxnn::convex {
Evaluator::Evaluator(const Program& program, const Evaluation& evaluation, const PatternOperator& map,
                     const RowSpace& row_space)
    : program_(program),
      evaluation_(evaluation),
      map_(map),
      penalty_(MakePenaltyFunction(program.penalty, program.targets.size(1))),
      scale_(HalfSumMultiple(program.loss_scale, static_cast<double>(program.features.size(0)))),
      largest_target_(program.targets.numel() == 0 ? 0 : program.targets.abs().max().item<double>()) {
  if (!evaluation.test_features.defined() || evaluation.test_features.size(0) == 0) return;
  test_features_ = row_space.Reduce(evaluation.test_features);
  if (program.activation == Activation::kGated) {
    test_mask_ = MaskOfGates(evaluation.test_features, program.patterns.gates);
  }
}

Evaluator::Sums Evaluator::TrainingSums(const at::Tensor& weights, const at::Tensor& columns) const {
  const std::int64_t rows = map_.rows(), active = columns.size(0), outputs = map_.outputs();
  const std::int64_t block = std::max<std::int64_t>(1, kBlockElements / rows);
  Sums sums{at::zeros_like(program_.targets), at::zeros_like(program_.targets), 0};
  double largest_product = largest_target_, largest_violation = 0;
  for (std::int64_t begin = 0; begin < active; begin += block) {
    const std::int64_t size = std::min(block, active - begin);
    const at::Tensor index = columns.narrow(0, begin, size);
    const at::Tensor products = at::mm(map_.features(), weights.narrow(1, begin, size));
    const at::Tensor mask = map_.mask().index_select(1, index.remainder(map_.blocks()).div(outputs, "floor"));
    const at::Tensor selector = OutputSelector(index, outputs, map_.blocks(), products.options());
    const at::Tensor masked = products.mul(mask);
    const at::Tensor clipped = products.clamp_min(0);
    sums.program.addmm_(masked, selector);
    sums.network.addmm_(clipped, selector);
    // |masked − clipped| is the amount by which a row breaks its cone: −x where the pattern says active and x < 0, and
    // x where it says inactive and x > 0.
    const at::Tensor extremes = at::stack({products.abs().max(), masked.sub(clipped).abs().max()}).to(at::kCPU);
    largest_product = std::max(largest_product, extremes[0].item<double>());
    largest_violation = std::max(largest_violation, extremes[1].item<double>());
  }
  sums.violation = largest_product > 0 ? largest_violation / largest_product : 0;
  return sums;
}

at::Tensor Evaluator::TestOutputs(const at::Tensor& weights, const at::Tensor& columns) const {
  if (program_.activation == Activation::kGated) {
    return PatternOperator(test_features_, test_mask_, map_.outputs()).ApplyColumns(weights, columns);
  }
  const std::int64_t block = std::max<std::int64_t>(1, kBlockElements / test_features_.size(0));
  at::Tensor sum = at::zeros_like(evaluation_.test_targets);
  for (std::int64_t begin = 0; begin < columns.size(0); begin += block) {
    const std::int64_t size = std::min(block, columns.size(0) - begin);
    const at::Tensor products = at::mm(test_features_, weights.narrow(1, begin, size)).clamp_min_(0);
    sum.addmm_(products,
               OutputSelector(columns.narrow(0, begin, size), map_.outputs(), map_.blocks(), products.options()));
  }
  return sum;
}

void Evaluator::Measure(const Iterate& iterate, Progress& progress) const {
  const at::Tensor active = iterate.norms.nonzero().squeeze(1);
  const at::Tensor weights = iterate.weights.index_select(1, active);
  const Loss loss = program_.loss;

  at::Tensor program_outputs = iterate.outputs, network_outputs = iterate.outputs;
  if (program_.activation == Activation::kRelu) {
    const Sums sums = TrainingSums(weights, active);
    program_outputs = sums.program;
    network_outputs = sums.network;
    progress.constraint_violation = sums.violation;
  } else if (!program_outputs.defined()) {
    program_outputs = network_outputs = map_.ApplyColumns(weights, active);
  }
  progress.penalty = program_.beta * iterate.terms.sum().item<double>();
  progress.loss = LossValue(loss, program_.loss_scale, program_outputs, program_.targets);
  progress.objective = progress.loss + progress.penalty;
  progress.network_objective = progress.objective;
  progress.active_neurons = penalty_->Neurons(iterate.norms, iterate.terms);
  if (program_.activation == Activation::kRelu) {
    double penalty = progress.penalty;
    if (IsNuclear(program_)) {
      // Columns lie in the cones, singular vectors need not: every column is a neuron, with the weight decay of one.
      penalty = program_.beta * iterate.norms.sum().item<double>();
      progress.active_neurons = active.size(0);
    }
    progress.network_objective = LossValue(loss, program_.loss_scale, network_outputs, program_.targets) + penalty;
  }
  progress.train_accuracy = Accuracy(evaluation_.counting, network_outputs, program_.targets);
  if (!test_features_.defined()) return;
  const at::Tensor outputs = TestOutputs(weights, active);
  progress.test_accuracy = Accuracy(evaluation_.counting, outputs, evaluation_.test_targets);
  progress.test_loss = LossValue(loss, program_.loss_scale, outputs, evaluation_.test_targets);
}

}  // namespace cvxnn::convex
