// SPDX-License-Identifier: Apache-2.0
// The one entrance; see train.h.
#include "core/training/train.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <chrono>
#include <cmath>
#include <limits>

#include "core/torch/runtime.h"
#include "core/training/methods.h"

namespace cvxnn::training {
namespace {

// Finite float64 data need not be finite in float32, and solvers square them.
absl::Status CheckRange(const at::Tensor& values, const char* part, Precision precision) {
  if (!values.defined()) return absl::OkStatus();
  const bool narrow = precision == Precision::kFloat32;
  const double norm = at::linalg_vector_norm(values, 2, at::OptionalIntArrayRef(), false, at::kDouble).item<double>();
  const double largest = narrow ? std::numeric_limits<float>::max() : std::numeric_limits<double>::max();
  if (norm * norm <= largest) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("precision = ", narrow ? "float32" : "float64", ": the squares of ",
                                                 part, " overflow: must be scaled down, or be in a wider precision"));
}

absl::StatusOr<Result> TrainOn(const c10::Device& device, const Spec& spec, const data::Dataset& dataset,
                               const Hooks& hooks) {
  const auto* convex = std::get_if<ConvexTraining>(&spec.method);
  const auto* path = std::get_if<RegularizationPath>(&spec.method);
  const Precision precision = ChoosePrecision(spec, dataset.train.features.size(), device);
  const TensorData data = ToTensors(dataset, device, precision);
  for (const auto& [values, part] :
       {std::pair{&data.features, "train.features"}, std::pair{&data.targets, "train.targets"},
        std::pair{&data.test_features, "test.features"}, std::pair{&data.test_targets, "test.targets"}}) {
    if (absl::Status status = CheckRange(*values, part, precision); !status.ok()) return status;
  }
  absl::StatusOr<Result> result = absl::InternalError("training did not run");
  if (convex != nullptr) {
    result = TrainConvex(spec, *convex, data, hooks);
  } else if (path != nullptr) {
    result = TrainPath(spec, *path, data, hooks);
  } else {
    result = TrainByDescent(spec, std::get<GradientDescent>(spec.method), data, hooks);
  }
  if (!result.ok()) return result.status();
  result->summary.precision = precision;
  result->summary.device = device.str();
  return result;
}

}  // namespace

Network ZeroNetwork(Activation activation, const TensorData& data) {
  const auto options = data.features.options();
  Network network;
  network.activation = activation;
  network.first_layer = at::zeros({data.features.size(1), 0}, options);
  network.second_layer = at::zeros({0, data.targets.size(1)}, options);
  if (activation == Activation::kGated) network.gates = at::zeros({data.features.size(1), 0}, options);
  return network;
}

absl::StatusOr<Result> Train(const Spec& spec, const data::Dataset& dataset, const Hooks& hooks) {
  const auto start = std::chrono::steady_clock::now();
  if (const absl::Status status = Validate(spec, dataset); !status.ok()) return status;
  const auto device = ParseDevice(spec.device);
  if (!device.ok()) return device.status();

  absl::StatusOr<Result> result = absl::InternalError("training did not run");
  const absl::Status status = GuardTorch("training", [&] {
    // A new thread has OpenMP's own number of threads until LibTorch tells it the one that was set.
    at::init_num_threads();
    result = TrainOn(*device, spec, dataset, hooks);
    return result.status();
  });
  if (!status.ok()) return status;
  result->summary.seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

}  // namespace cvxnn::training
