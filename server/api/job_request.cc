// SPDX-License-Identifier: Apache-2.0
// See job_request.h.
#include "server/api/job_request.h"

#include <absl/strings/ascii.h>

#include <algorithm>

#include "server/store/clock.h"
#include "server/translate/choose.h"
#include "server/translate/resource_name.h"

namespace cvxnn::server {
namespace {

constexpr std::size_t kMostNameCharacters = 63;

bool IsExperiment(const std::string& name) {
  return name.size() <= kMostNameCharacters && std::all_of(name.begin(), name.end(), [](unsigned char c) {
           return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '-';
         });
}

bool IsLabelKey(const std::string& key) {
  return !key.empty() && key.size() <= kMostNameCharacters && std::all_of(key.begin(), key.end(), [](unsigned char c) {
    return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '-' || c == '_';
  });
}

// Ranges of the contract's messages of time.
bool IsFraction(std::int32_t nanos) { return nanos >= 0 && nanos <= 999'999'999; }
bool IsTimestamp(const google::protobuf::Timestamp& time) {
  constexpr std::int64_t kFirst = -62'135'596'800, kLast = 253'402'300'799;  // years 1 to 9999
  return time.seconds() >= kFirst && time.seconds() <= kLast && IsFraction(time.nanos());
}

void CheckSchedule(const v1::Job& job, Violations* violations) {
  constexpr std::int32_t kMostPriority = 1000;
  constexpr std::int64_t kMostDays = 3650;
  violations->Require(job.priority() >= -kMostPriority && job.priority() <= kMostPriority, "job.priority",
                      job.priority(), absl::StrCat("must be ", -kMostPriority, " to ", kMostPriority));
  if (job.has_deadline() && !IsTimestamp(job.deadline())) {
    violations->Wrong("job.deadline", "must be a time from the year 1 to 9999");
  }
  if (!job.has_ttl()) return;
  const absl::Duration ttl = FromProto(job.ttl());
  const bool in_range = ttl >= absl::Seconds(1) && ttl <= absl::Hours(24 * kMostDays);
  violations->Require(in_range && IsFraction(job.ttl().nanos()), "job.ttl", absl::FormatDuration(ttl),
                      absl::StrCat("must be 1s to ", kMostDays, " days"));
}

}  // namespace

void CheckCreateJobRequest(const v1::CreateJobRequest& request, Violations* violations) {
  constexpr std::size_t kMostLabels = 64;
  constexpr std::size_t kMostRequestIdBytes = 128;
  const v1::Job& job = request.job();
  if (!request.has_job()) violations->Wrong("job", "required");
  CheckDisplayName(job.display_name(), "job.display_name", violations);
  violations->Require(IsExperiment(job.experiment()), "job.experiment", job.experiment(),
                      "must be 1 to 63 of a-z, 0-9 and '-', or empty");
  if (job.labels().size() > kMostLabels) {
    violations->Wrong("job.labels", absl::StrCat(job.labels().size(), " labels: must be at most ", kMostLabels));
  }
  for (const auto& [key, value] : job.labels()) {
    violations->Require(IsLabelKey(key), "job.labels", key, "keys must be 1 to 63 of a-z, 0-9, '_' and '-'");
    violations->Require(value.size() <= kMostNameCharacters, "job.labels", value, "values must be at most 63 bytes");
  }
  CheckSchedule(job, violations);
  const std::string& id = request.request_id();
  const bool printable = std::all_of(id.begin(), id.end(), [](unsigned char c) { return absl::ascii_isprint(c); });
  violations->Require(printable && id.size() <= kMostRequestIdBytes, "request_id", id,
                      "must be 1 to 128 bytes of printable ASCII, or empty");
}

void CheckJobFilter(const v1::JobFilter& filter, Violations* violations) {
  for (const int state : filter.states()) {
    violations->Require(v1::JobState_IsValid(state) && state != v1::JOB_STATE_UNSPECIFIED, "filter.states",
                        ValueName(static_cast<v1::JobState>(state)), "must be states of a job");
  }
  violations->Require(IsExperiment(filter.experiment()), "filter.experiment", filter.experiment(),
                      "must be 1 to 63 of a-z, 0-9 and '-', or empty");
  if (!filter.dataset().empty()) CheckResourceName("datasets", filter.dataset(), "filter.dataset", violations);
}

absl::Duration CheckInterval(const google::protobuf::Duration* interval, absl::Duration least, absl::Duration otherwise,
                             const std::string& field, Violations* violations) {
  if (interval == nullptr) return otherwise;
  const absl::Duration duration = FromProto(*interval);
  violations->Require(duration >= least && duration <= absl::Hours(1), field, absl::FormatDuration(duration),
                      absl::StrCat("must be ", absl::FormatDuration(least), " to 1h"));
  return duration;
}

}  // namespace cvxnn::server
