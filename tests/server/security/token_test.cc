// SPDX-License-Identifier: Apache-2.0
#include "server/security/token.h"

#include <gtest/gtest.h>

namespace cvxnn::server {
namespace {

TEST(Token, IsLongTextThatNeverRepeats) {
  const std::string token = NewToken();
  EXPECT_EQ(token.size(), 6U + 43U);
  EXPECT_EQ(token.rfind("cvxnn_", 0), 0U);
  EXPECT_EQ(token.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"),
            std::string::npos);
  EXPECT_NE(token, NewToken());
}

TEST(Token, IsHashedBySha256) {
  // FIPS 180-2, appendix B.1.
  EXPECT_EQ(ToHex(HashToken("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Token, HashesAreReadBackFromHexadecimalText) {
  const TokenHash hash = HashToken("abc");
  ASSERT_TRUE(FromHex(ToHex(hash)).has_value());
  EXPECT_TRUE(SameHash(*FromHex(ToHex(hash)), hash));
  EXPECT_FALSE(SameHash(hash, HashToken("abd")));
  EXPECT_FALSE(FromHex("").has_value());
  EXPECT_FALSE(FromHex(ToHex(hash).substr(1)).has_value());
  EXPECT_FALSE(FromHex(std::string(64, 'g')).has_value());
}

}  // namespace
}  // namespace cvxnn::server
