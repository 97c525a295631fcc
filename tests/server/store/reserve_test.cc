// SPDX-License-Identifier: Apache-2.0
// Room taken and given back, as the file system counts it.
#include "server/store/reserve.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/support/temporary_directory.h"

namespace cvxnn::server {
namespace {

constexpr std::int64_t kBytes = 1'000'000;

std::int64_t RoomTaken(const std::filesystem::path& file) {
  struct stat info = {};
  EXPECT_EQ(stat(file.c_str(), &info), 0);
  constexpr std::int64_t kBlock = 512;  // of stat, whatever the file system has
  return info.st_blocks * kBlock;
}

TEST(Reserve, TakesRoomAndGivesItBack) {
  const TemporaryDirectory directory;
  const auto file = directory.path() / "reserve";
  Reserve reserve(file, kBytes);
  EXPECT_GE(RoomTaken(file), kBytes);
  EXPECT_TRUE(reserve.GiveUp());
  EXPECT_EQ(RoomTaken(file), 0);
  EXPECT_FALSE(reserve.GiveUp());
  reserve.Fill();
  EXPECT_GE(RoomTaken(file), kBytes);
}

TEST(Reserve, IsThereAtTheNextStart) {
  const TemporaryDirectory directory;
  const auto file = directory.path() / "reserve";
  { const Reserve first(file, kBytes); }
  EXPECT_GE(RoomTaken(file), kBytes);
  EXPECT_TRUE(Reserve(file, kBytes).GiveUp());
}

TEST(Reserve, DoesWithoutWhereThereCanBeNone) {
  Reserve reserve("/nosuch/reserve", kBytes);
  reserve.Fill();
  EXPECT_FALSE(reserve.GiveUp());
}

}  // namespace
}  // namespace cvxnn::server
