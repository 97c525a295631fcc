// SPDX-License-Identifier: Apache-2.0
// See solve_state.h. Numbers that are absent are stored as not a number.
#include "core/convex/solve_state.h"

#include <ATen/ATen.h>

#include <cmath>
#include <limits>
#include <optional>
#include <vector>

namespace cvxnn::convex {
namespace {

using Number = double Progress::*;
constexpr Number kNumbers[] = {&Progress::seconds,           &Progress::objective,   &Progress::loss,
                               &Progress::penalty,           &Progress::lower_bound, &Progress::gap,
                               &Progress::network_objective, &Progress::step_size};
using Optional = std::optional<double> Progress::*;
constexpr Optional kOptionals[] = {&Progress::constraint_violation, &Progress::train_accuracy, &Progress::test_accuracy,
                                   &Progress::test_loss};

}  // namespace

void SaveMatrix(const std::string& name, const at::Tensor& matrix, descent::State* state) {
  if (!matrix.defined()) return;
  (*state)[name] = matrix.contiguous();
}

at::Tensor LoadMatrix(const std::string& name, const at::TensorOptions& like, descent::StateReader* reader) {
  return reader->Has(name) ? reader->TensorOfAnySize(name, 2, like) : at::Tensor();
}

void SaveProgress(const std::string& prefix, const Progress& progress, descent::State* state) {
  std::vector<double> numbers;
  for (const Number number : kNumbers) numbers.push_back(progress.*number);
  for (const Optional number : kOptionals) {
    numbers.push_back((progress.*number).value_or(std::numeric_limits<double>::quiet_NaN()));
  }
  (*state)[prefix + "numbers"] = descent::Entry(numbers);
  (*state)[prefix + "epoch"] = progress.epoch;
  (*state)[prefix + "active_neurons"] = progress.active_neurons;
}

Progress LoadProgress(const std::string& prefix, descent::StateReader* reader) {
  Progress progress;
  const std::vector<double> numbers = reader->Numbers(prefix + "numbers", std::size(kNumbers) + std::size(kOptionals));
  progress.epoch = reader->Integer(prefix + "epoch");
  progress.active_neurons = reader->Integer(prefix + "active_neurons");
  if (!reader->status().ok()) return progress;
  std::size_t next = 0;
  for (const Number number : kNumbers) progress.*number = numbers[next++];
  for (const Optional number : kOptionals) {
    if (const double value = numbers[next++]; !std::isnan(value)) progress.*number = value;
  }
  return progress;
}

void SaveStart(const std::string& prefix, const Start& start, descent::State* state) {
  SaveMatrix(prefix + "positive", start.positive, state);
  SaveMatrix(prefix + "negative", start.negative, state);
  SaveMatrix(prefix + "multipliers", start.state.multipliers, state);
  (*state)[prefix + "rho1"] = start.state.rho1;
  (*state)[prefix + "rho2"] = start.state.rho2;
  (*state)[prefix + "rho3"] = start.state.rho3;
  (*state)[prefix + "curvature"] = start.state.curvature;
}

Start LoadStart(const std::string& prefix, const at::TensorOptions& like, descent::StateReader* reader) {
  Start start;
  start.positive = LoadMatrix(prefix + "positive", like, reader);
  start.negative = LoadMatrix(prefix + "negative", like, reader);
  start.state.multipliers = LoadMatrix(prefix + "multipliers", like, reader);
  start.state.rho1 = reader->Number(prefix + "rho1");
  start.state.rho2 = reader->Number(prefix + "rho2");
  start.state.rho3 = reader->Number(prefix + "rho3");
  if (reader->Has(prefix + "curvature")) start.state.curvature = reader->Number(prefix + "curvature");
  return start;
}

}  // namespace cvxnn::convex
