// SPDX-License-Identifier: Apache-2.0
// Every event is one line that a JSON parser reads back, whatever its texts contain.
#include "server/log/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

namespace cvxnn::server {
namespace {

using testing::HasSubstr;
using testing::Not;

class LogTest : public testing::Test {
 protected:
  ~LogTest() override { EXPECT_TRUE(SetUpLog("text", "off").ok()); }

  // What `write` writes to stderr.
  template <typename Write>
  static std::string Written(const std::string& format, const std::string& level, Write write) {
    testing::internal::CaptureStderr();
    EXPECT_TRUE(SetUpLog(format, level).ok());
    write();
    return testing::internal::GetCapturedStderr();
  }
};

TEST_F(LogTest, CarriesFieldsInJsonLines) {
  const std::string line = Written("json", "info", [] {
    LogEvent(LogLevel::kWarning, "job queued again", {{"job", "jobs/a"}, {"attempt", std::int64_t{2}}, {"ms", 0.5}});
  });
  const auto json = nlohmann::json::parse(line);
  EXPECT_EQ(json.at("msg"), "job queued again");
  EXPECT_EQ(json.at("level"), "warning");
  EXPECT_EQ(json.at("job"), "jobs/a");
  EXPECT_EQ(json.at("attempt"), 2);
  EXPECT_EQ(json.at("ms"), 0.5);
  EXPECT_THAT(json.at("ts").get<std::string>(), testing::MatchesRegex("....-..-..T..:..:.*Z"));
}

TEST_F(LogTest, KeepsALineOfChangesWhateverTheLevelIs) {
  const auto audit = [] { LogAudit("ada", "JobService.CancelJob", "jobs/a", "OK", {{"peer", "ipv4:127.0.0.1"}}); };
  const auto json = nlohmann::json::parse(Written("json", "error", audit));
  EXPECT_EQ(json.at("msg"), "audit");
  EXPECT_EQ(json.at("level"), "notice");
  EXPECT_EQ(json.at("who"), "ada");
  EXPECT_EQ(json.at("what"), "JobService.CancelJob");
  EXPECT_EQ(json.at("resource"), "jobs/a");
  EXPECT_EQ(json.at("outcome"), "OK");
  EXPECT_EQ(json.at("peer"), "ipv4:127.0.0.1");
  EXPECT_EQ(Written("json", "off", audit), "");
}

TEST_F(LogTest, SurvivesQuotesControlCharactersAndBytesThatAreNoText) {
  const std::string nasty = "a \"quoted\" \\ line\nwith\r\t\x01\x1e and \x1e{}";
  const std::string line = Written("json", "info", [&] {
    LogEvent(LogLevel::kInfo, nasty, {{"reason", nasty}, {"na\"me\n", "\xff\xfe"}});
    LogEvent(LogLevel::kInfo, nasty);
  });
  ASSERT_EQ(std::count(line.begin(), line.end(), '\n'), 2);
  const auto first = nlohmann::json::parse(line.substr(0, line.find('\n')));
  EXPECT_EQ(first.at("msg"), nasty);
  EXPECT_EQ(first.at("reason"), nasty);
  EXPECT_TRUE(first.contains("na\"me\n"));
  EXPECT_EQ(nlohmann::json::parse(line.substr(line.find('\n') + 1)).at("msg"), nasty);
}

TEST_F(LogTest, WritesNumbersThatJsonDoesNotHaveAsNull) {
  const std::string line = Written("json", "info", [] {
    LogEvent(LogLevel::kInfo, "m", {{"x", std::numeric_limits<double>::quiet_NaN()}});
  });
  EXPECT_TRUE(nlohmann::json::parse(line).at("x").is_null());
}

TEST_F(LogTest, WritesTextForPeople) {
  const std::string line = Written("text", "info", [] { LogEvent(LogLevel::kError, "disk full", {{"file", "a\nb"}}); });
  EXPECT_THAT(line, HasSubstr(" error disk full {\"file\":\"a\\nb\"}\n"));
}

TEST_F(LogTest, LeavesOutWhatIsBelowItsLevel) {
  const std::string lines = Written("text", "warning", [] {
    LogEvent(LogLevel::kInfo, "quiet");
    LogEvent(LogLevel::kError, "loud");
  });
  EXPECT_THAT(lines, Not(HasSubstr("quiet")));
  EXPECT_THAT(lines, HasSubstr("loud"));
}

TEST_F(LogTest, NamesWhatItCannotBeSetTo) {
  EXPECT_THAT(std::string(SetUpLog("xml", "info").message()), HasSubstr("log-format = \"xml\""));
  EXPECT_THAT(std::string(SetUpLog("json", "chatty").message()), HasSubstr("log-level = \"chatty\""));
}

}  // namespace
}  // namespace cvxnn::server
