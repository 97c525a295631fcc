// SPDX-License-Identifier: Apache-2.0
// A server on loopback that is put under load, and its running job.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "bench/child_process.h"
#include "cvxnn/v1/dataset_service.grpc.pb.h"
#include "cvxnn/v1/job_service.grpc.pb.h"

namespace cvxnn::bench {

class LoadedServer {
 public:
  /// Starts `binary` on an empty data directory below `folder`, and makes the data set of all jobs.
  LoadedServer(const std::string& binary, const std::string& folder);

  const std::string& address() const { return process_.address(); }
  v1::JobService::Stub& jobs() const { return *jobs_; }

  /// Descent that reports about a thousand epochs a second for about `seconds`; the pace is measured once.
  v1::JobSpec PacedJob(double seconds);
  v1::Job Create(const v1::JobSpec& spec) const;
  v1::Job Get(const std::string& name) const;
  void Cancel(const std::string& name) const;
  v1::Job WaitForEnd(const std::string& name) const;
  void WaitForEpoch(const std::string& name, std::int64_t epoch) const;

  /// Reports a second of a paced job that nobody watches; and for each second that its thread ran.
  double undisturbed_rate() const { return undisturbed_rate_; }
  double undisturbed_rate_of_run() const { return undisturbed_rate_of_run_; }

  /// Seconds that a thread ran, and that it was ready but had no core.
  struct ThreadTime {
    double ran = 0, waited = 0;
  };
  /// Of each thread of the server, by its number.
  std::map<int, ThreadTime> thread_times() const;

  /// Resident memory in MiB, now and at most, and seconds of processor time.
  double memory() const { return Status("VmRSS:"); }
  double most_memory() const { return Status("VmHWM:"); }
  double processor_seconds() const;

 private:
  double Status(const char* field) const;

  ChildProcess process_;
  std::unique_ptr<v1::JobService::Stub> jobs_;
  std::int64_t every_epochs_ = 1;
  double undisturbed_rate_ = 0, undisturbed_rate_of_run_ = 0;
};

/// What the thread that runs jobs, the busiest of the server, does from now on.
class JobClock {
 public:
  explicit JobClock(const LoadedServer& server) : server_(server), begun_(server.thread_times()) {}
  LoadedServer::ThreadTime time() const;

 private:
  const LoadedServer& server_;
  const std::map<int, LoadedServer::ThreadTime> begun_;
};

/// Epochs a second of training that a job reported, over its last attempt.
double RateOf(const v1::Job& job, std::int64_t every_epochs);

}  // namespace cvxnn::bench
