// SPDX-License-Identifier: Apache-2.0
#include "server/security/principals_file.h"

#include <absl/time/clock.h>
#include <gmock/gmock.h>
#include <sys/stat.h>

#include "server/log/log.h"
#include "tests/server/security/certificate_maker.h"
#include "tests/support/temporary_directory.h"

namespace cvxnn::server {
namespace {

using ::testing::HasSubstr;

class PrincipalsFileTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(SetUpLog("text", "off").ok()); }
  void Write(const std::string& text) const { WritePrivately(path_, text); }
  static std::string Line(const std::string& name, const std::string& token) {
    return PrincipalLine({name, Role::kReader}, token) + "\n";
  }
  /// Asks until the answer is `expected`, for at most ten seconds.
  static bool Becomes(PrincipalsFile* file, const std::string& token, bool expected) {
    for (int i = 0; i < 500; ++i) {
      if (file->Now()->WithToken(token).has_value() == expected) return true;
      absl::SleepFor(absl::Milliseconds(20));
    }
    return false;
  }

  TemporaryDirectory folder_;
  const std::string path_ = folder_.path() / "principals";
};

TEST_F(PrincipalsFileTest, TakesOverChanges) {
  Write(Line("ada", "a"));
  auto file = PrincipalsFile::Open(path_);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_TRUE((*file)->Now()->WithToken("a").has_value());
  Write(Line("bob", "b"));
  EXPECT_TRUE(Becomes(file->get(), "b", true));
  EXPECT_FALSE((*file)->Now()->WithToken("a").has_value()) << "a withdrawn token is of no use";
}

TEST_F(PrincipalsFileTest, KeepsWhatItKnewWhenTheFileBreaks) {
  Write(Line("ada", "a"));
  auto file = PrincipalsFile::Open(path_);
  ASSERT_TRUE(file.ok()) << file.status();
  Write("nonsense");
  absl::SleepFor(absl::Milliseconds(1100));
  EXPECT_TRUE((*file)->Now()->WithToken("a").has_value());
  Write(Line("ada", "a") + Line("bob", "b"));
  EXPECT_TRUE(Becomes(file->get(), "b", true)) << "and takes over the mended one";
}

TEST_F(PrincipalsFileTest, RefusesFilesThatCannotBeMeant) {
  EXPECT_TRUE(absl::IsNotFound(PrincipalsFile::Open(path_).status()));
  EXPECT_TRUE(absl::IsNotFound(PrincipalsFile::Open(folder_.path()).status())) << "a folder";
  Write("# nobody\n");
  EXPECT_TRUE(absl::IsFailedPrecondition(PrincipalsFile::Open(path_).status()));
  Write(Line("ada", "a"));
  ASSERT_EQ(chmod(path_.c_str(), 0644), 0);
  EXPECT_TRUE(absl::IsFailedPrecondition(PrincipalsFile::Open(path_).status())) << "open to everybody";
  Write("ada reader\n");
  const auto wrong = PrincipalsFile::Open(path_);
  EXPECT_TRUE(absl::IsInvalidArgument(wrong.status()));
  EXPECT_THAT(std::string(wrong.status().message()), HasSubstr(path_ + ", line 1"));
}

}  // namespace
}  // namespace cvxnn::server
