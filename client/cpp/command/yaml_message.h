// SPDX-License-Identifier: Apache-2.0
// Fills any message from a YAML tree by reflection. Protobuf's own JSON parser would do the same, but it cannot say on
// which line of the file the fault is.
#pragma once

#include <absl/status/status.h>
#include <google/protobuf/message.h>
#include <yaml-cpp/yaml.h>

#include <string>

namespace cvxnn::command {

/// Errors are INVALID_ARGUMENT "file:line: path.of.field: what is wrong". A message-typed field without a value
/// ("convex:") is set to its empty message; any other field without a value stays unset.
absl::Status FillMessage(const YAML::Node& node, const std::string& file_name, google::protobuf::Message* message);

}  // namespace cvxnn::command
