// SPDX-License-Identifier: Apache-2.0
// Messages as JSON for scripts: protobuf's JSON with the field names of the .proto files, except that 64-bit integers
// are plain numbers up to 2^53, so that jq and friends can compare them. Protobuf's parsers read it back.
#pragma once

#include <google/protobuf/message.h>

#include <nlohmann/json.hpp>
#include <string>

namespace cvxnn::command {

/// Fields with presence appear when set, all others always.
nlohmann::ordered_json MessageToJson(const google::protobuf::Message& message);

/// One line, its newline included; bytes that are no UTF-8 are replaced.
std::string JsonLine(const nlohmann::ordered_json& json);

}  // namespace cvxnn::command
