// SPDX-License-Identifier: Apache-2.0
// The state of the server as metrics, read when they are collected: jobs by state, epochs, memory of devices, bytes
// stored and resident, room on the disk.
#pragma once

#include <absl/time/time.h>
#include <prometheus/collectable.h>

#include <string>
#include <vector>

#include "server/devices/device_list.h"
#include "server/devices/resident_datasets.h"
#include "server/jobs/job_log.h"
#include "server/store/database.h"
#include "server/store/model_store.h"

namespace cvxnn::server {

/// Thread-safe. All pointers outlive it.
class StateMetrics : public prometheus::Collectable {
 public:
  struct Sources {
    const Database* database = nullptr;
    const ModelStore* models = nullptr;
    const ResidentDatasets* resident = nullptr;
    const DeviceList* devices = nullptr;
    const JobLog* log = nullptr;
    std::string version;
    absl::Time start_time;
  };
  explicit StateMetrics(Sources sources) : sources_(std::move(sources)) {}

  /// What cannot be read just now is absent.
  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  const Sources sources_;
};

}  // namespace cvxnn::server
