// SPDX-License-Identifier: Apache-2.0
// Numbers, sizes and times as people read them.
#pragma once

#include <absl/time/time.h>
#include <google/protobuf/timestamp.pb.h>

#include <cstdint>
#include <string>

namespace cvxnn::command {

/// "512 B", "1.5 KiB", "117.2 MiB".
std::string HumanBytes(std::int64_t bytes);
/// "0:07", "12:34", "1:02:03", "3 d 04:05" for seconds >= 0.
std::string HumanDuration(double seconds);
/// "now", "12 s ago", "5 min ago", "3 h ago", "2 d ago", else the date; "-" for an absent time (0).
std::string HumanAge(const google::protobuf::Timestamp& time, absl::Time now);
/// "2026-03-04 05:06:07" in the local zone; "-" for an absent time.
std::string HumanTime(const google::protobuf::Timestamp& time);
/// Six significant digits.
std::string HumanNumber(double value);
/// A gap or violation: two significant digits in scientific notation, "0" for 0.
std::string HumanSmall(double value);
/// A share as "84.10 %".
std::string HumanShare(double share);
/// "12", "1,234", "1,234,567".
std::string HumanCount(std::int64_t value);
/// Epochs per second: "5.3 epochs/s", "512 epochs/s", "12.3k epochs/s".
std::string HumanRate(double per_second);

/// `text` with control characters replaced by '?', so that nothing a server says moves a terminal's cursor.
std::string Printable(const std::string& text);
/// Columns that valid UTF-8 text takes on a terminal (one per code point).
int DisplayWidth(const std::string& text);
/// The beginning of `text` that fits into `width` columns.
std::string ClipToWidth(std::string text, int width);

}  // namespace cvxnn::command
