// SPDX-License-Identifier: Apache-2.0
// Times and lengths of time on the command line.
#pragma once

#include <absl/time/time.h>
#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include <CLI/CLI.hpp>
#include <optional>
#include <string>

namespace cvxnn::command {

/// "90s", "1h30m" (a sum of numbers with d, h, m, s or ms); absent for what is none, or not above zero.
std::optional<absl::Duration> ParseLength(const std::string& text);
/// "2026-03-01T12:00:00Z" (RFC 3339), or a length of time from `now`; absent for what is neither.
std::optional<absl::Time> ParseMoment(const std::string& text, absl::Time now);

/// Restrict an option to them.
CLI::Option* OnlyLengths(CLI::Option* option);
CLI::Option* OnlyMoments(CLI::Option* option);

google::protobuf::Duration ToMessage(absl::Duration length);
google::protobuf::Timestamp ToMessage(absl::Time moment);

}  // namespace cvxnn::command
