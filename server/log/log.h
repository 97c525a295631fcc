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

enum class LogLevel { kDebug, kInfo, kWarning, kError, kAlways, kOff };

/// Sets the process's logger up; until then spdlog's default is used. `format` is "json" or "text", `level` one of
/// debug, info, warning, error, off. INVALID_ARGUMENT otherwise. Not to be called while others log.
absl::Status SetUpLog(const std::string& format, const std::string& level);

/// A field of an event: text, integer or real number.
using LogField = std::pair<std::string, std::variant<std::string, std::int64_t, double>>;
using LogFields = std::vector<LogField>;

/// Writes one event; whatever texts contain, a line stays one line. `message` says what happened in words that are the
/// same every time, the fields say to what. Thread-safe.
void LogEvent(LogLevel level, const std::string& message, const LogFields& fields = {});

/// Writes the line that is kept of a change: who made it ("server" for what it does on its own), what was done, to
/// which resource, and how that ended ("OK" or the name of a status code). Whatever the level is, unless it is off.
void LogAudit(const std::string& who, const std::string& what, const std::string& resource, const std::string& outcome,
              LogFields more = {});

}  // namespace cvxnn::server
