// SPDX-License-Identifier: Apache-2.0
// Shortening of what messages say again.
#include "client/cpp/command/echo.h"

#include <gtest/gtest.h>

namespace cvxnn::command {
namespace {

TEST(Echo, LeavesWhatIsShort) {
  EXPECT_EQ(Echo(""), "");
  EXPECT_EQ(Echo(std::string(80, 'x')), std::string(80, 'x'));
}

TEST(Echo, TellsHowLongTheRestIs) {
  EXPECT_EQ(Echo(std::string(5000, '7')), std::string(80, '7') + "… (5000 bytes)");
  EXPECT_EQ(Echo("abcdef", 3), "abc… (6 bytes)");
}

TEST(Echo, KeepsCharactersWhole) { EXPECT_EQ(Echo("aéé", 2), "a… (5 bytes)"); }

TEST(ShortenWords, ShortensLongWordsAlone) {
  EXPECT_EQ(ShortenWords("not\texpected:  abcdefghijkl mno\n", 9), "not\texpected:  abcdefghi… (12 bytes) mno\n");
  EXPECT_EQ(ShortenWords(""), "");
  EXPECT_EQ(ShortenWords("  "), "  ");
}

}  // namespace
}  // namespace cvxnn::command
