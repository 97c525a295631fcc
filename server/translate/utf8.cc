// SPDX-License-Identifier: Apache-2.0
// See utf8.h.
#include "server/translate/utf8.h"

#include <cstddef>

#include "core/data/utf8.h"

namespace cvxnn::server {

std::string ValidUtf8(const std::string& text) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string valid;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = data::Utf8SequenceLength(text, i);
    if (length > 0) {
      valid.append(text, i, length);
      i += length;
      continue;
    }
    const auto byte = static_cast<unsigned char>(text[i++]);
    valid.append({'\\', 'x', kDigits[byte >> 4], kDigits[byte & 15]});
  }
  return valid;
}

}  // namespace cvxnn::server
