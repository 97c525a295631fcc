// SPDX-License-Identifier: Apache-2.0
// See job_request.h.
#include "server/api/job_request.h"

#include <absl/strings/ascii.h>

#include <algorithm>

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
  const absl::Duration duration = absl::Seconds(interval->seconds()) + absl::Nanoseconds(interval->nanos());
  violations->Require(duration >= least && duration <= absl::Hours(1), field, absl::FormatDuration(duration),
                      absl::StrCat("must be ", absl::FormatDuration(least), " to 1h"));
  return duration;
}

}  // namespace cvxnn::server
