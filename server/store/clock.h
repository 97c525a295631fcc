// SPDX-License-Identifier: Apache-2.0
// Times and durations as the contract writes them.
#pragma once

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include <cstdint>

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace cvxnn::server {

inline absl::Time FromProto(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
}

inline absl::Duration FromProto(const google::protobuf::Duration& duration) {
  return absl::Seconds(duration.seconds()) + absl::Nanoseconds(duration.nanos());
}

/// Rounded down to nanoseconds.
inline google::protobuf::Timestamp ToProto(absl::Time time) {
  google::protobuf::Timestamp proto;
  proto.set_seconds(absl::ToUnixSeconds(time));
  proto.set_nanos(static_cast<std::int32_t>((time - absl::FromUnixSeconds(proto.seconds())) / absl::Nanoseconds(1)));
  return proto;
}

/// Rounded towards zero to nanoseconds.
inline google::protobuf::Duration ToProto(absl::Duration duration) {
  google::protobuf::Duration proto;
  proto.set_seconds(absl::ToInt64Seconds(duration));
  proto.set_nanos(static_cast<std::int32_t>((duration - absl::Seconds(proto.seconds())) / absl::Nanoseconds(1)));
  return proto;
}

/// Wall-clock time, UTC.
inline google::protobuf::Timestamp TimestampNow() { return ToProto(absl::Now()); }

}  // namespace cvxnn::server
