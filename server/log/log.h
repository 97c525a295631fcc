// SPDX-License-Identifier: Apache-2.0
// Structured logs on stderr: one JSON object a line (ts, level, msg and the event's own fields), or text for people.
// No other room knows what writes them.
#pragma once

#include <absl/status/status.h>

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace cvxnn::server {

enum class LogLevel { kDebug, kInfo, kWarning, kError, kOff };

/// Sets the process's logger up; until then spdlog's default is used. `format` is "json" or "text", `level` one of
/// debug, info, warning, error, off. INVALID_ARGUMENT otherwise. Not to be called while others log.
absl::Status SetUpLog(const std::string& format, const std::string& level);

/// A field of an event: text, integer or real number.
using LogField = std::pair<std::string, std::variant<std::string, std::int64_t, double>>;
using LogFields = std::vector<LogField>;

/// Writes one event; whatever texts contain, a line stays one line. `message` says what happened in words that are the
/// same every time, the fields say to what. Thread-safe.
void LogEvent(LogLevel level, const std::string& message, const LogFields& fields = {});

}  // namespace cvxnn::server
