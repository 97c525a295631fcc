// SPDX-License-Identifier: Apache-2.0
// Formatting for people; scripts use --output json.
#include "client/cpp/command/humanize.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include <algorithm>
#include <cmath>

namespace cvxnn::command {
namespace {

absl::Time ToTime(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
}

bool IsAbsent(const google::protobuf::Timestamp& time) { return time.seconds() == 0 && time.nanos() == 0; }

}  // namespace

std::string HumanBytes(std::int64_t bytes) {
  if (bytes < 1024) return absl::StrCat(bytes, " B");
  auto value = static_cast<double>(bytes);
  const char* unit = "B";
  for (const char* next : {"KiB", "MiB", "GiB", "TiB", "PiB"}) {
    if (value < 1023.95) break;
    value /= 1024;
    unit = next;
  }
  return absl::StrFormat("%.1f %s", value, unit);
}

std::string HumanDuration(double seconds) {
  const auto total = static_cast<std::int64_t>(std::clamp(seconds, 0.0, 1e12));
  const std::int64_t days = total / 86400;
  const std::int64_t hours = total / 3600 % 24;
  const std::int64_t minutes = total / 60 % 60;
  if (days > 0) return absl::StrFormat("%d d %02d:%02d", days, hours, minutes);
  if (hours > 0) return absl::StrFormat("%d:%02d:%02d", hours, minutes, total % 60);
  return absl::StrFormat("%d:%02d", minutes, total % 60);
}

std::string HumanAge(const google::protobuf::Timestamp& time, absl::Time now) {
  if (IsAbsent(time)) return "-";
  const std::int64_t seconds = absl::ToInt64Seconds(now - ToTime(time));
  if (seconds < 2) return "now";
  if (seconds < 120) return absl::StrCat(seconds, " s ago");
  if (seconds < 7200) return absl::StrCat(seconds / 60, " min ago");
  constexpr std::int64_t kDay = 86400;
  if (seconds < 2 * kDay) return absl::StrCat(seconds / 3600, " h ago");
  if (seconds < 30 * kDay) return absl::StrCat(seconds / kDay, " d ago");
  return absl::FormatTime("%Y-%m-%d", ToTime(time), absl::LocalTimeZone());
}

std::string HumanTime(const google::protobuf::Timestamp& time) {
  if (IsAbsent(time)) return "-";
  return absl::FormatTime("%Y-%m-%d %H:%M:%S", ToTime(time), absl::LocalTimeZone());
}

std::string HumanNumber(double value) { return absl::StrFormat("%.6g", value); }

std::string HumanSmall(double value) { return value == 0 ? "0" : absl::StrFormat("%.1e", value); }

std::string HumanShare(double share) { return absl::StrFormat("%.2f %%", 100 * share); }

std::string HumanCount(std::int64_t value) {
  const std::string digits = absl::StrCat(value);
  const std::size_t sign = value < 0 ? 1 : 0;
  std::string result;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > sign && (digits.size() - i) % 3 == 0) result.push_back(',');
    result.push_back(digits[i]);
  }
  return result;
}

std::string HumanRate(double per_second) {
  if (per_second < 10) return absl::StrFormat("%.1f epochs/s", per_second);
  if (per_second < 10'000) return absl::StrFormat("%.0f epochs/s", per_second);
  return absl::StrFormat("%.1fk epochs/s", per_second / 1000);
}

std::string Printable(const std::string& text) {
  std::string result;
  result.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    // The C1 controls are U+0080 to U+009F: 0xC2 and a byte below 0xA0.
    const bool c1 = byte == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0;
    result.push_back(c1 || byte < 0x20 || byte == 0x7F ? '?' : text[i]);
    if (c1) ++i;
  }
  return result;
}

int DisplayWidth(const std::string& text) {
  return static_cast<int>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

std::string ClipToWidth(std::string text, int width) {
  while (DisplayWidth(text) > std::max(0, width)) {
    while ((static_cast<unsigned char>(text.back()) & 0xC0U) == 0x80U) text.pop_back();  // a code point goes as a whole
    text.pop_back();
  }
  return text;
}

}  // namespace cvxnn::command
