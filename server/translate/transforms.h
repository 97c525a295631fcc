// SPDX-License-Identifier: Apache-2.0
// Transforms of data sets between the contract and core.
#pragma once

#include <google/protobuf/repeated_field.h>

#include <string>
#include <vector>

#include "core/data/transform.h"
#include "cvxnn/v1/dataset.pb.h"
#include "server/translate/violations.h"

namespace cvxnn::server {

/// Most transforms of one data set.
inline constexpr int kMostTransforms = 64;

/// Core's transforms with defaults filled in; what is wrong is recorded as "transforms[i].….".
std::vector<data::Transform> TransformsFromProto(const google::protobuf::RepeatedPtrField<v1::Transform>& transforms,
                                                 Violations* violations);

v1::Transform TransformToProto(const data::Transform& transform);
/// The projection of principal components is too big for a description and stays in the store.
v1::FittedTransform FittedTransformToProto(const data::FittedTransform& fitted);

}  // namespace cvxnn::server
