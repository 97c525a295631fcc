// SPDX-License-Identifier: Apache-2.0
// Values of flags that choose one message of a oneof and set its fields: "adam", "sgd:momentum=0.9,nesterov=true".
// Names are the contract's, with '-' or '_', taken from the descriptors, so that what the contract gains the command
// knows.
#pragma once

#include <absl/status/status.h>
#include <google/protobuf/message.h>

#include <string>

namespace cvxnn::command {

/// Chooses within the oneof `oneof` of `message` what `text` says: the name of one of its messages, and after a colon
/// FIELD=VALUE pairs separated by commas. Fields that are numbers, truths ("true", "false") or texts; a text is added
/// where the field is repeated; others may be given once. INVALID_ARGUMENT names `flag` and what may stand there.
absl::Status SetOneof(const std::string& flag, const std::string& text, const std::string& oneof,
                      google::protobuf::Message* message);

/// The names to choose from, e.g. "sgd, adam", for help texts.
std::string OneofChoices(const google::protobuf::Descriptor* type, const std::string& oneof);

}  // namespace cvxnn::command
