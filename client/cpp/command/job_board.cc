// SPDX-License-Identifier: Apache-2.0
// Jobs by name, and an order for showing them.
#include "client/cpp/command/job_board.h"

#include <google/protobuf/util/message_differencer.h>
#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <tuple>

#include "client/cpp/command/job_state.h"

namespace cvxnn::command {
namespace {

/// Places in the list: running 0, queued 1, paused 2, ended 3.
int RankOf(const v1::Job& job) {
  if (HasEnded(job.state())) return 3;
  if (job.state() == v1::JOB_STATE_PAUSED) return 2;
  return job.state() == v1::JOB_STATE_RUNNING ? 0 : 1;
}

}  // namespace

JobBoard::Change JobBoard::Update(const v1::WatchJobsResponse& response) {
  Change change;
  switch (response.event_case()) {
    case v1::WatchJobsResponse::kJob: {
      const v1::Job& told = response.job();
      untold_.erase(told.name());
      const auto [known, is_new] = jobs_.try_emplace(told.name(), told);
      if (is_new || !google::protobuf::util::MessageDifferencer::Equals(known->second, told)) {
        known->second = told;
        change.changed.push_back(told.name());
      }
      break;
    }
    case v1::WatchJobsResponse::kDeleted:
      if (jobs_.erase(response.deleted()) > 0) change.gone.push_back(response.deleted());
      untold_.erase(response.deleted());
      break;
    case v1::WatchJobsResponse::kSynchronized:
      synchronized_ = true;
      change.gone.assign(untold_.begin(), untold_.end());
      for (const std::string& name : untold_) jobs_.erase(name);
      untold_.clear();
      break;
    case v1::WatchJobsResponse::kHeartbeat:
    case v1::WatchJobsResponse::EVENT_NOT_SET:
      break;
  }
  return change;
}

void JobBoard::ConnectionLost() {
  synchronized_ = false;
  for (const auto& [name, job] : jobs_) untold_.insert(name);
}

std::vector<v1::Job> JobBoard::Sorted() const {
  std::vector<v1::Job> jobs;
  jobs.reserve(jobs_.size());
  for (const auto& [name, job] : jobs_) jobs.push_back(job);
  std::stable_sort(jobs.begin(), jobs.end(), [](const v1::Job& a, const v1::Job& b) {
    using google::protobuf::util::TimeUtil;
    return std::make_tuple(RankOf(a), -TimeUtil::TimestampToNanoseconds(a.create_time())) <
           std::make_tuple(RankOf(b), -TimeUtil::TimestampToNanoseconds(b.create_time()));
  });
  return jobs;
}

bool JobBoard::AllEnded() const {
  return std::all_of(jobs_.begin(), jobs_.end(), [](const auto& entry) { return HasEnded(entry.second.state()); });
}

}  // namespace cvxnn::command
