// SPDX-License-Identifier: Apache-2.0
// How far an upload or download is, as one changing line on standard error when that is a terminal.
#pragma once

#include <absl/time/time.h>

#include <cstdint>
#include <string>

#include "client/cpp/client.h"

namespace cvxnn::command {

/// One transfer. The line is erased when this goes.
class TransferLine {
 public:
  /// `enabled` false, or no terminal: shows nothing.
  TransferLine(std::string verb, bool enabled);
  ~TransferLine();
  TransferLine(const TransferLine&) = delete;
  TransferLine& operator=(const TransferLine&) = delete;

  /// To be given to an upload or download that this outlives.
  client::TransferProgress Callback();

 private:
  void Show(std::int64_t done_bytes, std::int64_t total_bytes);

  std::string verb_;
  bool enabled_;
  bool shown_ = false;
  absl::Time start_;
  absl::Time last_ = absl::InfinitePast();
};

}  // namespace cvxnn::command
