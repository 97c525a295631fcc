// SPDX-License-Identifier: Apache-2.0
// What a watch of many jobs has told so far. After a broken connection the server tells every job again: what has not
// changed meanwhile is no news, and what it does not tell again is gone.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "cvxnn/v1/job_service.pb.h"

namespace cvxnn::command {

/// The jobs as they are now. Not thread-safe.
class JobBoard {
 public:
  /// What an event changed, by name.
  struct Change {
    std::vector<std::string> changed;
    std::vector<std::string> gone;
  };
  Change Update(const v1::WatchJobsResponse& response);
  /// Everything will be told again.
  void ConnectionLost();

  /// True once every job that matched has been told.
  bool synchronized() const { return synchronized_; }
  const v1::Job& job(const std::string& name) const { return jobs_.at(name); }
  /// Running jobs, then queued, paused and ended ones; the newest first among equals.
  std::vector<v1::Job> Sorted() const;
  bool AllEnded() const;

 private:
  std::map<std::string, v1::Job> jobs_;
  std::set<std::string> untold_;  ///< known from before the connection was lost, not told again yet
  bool synchronized_ = false;
};

}  // namespace cvxnn::command
