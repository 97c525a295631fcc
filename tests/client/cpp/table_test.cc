// SPDX-License-Identifier: Apache-2.0
// Tables, numbers for people, and JSON for scripts.
#include "client/cpp/command/table.h"

#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include <sstream>

#include "client/cpp/command/enum_text.h"
#include "client/cpp/command/humanize.h"
#include "client/cpp/command/message_json.h"
#include "cvxnn/v1/job.pb.h"
#include "cvxnn/v1/model.pb.h"

namespace cvxnn::command {
namespace {

TEST(Table, AlignsColumnsByCodePoints) {
  Table table({{"NAME"}, {"ROWS", Align::kRight}, {"NOTE"}});
  table.AddRow({"datasets/ü", "12", ""});
  table.AddRow({"d", "1,234", "a\nb"});
  std::ostringstream out;
  table.Print(out);
  EXPECT_EQ(out.str(),
            "NAME         ROWS  NOTE\n"
            "datasets/ü     12  -\n"
            "d           1,234  a?b\n");
}

TEST(FieldList, LeavesOutEmptyFields) {
  FieldList fields;
  fields.Add("name", "x");
  fields.Add("title", "");
  fields.Add("test rows", "3");
  std::ostringstream out;
  fields.Print(out);
  EXPECT_EQ(out.str(), "name       x\ntest rows  3\n");
}

TEST(Humanize, Sizes) {
  EXPECT_EQ(HumanBytes(0), "0 B");
  EXPECT_EQ(HumanBytes(1023), "1023 B");
  EXPECT_EQ(HumanBytes(1536), "1.5 KiB");
  EXPECT_EQ(HumanBytes((std::int64_t{1} << 20) - 1), "1.0 MiB");
  EXPECT_EQ(HumanBytes(std::int64_t{122'880'000}), "117.2 MiB");
}

TEST(Humanize, TimesAndCounts) {
  EXPECT_EQ(HumanDuration(7.9), "0:07");
  EXPECT_EQ(HumanDuration(754), "12:34");
  EXPECT_EQ(HumanDuration(3723), "1:02:03");
  EXPECT_EQ(HumanDuration(3 * 86400 + 4 * 3600 + 5 * 60), "3 d 04:05");
  EXPECT_EQ(HumanCount(0), "0");
  EXPECT_EQ(HumanCount(999), "999");
  EXPECT_EQ(HumanCount(-1234567), "-1,234,567");
  google::protobuf::Timestamp time;
  EXPECT_EQ(HumanAge(time, absl::FromUnixSeconds(5000)), "-");
  time.set_seconds(1000);
  EXPECT_EQ(HumanAge(time, absl::FromUnixSeconds(1030)), "30 s ago");
  EXPECT_EQ(HumanAge(time, absl::FromUnixSeconds(1000 + 5 * 3600)), "5 h ago");
}

TEST(Humanize, TakesControlCharactersOut) {
  EXPECT_EQ(Printable("a\x1b[31mb\tc\x7f"), "a?[31mb?c?");
  EXPECT_EQ(Printable("caf\xc3\xa9 \xc2\x9b"), "caf\xc3\xa9 ?");
}

TEST(EnumText, IsShortAndReadBack) {
  EXPECT_EQ(EnumText(v1::LOSS_SCALE_HALF_SUM), "half-sum");
  EXPECT_EQ(EnumText(v1::JOB_STATE_UNSPECIFIED), "");
  EXPECT_EQ(EnumValue<v1::LossScale>("half_sum"), v1::LOSS_SCALE_HALF_SUM);
  EXPECT_EQ(EnumValue<v1::LossScale>("LOSS_SCALE_MEAN"), v1::LOSS_SCALE_MEAN);
  EXPECT_FALSE(ParseEnum(v1::LossScale_descriptor(), "half").has_value());
}

TEST(MessageToJson, SaysAbsentFromZero) {
  v1::EpochMetrics metrics;
  metrics.set_objective(0);
  const auto json = MessageToJson(metrics);
  EXPECT_EQ(json.dump(), R"({"trial":0,"epoch":0,"seconds":0.0,"objective":0.0})");
}

TEST(MessageToJson, IsReadByProtobuf) {
  v1::Model model;
  model.set_name("models/1");
  model.set_neurons((std::int64_t{1} << 53) + 1);  // beyond what a double holds: a string
  model.set_activation(v1::ACTIVATION_GATED);
  model.mutable_class_names()->Add(std::string("a"));
  model.mutable_metrics()->set_gap(-1.5e-9);
  model.mutable_create_time()->set_seconds(1'700'000'000);
  v1::Model back;
  ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(MessageToJson(model).dump(), &back).ok());
  EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(model, back)) << back.DebugString();
}

}  // namespace
}  // namespace cvxnn::command
