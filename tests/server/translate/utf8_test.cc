// SPDX-License-Identifier: Apache-2.0
// Bytes that are not text never reach a message.
#include "server/translate/utf8.h"

#include <gtest/gtest.h>

namespace cvxnn::server {
namespace {

TEST(ValidUtf8, KeepsTextAndShowsOtherBytes) {
  EXPECT_EQ(ValidUtf8("plain"), "plain");
  EXPECT_EQ(ValidUtf8("ß ‖x‖ 𝄞"), "ß ‖x‖ 𝄞");
  EXPECT_EQ(ValidUtf8("a\xff z"), "a\\xff z");
  // A sequence that is cut, an overlong one, a surrogate, and a lone continuation.
  EXPECT_EQ(ValidUtf8("\xe2\x80"), "\\xe2\\x80");
  EXPECT_EQ(ValidUtf8("\xc0\xaf"), "\\xc0\\xaf");
  EXPECT_EQ(ValidUtf8("\xed\xa0\x80"), "\\xed\\xa0\\x80");
  EXPECT_EQ(ValidUtf8("\x80"), "\\x80");
}

}  // namespace
}  // namespace cvxnn::server
