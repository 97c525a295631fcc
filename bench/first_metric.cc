// SPDX-License-Identifier: Apache-2.0
// Latency of a tiny job on an idle server: two commits to disk lie between CreateJob and the first epoch.
#include <absl/strings/str_format.h>

#include <vector>

#include "bench/measure.h"
#include "bench/must.h"
#include "bench/setup.h"
#include "bench/watched_job.h"

namespace cvxnn::bench {
namespace {

constexpr int kRuns = 50;
constexpr double kGoalSeconds = 0.02;

}  // namespace

void MeasureFirstMetric(const Setup& setup, Table* table) {
  v1::GenerateDatasetRequest request;
  request.mutable_two_spirals()->set_rows(20);
  v1::JobSpec spec;
  spec.set_dataset(Must(setup.client.GenerateDataset(request)).name());
  spec.set_beta(1e-3);
  spec.mutable_stopping()->set_max_epochs(5);
  spec.mutable_descent()->set_neurons(10);
  RunJob(setup.client, spec);  // loads the data set and connects

  std::vector<double> created, first;
  for (int run = 0; run < kRuns; ++run) {
    const WatchedJob watched = RunJob(setup.client, spec);
    created.push_back(watched.created);
    first.push_back(watched.first_epoch);
  }
  const double p50 = Quantile(first, 0.5), p99 = Quantile(first, 0.99);
  const std::string reason =
      absl::StrFormat("p99 %.1f ms; CreateJob alone has p99 %.1f ms", 1e3 * p99, 1e3 * Quantile(created, 0.99));
  table->Add({absl::StrFormat("CreateJob to the first epoch received, %d tiny jobs", kRuns),
              absl::StrFormat("p50 %.1f ms, p99 %.1f ms", 1e3 * p50, 1e3 * p99),
              absl::StrFormat("CreateJob alone: p50 %.1f ms", 1e3 * Quantile(created, 0.5)), "", "< 20 ms",
              Verdict(p99 < kGoalSeconds, reason)});
}

}  // namespace cvxnn::bench
