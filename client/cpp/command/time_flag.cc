// SPDX-License-Identifier: Apache-2.0
// See time_flag.h.
#include "client/cpp/command/time_flag.h"

#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/time/clock.h>

#include "client/cpp/command/echo.h"

namespace cvxnn::command {

std::optional<absl::Duration> ParseLength(const std::string& text) {
  // Days are what absl does not know; they come first. A sign, or "inf", is nothing that people mean here.
  if (text.empty() || !absl::ascii_isdigit(static_cast<unsigned char>(text.front()))) return std::nullopt;
  constexpr std::int64_t kMostDays = 1'000'000;
  absl::Duration days;
  std::string rest = text;
  if (const std::size_t end = text.find('d'); end != std::string::npos) {
    std::int64_t count = 0;
    if (!absl::SimpleAtoi(text.substr(0, end), &count) || count > kMostDays) return std::nullopt;
    days = absl::Hours(24 * count);
    rest = text.substr(end + 1);
  }
  absl::Duration length;
  if (!rest.empty() && !absl::ParseDuration(rest, &length)) return std::nullopt;
  length += days;
  if (length <= absl::ZeroDuration() || length == absl::InfiniteDuration()) return std::nullopt;
  return length;
}

std::optional<absl::Time> ParseMoment(const std::string& text, absl::Time now) {
  if (const auto length = ParseLength(text)) return now + *length;
  absl::Time moment;
  std::string error;
  if (!absl::ParseTime(absl::RFC3339_full, text, &moment, &error)) return std::nullopt;
  if (moment == absl::InfiniteFuture() || moment == absl::InfinitePast()) return std::nullopt;
  return moment;
}

CLI::Option* OnlyLengths(CLI::Option* option) {
  const auto check = [](std::string& text) -> std::string {
    if (ParseLength(text)) return "";
    return absl::StrCat("\"", Echo(text), "\": must be a length of time, e.g. 90s, 1h30m or 7d");
  };
  return option->check(CLI::Validator(check, ""));
}

CLI::Option* OnlyMoments(CLI::Option* option) {
  const auto check = [](std::string& text) -> std::string {
    if (ParseMoment(text, absl::Now())) return "";
    return absl::StrCat("\"", Echo(text),
                        "\": must be a length of time from now, e.g. 1h30m, or a time, e.g. 2026-03-01T12:00:00Z");
  };
  return option->check(CLI::Validator(check, ""));
}

google::protobuf::Duration ToMessage(absl::Duration length) {
  google::protobuf::Duration message;
  message.set_seconds(absl::ToInt64Seconds(length));
  message.set_nanos(static_cast<std::int32_t>((length - absl::Seconds(message.seconds())) / absl::Nanoseconds(1)));
  return message;
}

google::protobuf::Timestamp ToMessage(absl::Time moment) {
  google::protobuf::Timestamp message;
  message.set_seconds(absl::ToUnixSeconds(moment));
  message.set_nanos(
      static_cast<std::int32_t>((moment - absl::FromUnixSeconds(message.seconds())) / absl::Nanoseconds(1)));
  return message;
}

}  // namespace cvxnn::command
