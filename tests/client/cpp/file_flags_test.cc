// SPDX-License-Identifier: Apache-2.0
// A flag that says nothing about the file at hand is refused, not dropped.
#include "client/cpp/command/file_flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cvxnn::command {
namespace {

using testing::HasSubstr;

TEST(FormatByName, KnowsTheEndingsOfTheContract) {
  EXPECT_EQ(FormatByName("tables/iris.csv"), "csv");
  EXPECT_EQ(FormatByName("iris.TSV"), "csv");
  EXPECT_EQ(FormatByName("iris.csv.gz"), "csv");
  EXPECT_EQ(FormatByName("x.npy"), "npy");
  EXPECT_EQ(FormatByName("x.npz"), "npz");
  EXPECT_EQ(FormatByName("data_batch_1.bin"), "cifar10");
  EXPECT_EQ(FormatByName("train-images-idx3-ubyte.gz"), "idx");
  EXPECT_EQ(FormatByName("cifar-10-batches-bin"), "");
  EXPECT_EQ(FormatByName("iris.data"), "");
}

TEST(CheckFileFlags, AsksForTheFormatThatAFlagNeeds) {
  FileFlags flags;
  EXPECT_TRUE(CheckFileFlags(flags, "", false, false).ok());
  flags.labels = {"species"};
  const absl::Status status = CheckFileFlags(flags, "", false, false);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("--label: give --format"));
  EXPECT_TRUE(CheckFileFlags(flags, "csv", false, false).ok());
}

TEST(CheckFileFlags, RefusesWhatTheFormatDoesNotHave) {
  FileFlags flags;
  flags.no_header = true;
  EXPECT_EQ(CheckFileFlags(flags, "npy", false, false).message(), "--no-header: does not apply to format npy");
  EXPECT_EQ(CheckFileFlags({}, "npz", true, false).message(), "--test: does not apply to format npz");
  EXPECT_EQ(CheckFileFlags({}, "csv", false, true).message(), "--test-targets: does not apply to format csv");
  EXPECT_TRUE(CheckFileFlags({}, "idx", true, true).ok());
}

}  // namespace
}  // namespace cvxnn::command
