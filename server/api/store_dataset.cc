// SPDX-License-Identifier: Apache-2.0
// See store_dataset.h.
#include "server/api/store_dataset.h"

#include <absl/strings/str_cat.h>

#include <memory>
#include <utility>

#include "server/api/quotas.h"
#include "server/api/status.h"
#include "server/translate/dataset_description.h"
#include "server/translate/violations.h"

namespace cvxnn::server {
namespace {

// The description must fit into one message of any client.
constexpr std::size_t kMostDescriptionBytes = std::size_t{3} << 20;

}  // namespace

absl::StatusOr<v1::Dataset> StoreDataset(const Parts& parts, const CallLog& log, const std::string& id,
                                         const std::string& display_name, data::Dataset dataset,
                                         std::unique_ptr<StagedArrays> staged, const UploadKey& upload) {
  // Goes before the arrays that it reads, however this ends.
  std::unique_ptr<StagedArrays> writing = std::move(staged);
  const std::int64_t bytes = ArrayBytes(dataset);
  if (bytes > parts.limits.max_dataset_bytes) {
    return QuotaExceeded("max_dataset_bytes", absl::StrCat("the data set needs ", bytes, " bytes, the limit is ",
                                                           parts.limits.max_dataset_bytes));
  }
  if (absl::Status quota = CheckBytesQuota(*parts.database, log.caller(), bytes); !quota.ok()) return quota;
  v1::Dataset metadata = DatasetToProto(dataset);
  metadata.set_creator(log.caller().name);
  if (!id.empty()) metadata.set_name(absl::StrCat("datasets/", id));
  metadata.set_display_name(display_name);
  if (metadata.ByteSizeLong() > kMostDescriptionBytes) {
    for (v1::FittedTransform& fitted : *metadata.mutable_transforms()) {
      fitted.clear_mean();
      fitted.clear_scale();
    }
  }
  if (metadata.ByteSizeLong() > kMostDescriptionBytes) {
    return absl::InvalidArgumentError(absl::StrCat("feature_names: the description needs ", metadata.ByteSizeLong(),
                                                   " bytes: must be at most ", kMostDescriptionBytes));
  }
  auto stored = parts.datasets->Create(std::move(metadata), dataset, std::move(writing), upload);
  if (stored.ok()) {
    log.About(stored->name());
    parts.resident->Put(stored->uid(), std::make_shared<const data::Dataset>(std::move(dataset)));
  }
  return stored;
}

}  // namespace cvxnn::server
