// SPDX-License-Identifier: Apache-2.0
// The unary calls about data sets.
#include "client/cpp/client_state.h"
#include "client/cpp/list_all.h"

namespace cvxnn::client {

using Stub = v1::DatasetService::Stub;

absl::StatusOr<v1::Dataset> Client::GenerateDataset(const v1::GenerateDatasetRequest& request) const {
  // Not repeated: a lost answer may have left a data set, and a second try would answer ALREADY_EXISTS or make another.
  return CallUnary(state_->options, state_->options.slow_timeout, Repeatable::kNo, *state_->datasets,
                   &Stub::GenerateDataset, request);
}

absl::StatusOr<v1::Dataset> Client::ImportDataset(const v1::ImportDatasetRequest& request) const {
  return CallUnary(state_->options, state_->options.slow_timeout, Repeatable::kNo, *state_->datasets,
                   &Stub::ImportDataset, request);
}

absl::StatusOr<v1::Dataset> Client::GetDataset(const std::string& name) const {
  v1::GetDatasetRequest request;
  request.set_name(name);
  return CallUnary(state_->options, state_->options.timeout, Repeatable::kYes, *state_->datasets, &Stub::GetDataset,
                   request);
}

absl::StatusOr<std::vector<v1::Dataset>> Client::ListDatasets(std::int64_t limit) const {
  return ListAll<v1::Dataset>(
      v1::ListDatasetsRequest(), limit,
      [&](const v1::ListDatasetsRequest& request) {
        return CallUnary(state_->options, state_->options.timeout, Repeatable::kYes, *state_->datasets,
                         &Stub::ListDatasets, request);
      },
      [](v1::ListDatasetsResponse& response) { return response.mutable_datasets(); });
}

absl::Status Client::DeleteDataset(const std::string& name, bool allow_missing) const {
  v1::DeleteDatasetRequest request;
  request.set_name(name);
  request.set_allow_missing(allow_missing);
  return CallDelete(state_->options, *state_->datasets, &Stub::DeleteDataset, request);
}

}  // namespace cvxnn::client
