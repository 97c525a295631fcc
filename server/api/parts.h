// SPDX-License-Identifier: Apache-2.0
// What the services are made of: the rooms they delegate to and the limits they keep.
#pragma once

#include <absl/time/time.h>

#include <cstdint>
#include <string>

#include "server/api/event_encodings.h"
#include "server/api/open_streams.h"
#include "server/api/quotas.h"
#include "server/api/worker_pool.h"
#include "server/devices/device_list.h"
#include "server/devices/memory_admission.h"
#include "server/devices/resident_datasets.h"
#include "server/jobs/job_manager.h"
#include "server/security/authenticator.h"
#include "server/store/dataset_store.h"
#include "server/store/job_store.h"
#include "server/store/model_store.h"

namespace cvxnn::server {

/// Largest DatasetChunk.data and DownloadModelChunk.data. Unit: bytes.
inline constexpr std::int64_t kMaxChunkBytes = std::int64_t{2} << 20;
inline constexpr std::int64_t kDownloadChunkBytes = std::int64_t{1} << 20;
/// gRPC's default: no client needs a raised limit.
inline constexpr std::int64_t kMaxMessageBytes = std::int64_t{4} << 20;

struct Limits {
  std::int64_t max_dataset_bytes = std::int64_t{16} << 30;  ///< of one data set, and of all uploads in progress
  absl::Duration upload_idle_timeout = absl::Seconds(60);   ///< an upload that sends nothing for so long is ended
  absl::Duration upload_patience = absl::Minutes(10);       ///< how long one that was cut waits for its next stream
  std::int64_t max_queued_jobs = 10'000;
  std::int32_t running_jobs_per_device = 1;
  absl::Duration job_retention = absl::InfiniteDuration();  ///< of jobs that ended and have no ttl
};

/// Not owned; all outlive the services. Every part is thread-safe.
struct Parts {
  DatasetStore* datasets = nullptr;
  JobStore* jobs = nullptr;
  ModelStore* models = nullptr;
  ResidentDatasets* resident = nullptr;
  const DeviceList* devices = nullptr;
  const MemoryAdmission* admission = nullptr;
  JobManager* manager = nullptr;
  const Database* database = nullptr;
  Authenticator* authenticator = nullptr;  ///< null: nobody has a name
  UploadRates* upload_rates = nullptr;
  EventEncodings* encodings = nullptr;
  WorkerPool* quick = nullptr;  ///< reads and short writes of the store
  WorkerPool* heavy = nullptr;  ///< work on whole arrays
  OpenStreams* streams = nullptr;
  Limits limits;
  Quota quota;              ///< of principals that have none of their own
  std::string import_root;  ///< empty: importing is off
  absl::Time start_time;
};

}  // namespace cvxnn::server
