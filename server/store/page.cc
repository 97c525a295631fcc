// SPDX-License-Identifier: Apache-2.0
// Page tokens: "<creation number>.<check>" in hexadecimal, where the check covers the number and the list with its
// filter. It detects mistakes; a token gives no access that its holder lacks.
#include "server/store/page.h"

#include <limits>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "server/store/checked_file.h"

namespace cvxnn::server {
namespace {

constexpr std::int32_t kDefaultSize = 50;

}  // namespace

std::string MakePageToken(std::int64_t before, const std::string& list) {
  const std::string covered = absl::StrCat(before, "\n", list);
  return absl::StrCat(absl::Hex(before), ".", absl::Hex(Crc32(covered.data(), covered.size()), absl::kZeroPad8));
}

absl::StatusOr<PageStart> ParsePageRequest(const PageRequest& request, const std::string& list) {
  if (request.size < 0 || request.size > kMaxPageSize) {
    return absl::InvalidArgumentError(absl::StrCat("page_size = ", request.size, ": must be 0 to ", kMaxPageSize));
  }
  PageStart start{std::numeric_limits<std::int64_t>::max(), request.size == 0 ? kDefaultSize : request.size};
  if (request.token.empty()) return start;
  const std::pair<std::string, std::string> parts = absl::StrSplit(request.token, absl::MaxSplits('.', 1));
  if (!absl::SimpleHexAtoi(parts.first, &start.before) || start.before < 1 ||
      MakePageToken(start.before, list) != request.token) {
    return absl::InvalidArgumentError(absl::StrCat("page_token = \"", absl::CHexEscape(request.token.substr(0, 64)),
                                                   "\": must be the next_page_token of this list with this filter"));
  }
  return start;
}

}  // namespace cvxnn::server
