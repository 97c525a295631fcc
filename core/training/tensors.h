// SPDX-License-Identifier: Apache-2.0
// A data set as tensors on the job's device and in its precision.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <cstdint>
#include <optional>

#include "core/data/dataset.h"
#include "core/network/network.h"
#include "core/training/spec.h"

namespace cvxnn::training {

struct TensorData {
  at::Tensor features;       ///< X, n×d
  at::Tensor targets;        ///< Y, n×c
  at::Tensor test_features;  ///< n'×d, undefined without a test part
  at::Tensor test_targets;   ///< n'×c, likewise
  Counting counting = Counting::kNone;
  std::optional<data::ImageShape> image_shape;  ///< as data::Description::image_shape
};

/// How accuracy is counted for a task.
Counting CountingOf(data::Task task);

/// The precision to use, never kAuto: float64 while n·d <= 2^20 on a CPU, else float32, when the spec leaves it open.
Precision ChoosePrecision(Precision asked, const data::Dataset& dataset, const c10::Device& device);

/// The same for a spec and X of n·d = `elements` numbers; float64 for the interior point method.
Precision ChoosePrecision(const Spec& spec, std::int64_t elements, const c10::Device& device);

/// Tensors of the data set. On the CPU, in the data's own type, they share its memory: it must outlive them.
TensorData ToTensors(const data::Dataset& dataset, const c10::Device& device, Precision precision);

}  // namespace cvxnn::training
