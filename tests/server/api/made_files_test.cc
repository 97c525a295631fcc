// SPDX-License-Identifier: Apache-2.0
// Downloads of one model share one file.
#include "server/api/made_files.h"

#include <gtest/gtest.h>

#include "server/store/checked_file.h"

namespace cvxnn::server {
namespace {

TEST(MadeFiles, ShareOneFileWhileSomebodyHoldsIt) {
  MadeFiles files;
  int made = 0;
  const auto make = [&]() -> absl::StatusOr<std::string> { return "file " + std::to_string(++made); };
  auto first = files.Get("models/a", make);
  ASSERT_TRUE(first.ok());
  EXPECT_EQ((*first)->bytes, "file 1");
  EXPECT_EQ((*first)->crc32, Crc32("file 1", 6));
  EXPECT_EQ(*files.Get("models/a", make), *first);
  EXPECT_EQ((*files.Get("models/b", make))->bytes, "file 2");
  first->reset();
  EXPECT_EQ((*files.Get("models/a", make))->bytes, "file 3");
}

TEST(MadeFiles, KeepNoError) {
  MadeFiles files;
  const auto fail = []() -> absl::StatusOr<std::string> { return absl::DataLossError("damaged"); };
  EXPECT_TRUE(absl::IsDataLoss(files.Get("models/a", fail).status()));
  EXPECT_TRUE(files.Get("models/a", []() -> absl::StatusOr<std::string> { return "whole"; }).ok());
}

}  // namespace
}  // namespace cvxnn::server
