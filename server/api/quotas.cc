// SPDX-License-Identifier: Apache-2.0
// See quotas.h.
#include "server/api/quotas.h"

#include <absl/strings/str_cat.h>

#include <algorithm>

#include "server/store/totals.h"
#include "server/translate/violations.h"

namespace cvxnn::server {

absl::Status CheckBytesQuota(const Database& database, const Caller& caller, std::int64_t more) {
  if (!caller.quota.bytes.has_value()) return absl::OkStatus();
  const auto stored = ReadBytesOf(database, caller.name);
  if (!stored.ok()) return stored.status();
  const std::int64_t most = *caller.quota.bytes;
  if (*stored <= most && more <= most - *stored) return absl::OkStatus();
  return QuotaExceeded("bytes stored", absl::StrCat(caller.name.empty() ? "callers" : caller.name, " may store ", most,
                                                    " bytes of data sets and models, and ", *stored, " are stored; ",
                                                    more, " more are asked for: delete data sets or jobs first"));
}

absl::Duration UploadRates::Pause(const Caller& caller, std::int64_t bytes, absl::Time now) {
  if (!caller.quota.upload_bytes_per_second.has_value()) return absl::ZeroDuration();
  const auto rate = static_cast<double>(*caller.quota.upload_bytes_per_second);
  absl::MutexLock lock(&mutex_);
  absl::Time& even = even_[caller.name];
  even = std::max(even, now - absl::Seconds(1)) + absl::Seconds(static_cast<double>(bytes) / rate);
  return std::max(even - now, absl::ZeroDuration());
}

}  // namespace cvxnn::server
