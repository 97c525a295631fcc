// SPDX-License-Identifier: Apache-2.0
// DatasetService of the contract: validates, translates and delegates.
#pragma once

#include "core/data/should_stop.h"
#include "cvxnn/v1/dataset_service.grpc.pb.h"
#include "server/api/call_log.h"
#include "server/api/parts.h"
#include "server/api/upload_sessions.h"

namespace cvxnn::server {

/// Thread-safe. `parts` outlives the service.
class DatasetService final : public v1::DatasetService::CallbackService {
 public:
  /// `limits` as parts will have them.
  DatasetService(const Parts* parts, const Limits& limits)
      : parts_(*parts), sessions_(limits.max_dataset_bytes, limits.upload_patience) {}

  grpc::ServerReadReactor<v1::CreateDatasetRequest>* CreateDataset(grpc::CallbackServerContext* context,
                                                                   v1::Dataset* response) override;
  grpc::ServerUnaryReactor* GenerateDataset(grpc::CallbackServerContext* context,
                                            const v1::GenerateDatasetRequest* request, v1::Dataset* response) override;
  grpc::ServerUnaryReactor* ImportDataset(grpc::CallbackServerContext* context, const v1::ImportDatasetRequest* request,
                                          v1::Dataset* response) override;
  grpc::ServerUnaryReactor* GetUpload(grpc::CallbackServerContext* context, const v1::GetUploadRequest* request,
                                      v1::UploadStatus* response) override;
  grpc::ServerUnaryReactor* GetDataset(grpc::CallbackServerContext* context, const v1::GetDatasetRequest* request,
                                       v1::Dataset* response) override;
  grpc::ServerUnaryReactor* ListDatasets(grpc::CallbackServerContext* context, const v1::ListDatasetsRequest* request,
                                         v1::ListDatasetsResponse* response) override;
  grpc::ServerUnaryReactor* DeleteDataset(grpc::CallbackServerContext* context, const v1::DeleteDatasetRequest* request,
                                          google::protobuf::Empty* response) override;

 private:
  absl::Status Generate(const v1::GenerateDatasetRequest& request, const CallLog& log,
                        const data::ShouldStop& caller_left, v1::Dataset* response) const;
  absl::Status Import(const v1::ImportDatasetRequest& request, const CallLog& log, const data::ShouldStop& caller_left,
                      v1::Dataset* response) const;
  absl::StatusOr<v1::UploadStatus> Describe(const v1::GetUploadRequest& request, const CallLog& log);
  absl::Status Delete(const v1::DeleteDatasetRequest& request) const;

  const Parts& parts_;
  UploadSessions sessions_;
};

}  // namespace cvxnn::server
