// SPDX-License-Identifier: Apache-2.0
// The present moment as the contract writes it.
#pragma once

#include <google/protobuf/timestamp.pb.h>

#include <chrono>

namespace cvxnn::server {

/// Wall-clock time, UTC.
inline google::protobuf::Timestamp TimestampNow() {
  const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(since_epoch);
  google::protobuf::Timestamp now;
  now.set_seconds(seconds.count());
  now.set_nanos(
      static_cast<std::int32_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(since_epoch - seconds).count()));
  return now;
}

}  // namespace cvxnn::server
