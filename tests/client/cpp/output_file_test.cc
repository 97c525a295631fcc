// SPDX-License-Identifier: Apache-2.0
// What is at a path already decides how it is written: files are replaced as a whole, pipes and devices are filled.
#include "client/cpp/command/output_file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <iterator>

#include "tests/support/temporary_directory.h"

namespace cvxnn::command {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

std::string ReadAll(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::ptrdiff_t Entries(const fs::path& folder) {
  return std::distance(fs::directory_iterator(folder), fs::directory_iterator());
}

TEST(OutputFile, AppearsWhenItIsComplete) {
  const TemporaryDirectory folder;
  const fs::path path = folder.path() / "weights";
  {
    OutputFile file(path);
    ASSERT_TRUE(file.opened().ok()) << file.opened();
    file.stream() << "half";
    EXPECT_FALSE(fs::exists(path));
  }
  EXPECT_EQ(Entries(folder.path()), 0) << "what was not committed is removed";
  OutputFile file(path);
  file.stream() << "whole";
  ASSERT_TRUE(file.Commit().ok());
  EXPECT_EQ(ReadAll(path), "whole");
  EXPECT_EQ(Entries(folder.path()), 1);
}

TEST(OutputFile, KeepsALinkAndReplacesTheFileBehindIt) {
  const TemporaryDirectory folder;
  std::ofstream(folder.path() / "real") << "old";
  fs::create_symlink("real", folder.path() / "link");
  OutputFile file(folder.path() / "link");
  file.stream() << "new";
  ASSERT_TRUE(file.Commit().ok());
  EXPECT_TRUE(fs::is_symlink(folder.path() / "link"));
  EXPECT_EQ(ReadAll(folder.path() / "real"), "new");
}

TEST(OutputFile, FillsAPipeInsteadOfReplacingIt) {
  const TemporaryDirectory folder;
  const fs::path path = folder.path() / "pipe";
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  const int reader = open(path.c_str(), O_RDONLY | O_NONBLOCK);
  ASSERT_GE(reader, 0);
  OutputFile file(path);
  file.stream() << "weights";
  ASSERT_TRUE(file.Commit().ok());
  std::array<char, 16> got{};
  EXPECT_EQ(read(reader, got.data(), got.size()), 7);
  EXPECT_STREQ(got.data(), "weights");
  close(reader);
  EXPECT_TRUE(fs::is_fifo(path));
}

TEST(OutputFile, LeavesDevicesWhereTheyAreAndTellsThatTheyAreFull) {
  // By a link of its own: were it replaced after all, the machine's device would not be.
  const TemporaryDirectory folder;
  const fs::path path = folder.path() / "full";
  fs::create_symlink("/dev/full", path);
  if (!fs::is_character_file(path)) GTEST_SKIP() << "no /dev/full here";
  OutputFile file(path);
  file.stream() << "weights";
  const absl::Status status = file.Commit();
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(status.message()), HasSubstr("cannot be written: No space left on device"));
  EXPECT_TRUE(fs::is_symlink(path));
  EXPECT_TRUE(fs::is_character_file("/dev/full"));
}

TEST(OutputFile, SaysWhyItCannotBeMade) {
  const TemporaryDirectory folder;
  OutputFile nowhere(folder.path() / "missing" / "weights");
  EXPECT_THAT(std::string(nowhere.opened().message()), HasSubstr("cannot be written: No such file or directory"));
  EXPECT_EQ(nowhere.Commit(), nowhere.opened());
  OutputFile is_folder(folder.path());
  EXPECT_THAT(std::string(is_folder.opened().message()), HasSubstr("is a folder: must be a file"));
  EXPECT_FALSE(is_folder.stream());
}

}  // namespace
}  // namespace cvxnn::command
