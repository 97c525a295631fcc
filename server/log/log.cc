// SPDX-License-Identifier: Apache-2.0
// spdlog with a formatter that writes JSON lines. An event's fields travel through spdlog's text payload behind a
// separator that their JSON, which escapes control characters, never contains.
#include "server/log/log.h"

#include <absl/strings/str_cat.h>
#include <absl/time/clock.h>
#include <absl/time/time.h>
#include <spdlog/formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <nlohmann/json.hpp>

namespace cvxnn::server {
namespace {

using Json = nlohmann::ordered_json;

// ASCII "record separator".
constexpr char kSeparator = '\x1e';

std::string Dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

spdlog::level::level_enum SpdlogLevel(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
    case LogLevel::kAlways:
      return spdlog::level::critical;
    case LogLevel::kOff:
      return spdlog::level::off;
  }
  return spdlog::level::info;
}

class LineFormatter : public spdlog::formatter {
 public:
  explicit LineFormatter(bool json) : json_(json) {}

  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& line) override {
    const std::string payload(message.payload.data(), message.payload.size());
    const auto cut = payload.rfind(kSeparator);
    const std::string text = payload.substr(0, cut);
    const std::string fields = cut == std::string::npos ? "{}" : payload.substr(cut + 1);
    const std::string time =
        absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", absl::FromChrono(message.time), absl::UTCTimeZone());
    const auto level_view = spdlog::level::to_string_view(message.level);
    // The highest level, so that it is always written; nothing is wrong.
    const bool notice = message.level == spdlog::level::critical;
    const std::string level = notice ? "notice" : std::string(level_view.data(), level_view.size());
    std::string out;
    if (json_) {
      const std::string head = Dump(Json{{"ts", time}, {"level", level}, {"msg", text}});
      // The two objects become one.
      out = fields == "{}" ? head : absl::StrCat(head.substr(0, head.size() - 1), ",", fields.substr(1));
    } else {
      out = absl::StrCat(time, " ", level, " ", text, fields == "{}" ? "" : absl::StrCat(" ", fields));
    }
    out.push_back('\n');
    line.append(out.data(), out.data() + out.size());
  }

  std::unique_ptr<spdlog::formatter> clone() const override { return std::make_unique<LineFormatter>(json_); }

 private:
  const bool json_;
};

}  // namespace

absl::Status SetUpLog(const std::string& format, const std::string& level) {
  if (format != "json" && format != "text") {
    return absl::InvalidArgumentError(absl::StrCat("log-format = \"", format, "\": must be json or text"));
  }
  const auto parsed = spdlog::level::from_str(level);
  if (parsed == spdlog::level::off && level != "off") {
    return absl::InvalidArgumentError(
        absl::StrCat("log-level = \"", level, "\": must be debug, info, warning, error or off"));
  }
  auto logger = std::make_shared<spdlog::logger>("cvxnn", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_formatter(std::make_unique<LineFormatter>(format == "json"));
  logger->set_level(parsed);
  spdlog::set_default_logger(std::move(logger));
  return absl::OkStatus();
}

void LogEvent(LogLevel level, const std::string& message, const LogFields& fields) {
  auto* logger = spdlog::default_logger_raw();
  if (logger == nullptr || !logger->should_log(SpdlogLevel(level))) return;
  Json json = Json::object();
  for (const auto& [key, value] : fields) {
    std::visit([&, name = key](const auto& plain) { json[name] = plain; }, value);
  }
  logger->log(SpdlogLevel(level), absl::StrCat(message, std::string(1, kSeparator), Dump(json)));
}

void LogAudit(const std::string& who, const std::string& what, const std::string& resource, const std::string& outcome,
              LogFields more) {
  LogFields fields = {{"who", who}, {"what", what}, {"resource", resource}, {"outcome", outcome}};
  fields.insert(fields.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  LogEvent(LogLevel::kAlways, "audit", fields);
}

}  // namespace cvxnn::server
