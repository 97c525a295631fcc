// SPDX-License-Identifier: Apache-2.0
// Whether text is UTF-8: names of columns and classes travel in messages that must be.
#pragma once

#include <cstddef>
#include <string>

namespace cvxnn::data {

/// Length of the well-formed sequence (Unicode, table 3-7) that begins at `position` < text.size(); 0 when none does.
std::size_t Utf8SequenceLength(const std::string& text, std::size_t position);

/// True for well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates, at most U+10FFFF).
bool IsValidUtf8(const std::string& text);

}  // namespace cvxnn::data
