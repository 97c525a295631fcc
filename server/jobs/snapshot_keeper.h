// SPDX-License-Identifier: Apache-2.0
// Weights on the way of one attempt: collected for a moment, so that many share a file, and handed to the log, with
// which they become visible.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "core/network/network.h"
#include "core/training/train.h"
#include "server/jobs/live_log.h"
#include "server/jobs/model_writer.h"

namespace cvxnn::server {

/// On the training thread. All pointers outlive it.
class SnapshotKeeper {
 public:
  /// `known`: trial and epoch of the snapshots that earlier attempts stored; they are not stored again.
  SnapshotKeeper(ModelWriter* writer, LiveLog* log, std::vector<std::pair<std::int32_t, std::int64_t>> known);

  /// Takes a copy of the weights. What the store answers when it is time to write (RESOURCE_EXHAUSTED: disk full).
  absl::Status Add(const training::Snapshot& snapshot);
  /// Writes those whose time has come. Cheap when there is none.
  absl::Status FlushWhenDue();
  /// Writes all that were collected.
  absl::Status Flush();

 private:
  struct Collected {
    v1::Model metadata;
    Network network;
  };
  ModelWriter* const writer_;
  LiveLog* const log_;
  absl::flat_hash_set<std::pair<std::int32_t, std::int64_t>> known_;
  std::vector<Collected> collected_;
  std::int64_t bytes_ = 0;  // of the weights collected
  absl::Time due_ = absl::InfiniteFuture();
};

}  // namespace cvxnn::server
