// SPDX-License-Identifier: Apache-2.0
// Names of the transforms.
#include <array>

#include "core/data/transform.h"

namespace cvxnn::data {

std::string TransformName(const Transform& transform) {
  static constexpr std::array<const char*, std::variant_size_v<Transform>> kNames = {
      "select_classes",     "subset_per_class", "train_test_split",     "divide_by",
      "normalize_channels", "standardize",      "principal_components", "append_bias"};
  return kNames[transform.index()];
}

}  // namespace cvxnn::data
