// SPDX-License-Identifier: Apache-2.0
// The transforms that choose rows and relabel them: SelectClasses, SubsetPerClass, TrainTestSplit; transform.h says
// what each does. Messages name the field; ApplyTransforms puts the transform's name in front.
#pragma once

#include <absl/status/status.h>

#include "core/data/dataset.h"
#include "core/data/transform.h"

namespace cvxnn::data {

absl::Status Apply(const SelectClasses& spec, Dataset* dataset);
absl::Status Apply(const SubsetPerClass& spec, Dataset* dataset);
absl::Status Apply(const TrainTestSplit& spec, Dataset* dataset);

}  // namespace cvxnn::data
