// SPDX-License-Identifier: Apache-2.0
// A data set on its way in: the header's promises checked before memory is taken, chunks copied once to where they
// stay.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/data/dataset.h"
#include "core/data/should_stop.h"
#include "core/data/transform.h"
#include "cvxnn/v1/dataset_service.pb.h"

namespace cvxnn::server {

/// One upload. Not thread-safe.
class Upload {
 public:
  /// Checks the header and reserves the arrays (untouched memory, so that a header alone costs nothing).
  /// INVALID_ARGUMENT lists every field at fault; RESOURCE_EXHAUSTED above `max_bytes` or when memory does not suffice.
  static absl::StatusOr<std::unique_ptr<Upload>> Begin(const v1::CreateDatasetHeader& header, std::int64_t max_bytes);

  /// INVALID_ARGUMENT: out of order or beyond its array. DATA_LOSS: wrong checksum.
  absl::Status Add(const v1::DatasetChunk& chunk);

  /// Whether Finish will give exactly the bytes that arrive, at the addresses where they arrive.
  bool KeepsWhatArrives() const { return transforms_.empty() && !class_indices_; }
  /// The arrays as they fill up, in the order of DatasetArray.
  const data::Dataset& dataset() const { return dataset_; }
  std::int64_t received_bytes(v1::DatasetArray array) const { return received_[static_cast<std::size_t>(array) - 1]; }

  /// DATA_LOSS naming the arrays that are not complete.
  absl::Status CheckComplete();

  /// Checks the numbers, turns class indices into one-hot rows and applies the transforms. Call once, when complete.
  /// INVALID_ARGUMENT says part, row and column of a bad value. RESOURCE_EXHAUSTED: the one-hot rows of class indices
  /// would pass the limit. CANCELLED when `should_stop` says so.
  absl::StatusOr<data::Dataset> Finish(const data::ShouldStop& should_stop = {});

  /// Bytes of the arrays that the header promises, targets of named classes counted as one-hot rows.
  static double PromisedBytes(const v1::CreateDatasetHeader& header);

 private:
  Upload() = default;
  absl::Status OneHotTargets();
  // In the order of DatasetArray.
  std::array<data::Matrix*, 4> Arrays() {
    return {&dataset_.train.features, &dataset_.train.targets, &dataset_.test.features, &dataset_.test.targets};
  }

  data::Dataset dataset_;
  std::array<std::int64_t, 4> received_ = {};  // bytes
  std::vector<data::Transform> transforms_;
  bool class_indices_ = false;
  std::int64_t max_bytes_ = 0;
};

}  // namespace cvxnn::server
