// SPDX-License-Identifier: Apache-2.0
// Directories are made with all that is missing above them, or a reason is given.
#include "server/store/checked_file.h"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/support/temporary_directory.h"

namespace cvxnn::server {
namespace {

TEST(CreateDirectoriesSynced, MakesWhatIsMissingAndAcceptsWhatIsThere) {
  TemporaryDirectory directory;
  const auto deep = directory.path() / "a" / "b" / "c";
  for (int i = 0; i < 2; ++i) {
    const absl::Status status = CreateDirectoriesSynced(deep);
    EXPECT_TRUE(status.ok()) << status;
    EXPECT_TRUE(std::filesystem::is_directory(deep));
  }
  EXPECT_TRUE(CreateDirectoriesSynced((directory.path() / "d").string() + "/").ok());
  EXPECT_TRUE(std::filesystem::is_directory(directory.path() / "d"));
}

TEST(CreateDirectoriesSynced, RefusesAFileInTheWay) {
  TemporaryDirectory directory;
  std::ofstream(directory.path() / "file") << "x";
  EXPECT_FALSE(CreateDirectoriesSynced(directory.path() / "file").ok());
  EXPECT_FALSE(CreateDirectoriesSynced(directory.path() / "file" / "below").ok());
}

}  // namespace
}  // namespace cvxnn::server
