// SPDX-License-Identifier: Apache-2.0
// DatasetService of the contract: validates, translates and delegates.
#pragma once

#include <atomic>
#include <cstdint>

#include "core/data/should_stop.h"
#include "cvxnn/v1/dataset_service.grpc.pb.h"
#include "server/api/parts.h"

namespace cvxnn::server {

/// Thread-safe. `parts` outlives the service.
class DatasetService final : public v1::DatasetService::CallbackService {
 public:
  explicit DatasetService(const Parts* parts) : parts_(*parts) {}

  grpc::ServerReadReactor<v1::CreateDatasetRequest>* CreateDataset(grpc::CallbackServerContext* context,
                                                                   v1::Dataset* response) override;
  grpc::ServerUnaryReactor* GenerateDataset(grpc::CallbackServerContext* context,
                                            const v1::GenerateDatasetRequest* request, v1::Dataset* response) override;
  grpc::ServerUnaryReactor* ImportDataset(grpc::CallbackServerContext* context, const v1::ImportDatasetRequest* request,
                                          v1::Dataset* response) override;
  grpc::ServerUnaryReactor* GetDataset(grpc::CallbackServerContext* context, const v1::GetDatasetRequest* request,
                                       v1::Dataset* response) override;
  grpc::ServerUnaryReactor* ListDatasets(grpc::CallbackServerContext* context, const v1::ListDatasetsRequest* request,
                                         v1::ListDatasetsResponse* response) override;
  grpc::ServerUnaryReactor* DeleteDataset(grpc::CallbackServerContext* context, const v1::DeleteDatasetRequest* request,
                                          google::protobuf::Empty* response) override;

 private:
  absl::Status Generate(const v1::GenerateDatasetRequest& request, const data::ShouldStop& caller_left,
                        v1::Dataset* response) const;
  absl::Status Import(const v1::ImportDatasetRequest& request, const data::ShouldStop& caller_left,
                      v1::Dataset* response) const;
  absl::Status Delete(const v1::DeleteDatasetRequest& request) const;

  const Parts& parts_;
  std::atomic<std::int64_t> promised_bytes_{0};  // of all uploads in progress
};

}  // namespace cvxnn::server
