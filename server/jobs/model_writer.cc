// SPDX-License-Identifier: Apache-2.0
// See model_writer.h.
#include "server/jobs/model_writer.h"

#include <utility>

#include "server/store/dataset_description.h"
#include "server/translate/dataset_description.h"

namespace cvxnn::server {

ModelWriter::ModelWriter(ModelStore* store, const v1::Job& job, const ResidentDatasets::Resident& dataset)
    : store_(store) {
  const data::Description& description = dataset.dataset->description;
  common_.set_job(job.name());
  common_.set_dataset(job.spec().dataset());
  common_.set_dataset_uid(dataset.uid);
  common_.set_task(TaskToProto(description.task));
  for (const std::string& name : description.class_names) common_.add_class_names(name);
  auto encoded = std::make_shared<const std::string>(EncodeDescription(description));
  if (encoded->size() <= kMostKeptDescriptionBytes) description_ = std::move(encoded);
}

absl::StatusOr<std::vector<WrittenModel>> ModelWriter::Write(std::vector<ModelStore::Unwritten> models) {
  for (ModelStore::Unwritten& model : models) model.metadata.MergeFrom(common_);
  auto written = store_->Write(std::move(models));
  if (!written.ok()) return written;
  for (WrittenModel& model : *written) model.description = description_;
  return written;
}

}  // namespace cvxnn::server
