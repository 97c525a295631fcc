// SPDX-License-Identifier: Apache-2.0
// Job files: the Job message of the contract written in YAML or JSON (which is read as YAML), with the field names of
// proto/cvxnn/v1/job.proto. Enum values may be short: "half-sum" for LOSS_SCALE_HALF_SUM.
#pragma once

#include <absl/status/statusor.h>

#include <string>

#include "cvxnn/v1/job.pb.h"

namespace cvxnn::command {

/// INVALID_ARGUMENT says file, line and field: unknown or repeated fields, values of the wrong kind, two of a choice.
absl::StatusOr<v1::Job> ParseJob(const std::string& text, const std::string& file_name);

/// Reads a file, or standard input for "-". NOT_FOUND when it cannot be opened.
absl::StatusOr<v1::Job> ReadJobFile(const std::string& path);

}  // namespace cvxnn::command
