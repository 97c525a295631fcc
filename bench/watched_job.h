// SPDX-License-Identifier: Apache-2.0
// One job through the service, seen from its client.
#pragma once

#include <cstdint>
#include <vector>

#include "client/cpp/client.h"
#include "core/data/dataset.h"
#include "core/training/train.h"

namespace cvxnn::bench {

/// A job from CreateJob to EndOfLog.
struct WatchedJob {
  v1::Job job;
  std::vector<v1::EpochMetrics> epochs;  ///< all that arrived, in order
  std::int64_t messages = 0;             ///< that brought them
  double created = 0;                    ///< seconds until CreateJob answered
  double first_epoch = 0;                ///< seconds until the first epoch arrived
  double seconds = 0;                    ///< until the end of the log
};

/// Submits and watches. Throws unless the job succeeds.
WatchedJob RunJob(const client::Client& client, const v1::JobSpec& spec);

/// Core alone on the same work: the same spec, translated as the server does, with every epoch kept.
struct DirectRun {
  training::Result result;
  std::vector<training::EpochMetrics> epochs;
  double seconds = 0;
};
DirectRun RunDirectly(const v1::JobSpec& spec, const data::Dataset& dataset);

/// Throws unless both did the same epochs and ended at the same objective.
void RequireSame(const WatchedJob& watched, const DirectRun& direct);

}  // namespace cvxnn::bench
