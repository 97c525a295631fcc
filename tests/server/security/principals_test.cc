// SPDX-License-Identifier: Apache-2.0
#include "server/security/principals.h"

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>

namespace cvxnn::server {
namespace {

using ::testing::HasSubstr;

std::string Line(const std::string& name, Role role, const std::string& token) {
  return PrincipalLine({name, role}, token) + "\n";
}

TEST(Principals, AreKnownByTheirTokens) {
  const auto principals = Principals::Parse(
      absl::StrCat("# the team\n\n", Line("ada", Role::kAdmin, "a"), "  ", Line("bot@ci", Role::kReader, "b")));
  ASSERT_TRUE(principals.ok()) << principals.status();
  ASSERT_TRUE(principals->WithToken("a").has_value());
  EXPECT_EQ(principals->WithToken("a")->name, "ada");
  EXPECT_EQ(principals->WithToken("a")->role, Role::kAdmin);
  EXPECT_EQ(principals->WithToken("b")->name, "bot@ci");
  EXPECT_FALSE(principals->WithToken("").has_value());
  EXPECT_FALSE(principals->WithToken("A").has_value());
  EXPECT_FALSE(principals->WithCertificate("ada").has_value());
}

TEST(Principals, MayHaveTwoTokensWhileOneIsReplaced) {
  const auto principals = Principals::Parse(Line("ada", Role::kAdmin, "old") + Line("ada", Role::kAdmin, "new"));
  ASSERT_TRUE(principals.ok()) << principals.status();
  EXPECT_TRUE(principals->WithToken("old").has_value());
  EXPECT_TRUE(principals->WithToken("new").has_value());
}

TEST(Principals, AreKnownByTheirCertificates) {
  const auto principals = Principals::Parse("ada submitter certificate  # her laptop\r\n");
  ASSERT_TRUE(principals.ok()) << principals.status();
  EXPECT_TRUE(principals->any_certificate());
  ASSERT_TRUE(principals->WithCertificate("ada").has_value());
  EXPECT_EQ(principals->WithCertificate("ada")->role, Role::kSubmitter);
  EXPECT_FALSE(principals->WithCertificate("eve").has_value());
}

TEST(Principals, MayHaveQuotasOfTheirOwn) {
  const auto principals = Principals::Parse(
      "ada submitter certificate jobs=3 bytes=1000000000000 upload-rate=5000  # on trial\n"
      "bob submitter certificate\n");
  ASSERT_TRUE(principals.ok()) << principals.status();
  const Quota quota = principals->WithCertificate("ada")->quota;
  EXPECT_EQ(quota, (Quota{3, 1'000'000'000'000, 5000}));
  EXPECT_EQ(principals->WithCertificate("bob")->quota, Quota());
  const Quota server{10, 20, {}};
  EXPECT_EQ(quota.Or(server), quota);
  EXPECT_EQ(Quota().Or(server), server);
  EXPECT_EQ((Quota{{}, 5, {}}.Or(server)), (Quota{10, 5, {}}));
  for (const char* wrong :
       {"jobs=0", "jobs=-1", "jobs=1 jobs=2", "bytes=1e9", "jobs", "speed=1", "bytes=99999999999999999999"}) {
    EXPECT_THAT(std::string(Principals::Parse(absl::StrCat("ada admin certificate ", wrong)).status().message()),
                HasSubstr("line 1: after sha256:HEX or certificate: must be jobs=N"))
        << wrong;
  }
  EXPECT_THAT(
      std::string(
          Principals::Parse(Line("ada", Role::kReader, "a") + "ada reader certificate jobs=1\n").status().message()),
      HasSubstr("line 2: ada has other quotas"));
}

TEST(Principals, NameTheLineThatIsWrong) {
  const std::string good = Line("ada", Role::kReader, "secret-token");
  for (const auto& [text, problem] : std::vector<std::pair<std::string, std::string>>{
           {good + "eve reader", "line 2: must be NAME ROLE"},
           {"\n\nEve reader certificate", "line 3: a name must be"},
           {std::string(64, 'a') + " reader certificate", "line 1: a name must be"},
           {"eve root certificate", "line 1: the role must be reader, submitter or admin"},
           {"eve reader sha256:12", "line 1: sha256: must be followed by 64 hexadecimal digits"},
           {"eve reader secret-token", "line 1: the third word must be"},
           {good + Line("ada", Role::kAdmin, "other"), "line 2: ada has another role"},
           {good + Line("eve", Role::kReader, "secret-token"), "line 2: the token is that of ada"}}) {
    const auto principals = Principals::Parse(text);
    ASSERT_FALSE(principals.ok()) << text;
    EXPECT_THAT(std::string(principals.status().message()), HasSubstr(problem));
    EXPECT_THAT(std::string(principals.status().message()), ::testing::Not(HasSubstr("secret-token"))) << "no secrets";
  }
}

}  // namespace
}  // namespace cvxnn::server
