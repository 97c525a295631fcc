// SPDX-License-Identifier: Apache-2.0
// See memory_need.h. Tensors here are on the device "meta": they have sizes and no memory, so that the very functions
// that guard each solver's allocations answer.
#include "core/training/memory_need.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <variant>

#include "core/convex/solver_need.h"
#include "core/descent/descent.h"
#include "core/descent/memory.h"
#include "core/patterns/distinct.h"
#include "core/training/choose_solver.h"
#include "core/training/tensors.h"

namespace cvxnn::training {
namespace {

// Products in blocks hold at most about this much beside arguments and results (core/convex/operator.h).
constexpr double kProductBlocks = 0x1p28;

bool IsCpu(const Spec& spec) { return spec.device.empty() || spec.device == "cpu"; }

// 2 Σ_{k<r} C(n − 1, k): patterns of n rows of rank r, at most `most`.
double PatternsInGeneralPosition(std::int64_t rows, std::int64_t rank, double most) {
  double term = 1, sum = 0;
  for (std::int64_t k = 0; k < rank && k < rows; ++k) {
    sum += term;
    if (2 * sum > most) return most;
    term *= static_cast<double>(rows - 1 - k) / static_cast<double>(k + 1);
  }
  return std::min(most, 2 * sum);
}

struct PatternCount {
  const DataSizes& sizes;
  const NamedSizes& named;
  std::int64_t operator()(const SampledPatterns& sampled) const { return sampled.count; }
  std::int64_t operator()(const ConvolutionalPatterns& patches) const { return patches.count; }
  std::int64_t operator()(const ModelPatterns&) const { return named.gates; }
  std::int64_t operator()(const GivenPatterns& given) const {
    return given.dataset.empty() ? given.gates.rows() : named.gates;
  }
  std::int64_t operator()(const EnumeratedPatterns& enumerated) const {
    return static_cast<std::int64_t>(PatternsInGeneralPosition(sizes.rows, std::min(sizes.rows, sizes.inputs),
                                                               static_cast<double>(enumerated.max_count)));
  }
};

struct Sized {
  double working = 0;
  double optional = 0;
  double checkpoint = 0;  // on the host
};

Sized ConvexNeed(const Spec& spec, const ConvexTraining& convex, const DataSizes& sizes, const NamedSizes& named,
                 const at::TensorOptions& type) {
  const std::int64_t patterns = std::max<std::int64_t>(1, std::visit(PatternCount{sizes, named}, convex.patterns));
  const auto element = static_cast<std::int64_t>(type.dtype().itemsize());
  Sized need;
  need.working = PatternBytes(sizes.rows, sizes.inputs, patterns, element);
  if (convex.activation == Activation::kGated) {
    need.working += static_cast<double>(patterns) * static_cast<double>(sizes.test_rows);
  }
  convex::Program program;
  program.activation = convex.activation;
  program.features = at::empty({sizes.rows, sizes.inputs}, type);
  program.targets = at::empty({sizes.rows, sizes.outputs}, type);
  program.patterns.mask = at::empty({sizes.rows, patterns}, type.dtype(at::kBool));
  program.patterns.gates = at::empty({sizes.inputs, patterns}, type);
  program.loss = spec.loss;
  program.penalty = spec.penalty;
  const convex::SolverNeed solver = convex::EstimateSolver(program, ChooseSolver(spec, convex, program).kind,
                                                           convex.penalty_method.value_or(PenaltyMethod()));
  const double pass = 8 * static_cast<double>(sizes.rows) * static_cast<double>(patterns * sizes.outputs);
  need.working += solver.bytes + std::min(kProductBlocks, pass);
  need.optional = solver.kernel_bytes;
  need.checkpoint = solver.state_bytes;
  return need;
}

descent::Options DescentOptions(const Spec& spec, const GradientDescent& method, const NamedSizes& named) {
  descent::Options options;
  static_cast<descent::Method&>(options) = method;
  if (named.start_neurons > 0) {
    options.activation = named.start_activation;
    options.neurons = named.start_neurons;
  }
  options.loss = spec.loss;
  options.penalty = spec.penalty;
  options.max_epochs = spec.stopping.max_epochs;
  return options;
}

}  // namespace

MemoryNeed EstimateMemory(const Spec& spec, const DataSizes& sizes, const NamedSizes& named) {
  const bool on_cpu = IsCpu(spec);
  const double feature_count = static_cast<double>(sizes.inputs) * static_cast<double>(sizes.rows + sizes.test_rows);
  const double target_count = static_cast<double>(sizes.outputs) * static_cast<double>(sizes.rows + sizes.test_rows);
  const bool is_double = ChoosePrecision(spec, sizes.rows * sizes.inputs, c10::Device(on_cpu ? at::kCPU : at::kCUDA)) ==
                         Precision::kFloat64;
  const auto type = at::TensorOptions().dtype(is_double ? at::kDouble : at::kFloat).device(at::kMeta);
  const std::int64_t element = is_double ? 8 : 4;

  MemoryNeed need;
  need.data =
      feature_count * static_cast<double>(sizes.feature_bytes) + target_count * static_cast<double>(sizes.target_bytes);
  // On the CPU arrays of the computation's own type are used where they are.
  double working = 0;
  if (!on_cpu || sizes.feature_bytes != element) working += feature_count * static_cast<double>(element);
  if (!on_cpu || sizes.target_bytes != element) working += target_count * static_cast<double>(element);
  if (const ConvexTraining* convex = ConvexOf(spec)) {
    const Sized sized = ConvexNeed(spec, *convex, sizes, named, type);
    working += sized.working;
    need.optional = sized.optional;
    need.host = sized.checkpoint;
  } else if (const auto* method = std::get_if<GradientDescent>(&spec.method)) {
    const descent::Options options = DescentOptions(spec, *method, named);
    const descent::Data data{
        at::empty({sizes.rows, sizes.inputs}, type), at::empty({sizes.rows, sizes.outputs}, type), {}, {}};
    const descent::MemoryNeed own = descent::EstimateMemory(options, data);
    working += own.device;
    need.host = own.host + descent::CheckpointBytes(options, data);
  }
  (on_cpu ? need.host : need.device) += working;
  return need;
}

}  // namespace cvxnn::training
