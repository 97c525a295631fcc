// SPDX-License-Identifier: Apache-2.0
// Text that may be put into a message.
#pragma once

#include <string>

namespace cvxnn::server {

/// `text` with every byte that is not part of well-formed UTF-8 (Unicode, table 3-7) written as \xNN. Protobuf's string
/// fields must be UTF-8, and messages may quote files and paths that are not.
std::string ValidUtf8(const std::string& text);

}  // namespace cvxnn::server
