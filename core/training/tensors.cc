// SPDX-License-Identifier: Apache-2.0
// Matrices to tensors; see tensors.h.
#include "core/training/tensors.h"

#include <ATen/ATen.h>

namespace cvxnn::training {
namespace {

constexpr std::int64_t kMaxDoubleElements = std::int64_t{1} << 20;

at::Tensor ToTensor(const data::Matrix& matrix, const c10::Device& device, at::ScalarType dtype) {
  const auto type = matrix.type() == data::ElementType::kFloat32 ? at::kFloat : at::kDouble;
  // from_blob takes a mutable pointer; nothing in training writes to its data.
  const at::Tensor view = at::from_blob(const_cast<void*>(matrix.data()), {matrix.rows(), matrix.cols()},
                                        at::TensorOptions().dtype(type).device(at::kCPU));
  return view.to(at::TensorOptions().dtype(dtype).device(device));
}

}  // namespace

Counting CountingOf(data::Task task) {
  switch (task) {
    case data::Task::kRegression:
      return Counting::kNone;
    case data::Task::kBinary:
      return Counting::kSign;
    case data::Task::kMulticlass:
      return Counting::kArgmax;
  }
  return Counting::kNone;
}

Precision ChoosePrecision(Precision asked, const data::Dataset& dataset, const c10::Device& device) {
  Spec spec;
  spec.precision = asked;
  return ChoosePrecision(spec, dataset.train.features.size(), device);
}

Precision ChoosePrecision(const Spec& spec, std::int64_t elements, const c10::Device& device) {
  const ConvexTraining* convex = ConvexOf(spec);
  if (convex != nullptr && convex->solver == ConvexSolver::kInteriorPoint) return Precision::kFloat64;
  if (spec.precision != Precision::kAuto) return spec.precision;
  return device.is_cpu() && elements <= kMaxDoubleElements ? Precision::kFloat64 : Precision::kFloat32;
}

TensorData ToTensors(const data::Dataset& dataset, const c10::Device& device, Precision precision) {
  const auto dtype = precision == Precision::kFloat64 ? at::kDouble : at::kFloat;
  TensorData tensors;
  tensors.features = ToTensor(dataset.train.features, device, dtype);
  tensors.targets = ToTensor(dataset.train.targets, device, dtype);
  tensors.image_shape = dataset.description.image_shape;
  tensors.counting = CountingOf(dataset.description.task);
  if (dataset.test.rows() > 0) {
    tensors.test_features = ToTensor(dataset.test.features, device, dtype);
    tensors.test_targets = ToTensor(dataset.test.targets, device, dtype);
  }
  return tensors;
}

}  // namespace cvxnn::training
