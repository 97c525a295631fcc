// SPDX-License-Identifier: Apache-2.0
// What was typed, said again in a message: a message stays readable whatever was typed.
#pragma once

#include <cstddef>
#include <string>

namespace cvxnn::command {

/// `text`, or where it has more than `most` bytes its beginning and its length: "1234… (5000 bytes)".
std::string Echo(const std::string& text, std::size_t most = 80);

/// `message` with every word of more than `most` bytes shortened; for messages of libraries.
std::string ShortenWords(const std::string& message, std::size_t most = 256);

}  // namespace cvxnn::command
