// SPDX-License-Identifier: Apache-2.0
// The values of --transform: a name, '=' and its arguments, e.g. "select_classes=airplane,automobile:pm1".
#pragma once

#include <absl/status/statusor.h>

#include <string>
#include <vector>

#include "cvxnn/v1/dataset.pb.h"

namespace cvxnn::command {

/// INVALID_ARGUMENT names the value and what it may be. Ranges are the server's to check.
absl::StatusOr<v1::Transform> ParseTransform(const std::string& text);

/// Appends one message per value, in order.
absl::Status ParseTransforms(const std::vector<std::string>& texts,
                             google::protobuf::RepeatedPtrField<v1::Transform>* transforms);

/// The value of --transform that asks for `transform`.
std::string TransformText(const v1::Transform& transform);

/// The forms of a value, for help texts.
extern const char kTransformHelp[];

}  // namespace cvxnn::command
