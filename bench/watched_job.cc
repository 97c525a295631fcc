// SPDX-License-Identifier: Apache-2.0
// See watched_job.h.
#include "bench/watched_job.h"

#include <absl/strings/str_format.h>

#include <cmath>

#include "bench/measure.h"
#include "bench/must.h"
#include "server/translate/job_spec.h"

namespace cvxnn::bench {

WatchedJob RunJob(const client::Client& client, const v1::JobSpec& spec) {
  WatchedJob watched;
  v1::CreateJobRequest request;
  *request.mutable_job()->mutable_spec() = spec;
  const Stopwatch watch;
  const v1::Job created = Must(client.CreateJob(std::move(request)));
  watched.created = watch.seconds();
  watched.job = Must(client.WatchJob(created.name(), {}, [&](const v1::WatchJobResponse& event) {
    if (!event.has_metrics()) return true;
    if (watched.messages++ == 0) watched.first_epoch = watch.seconds();
    for (const v1::EpochMetrics& epoch : event.metrics().epochs()) watched.epochs.push_back(epoch);
    return true;
  }));
  watched.seconds = watch.seconds();
  Require(watched.job.state() == v1::JOB_STATE_SUCCEEDED, "the job failed: " + watched.job.error().message());
  return watched;
}

DirectRun RunDirectly(const v1::JobSpec& spec, const data::Dataset& dataset) {
  const training::Spec translated = Must(server::SpecFromProto(spec));
  DirectRun direct;
  training::Hooks hooks;
  hooks.observer = [&](const training::EpochMetrics& metrics) {
    direct.epochs.push_back(metrics);
    return training::Continue::kYes;
  };
  OnOwnThread([&] {
    const Stopwatch watch;
    direct.result = Must(training::Train(translated, dataset, hooks));
    direct.seconds = watch.seconds();
  });
  return direct;
}

void RequireSame(const WatchedJob& watched, const DirectRun& direct) {
  Require(
      watched.epochs.size() == direct.epochs.size(),
      absl::StrFormat("the service reported %d epochs, core alone %d", watched.epochs.size(), direct.epochs.size()));
  const double there = watched.epochs.back().objective();
  const double here = direct.epochs.back().objective.value();
  Require(std::abs(there - here) <= 1e-3 * std::abs(here),
          absl::StrFormat("the service ended at objective %.9g, core alone at %.9g", there, here));
}

}  // namespace cvxnn::bench
