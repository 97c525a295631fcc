// SPDX-License-Identifier: Apache-2.0
// Lets jobs begin only when what they need is free: on the host, where data sets that wait for a next job make room,
// and on the device.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "core/torch/runtime.h"
#include "cvxnn/v1/job.pb.h"
#include "server/devices/resident_datasets.h"

namespace cvxnn::server {

/// Thread-safe. Memory whose size is not known admits everybody.
class MemoryAdmission {
 public:
  /// Total and free memory of the devices, "cpu" first.
  using Measure = std::function<std::vector<DeviceInfo>()>;
  /// `resident` outlives this.
  explicit MemoryAdmission(ResidentDatasets* resident, Measure measure = AvailableDevices);

  /// What a job was promised; given back on destruction. The admission outlives it.
  class Ticket {
   public:
    Ticket() = default;
    Ticket(Ticket&& other) noexcept { *this = std::move(other); }
    Ticket& operator=(Ticket&& other) noexcept;
    ~Ticket() { Release(); }

   private:
    friend class MemoryAdmission;
    void Release();
    MemoryAdmission* from_ = nullptr;
    std::string device_;
    std::int64_t host_bytes_ = 0;
    std::int64_t device_bytes_ = 0;
  };

  /// RESOURCE_EXHAUSTED as MemoryShortage when the job needs more than there is in all, so that it could never begin.
  absl::Status CheckPossible(const v1::MemoryEstimate& need, const std::string& device) const;

  /// For a job on `device` over the data set called `dataset`, which is counted unless it is resident.
  /// RESOURCE_EXHAUSTED as MemoryShortage when less is free than it needs, also after data sets that nobody uses were
  /// dropped, or when jobs that run were promised too much of it.
  absl::StatusOr<Ticket> Admit(const v1::MemoryEstimate& need, const std::string& device, const std::string& dataset)
      ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  // What may still be taken of a device; the largest number where that is not known.
  std::int64_t FreeOn(const std::string& device) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  ResidentDatasets* const resident_;
  const Measure measure_;
  absl::Mutex mutex_;
  absl::flat_hash_map<std::string, std::int64_t> promised_ ABSL_GUARDED_BY(mutex_);  // bytes, by device
};

}  // namespace cvxnn::server
