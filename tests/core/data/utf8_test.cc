// SPDX-License-Identifier: Apache-2.0
// Tests of the UTF-8 check.
#include "core/data/utf8.h"

#include <gtest/gtest.h>

namespace cvxnn::data {
namespace {

TEST(IsValidUtf8, AcceptsTextOfEveryLength) {
  for (const char* text :
       {"", "abc", "\u00e9", "\u20ac", "\U0001F600", "a\u00e9\u20ac\U0001F600z", "\xF4\x8F\xBF\xBF"}) {
    EXPECT_TRUE(IsValidUtf8(text)) << text;
  }
}

TEST(IsValidUtf8, RefusesWhatIsNotText) {
  for (const char* text : {"\xFF", "\x80", "\xC3", "\xE2\x82", "\xC0\x80", "\xE0\x80\x80", "\xED\xA0\x80",
                           "\xF4\x90\x80\x80", "\xF8\x88\x80\x80\x80", "\xC3(", "a\xE9z"}) {
    EXPECT_FALSE(IsValidUtf8(text)) << text;
  }
}

}  // namespace
}  // namespace cvxnn::data
