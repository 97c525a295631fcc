// SPDX-License-Identifier: Apache-2.0
// See snapshot_keeper.h.
#include "server/jobs/snapshot_keeper.h"

#include <ATen/ATen.h>

#include "absl/time/clock.h"
#include "server/translate/job_progress.h"

namespace cvxnn::server {
namespace {

// Collected weights take no more memory than this, and wait no longer.
constexpr std::int64_t kMostBytes = std::int64_t{16} << 20;
constexpr absl::Duration kLongestWait = absl::Seconds(1);

// On the CPU, in memory of its own: training goes on in its.
at::Tensor Copy(const at::Tensor& weights) {
  return weights.defined() ? weights.detach().to(at::kCPU, /*non_blocking=*/false, /*copy=*/true) : weights;
}

std::int64_t Bytes(const at::Tensor& weights) {
  return weights.defined() ? static_cast<std::int64_t>(weights.nbytes()) : 0;
}

}  // namespace

SnapshotKeeper::SnapshotKeeper(ModelWriter* writer, LiveLog* log,
                               std::vector<std::pair<std::int32_t, std::int64_t>> known)
    : writer_(writer), log_(log), known_(known.begin(), known.end()) {}

absl::Status SnapshotKeeper::Add(const training::Snapshot& snapshot) {
  if (!known_.insert({snapshot.trial, snapshot.metrics.epoch}).second) return absl::OkStatus();
  Collected& added = collected_.emplace_back();
  added.metadata = ModelToProto(snapshot.network, snapshot.metrics);
  added.metadata.set_snapshot(true);
  added.network.activation = snapshot.network.activation;
  added.network.first_layer = Copy(snapshot.network.first_layer);
  added.network.second_layer = Copy(snapshot.network.second_layer);
  added.network.gates = Copy(snapshot.network.gates);
  bytes_ += Bytes(added.network.first_layer) + Bytes(added.network.second_layer) + Bytes(added.network.gates);
  if (collected_.size() == 1) due_ = absl::Now() + kLongestWait;
  return bytes_ >= kMostBytes ? Flush() : FlushWhenDue();
}

absl::Status SnapshotKeeper::FlushWhenDue() {
  return !collected_.empty() && absl::Now() >= due_ ? Flush() : absl::OkStatus();
}

absl::Status SnapshotKeeper::Flush() {
  if (collected_.empty()) return absl::OkStatus();
  std::vector<ModelStore::Unwritten> models;
  for (const Collected& collected : collected_) models.push_back({collected.metadata, &collected.network});
  auto written = writer_->Write(std::move(models));
  if (!written.ok()) return written.status();
  log_->AddModels(*std::move(written));
  collected_.clear();
  bytes_ = 0;
  due_ = absl::InfiniteFuture();
  return absl::OkStatus();
}

}  // namespace cvxnn::server
