// SPDX-License-Identifier: Apache-2.0
// Ten updates a second at most.
#include "client/cpp/command/transfer_line.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/time/clock.h>

#include <algorithm>
#include <iostream>
#include <utility>

#include "client/cpp/command/humanize.h"
#include "client/cpp/command/terminal.h"

namespace cvxnn::command {

TransferLine::TransferLine(std::string verb, bool enabled)
    : verb_(std::move(verb)), enabled_(enabled && ErrorIsTerminal()), start_(absl::Now()) {}

TransferLine::~TransferLine() {
  if (shown_) std::cerr << "\r\x1b[K" << std::flush;
}

client::TransferProgress TransferLine::Callback() {
  if (!enabled_) return nullptr;
  return [this](std::int64_t done_bytes, std::int64_t total_bytes) { Show(done_bytes, total_bytes); };
}

void TransferLine::Show(std::int64_t done_bytes, std::int64_t total_bytes) {
  const absl::Time now = absl::Now();
  if (now - last_ < absl::Milliseconds(100) && done_bytes < total_bytes) return;
  last_ = now;
  shown_ = true;
  const double seconds = std::max(1e-3, absl::ToDoubleSeconds(now - start_));
  const double share = static_cast<double>(done_bytes) / static_cast<double>(std::max<std::int64_t>(1, total_bytes));
  const auto rate = static_cast<std::int64_t>(static_cast<double>(done_bytes) / seconds);
  // After the last byte the server checks, transforms and stores.
  const std::string tail = done_bytes < total_bytes ? absl::StrCat(HumanBytes(rate), "/s") : "waiting for the server";
  std::cerr << "\r" << absl::StrFormat("%s %.0f%% of %s, %s", verb_, 100 * share, HumanBytes(total_bytes), tail)
            << "\x1b[K" << std::flush;
}

}  // namespace cvxnn::command
