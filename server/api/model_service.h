// SPDX-License-Identifier: Apache-2.0
// ModelService of the contract: validates, translates and delegates.
#pragma once

#include "cvxnn/v1/model_service.grpc.pb.h"
#include "server/api/loaded_networks.h"
#include "server/api/made_files.h"
#include "server/api/parts.h"

namespace cvxnn::server {

/// Thread-safe. `parts` outlives the service.
class ModelService final : public v1::ModelService::CallbackService {
 public:
  explicit ModelService(const Parts* parts) : parts_(*parts) {}

  grpc::ServerUnaryReactor* GetModel(grpc::CallbackServerContext* context, const v1::GetModelRequest* request,
                                     v1::Model* response) override;
  grpc::ServerUnaryReactor* ListModels(grpc::CallbackServerContext* context, const v1::ListModelsRequest* request,
                                       v1::ListModelsResponse* response) override;
  grpc::ServerWriteReactor<v1::DownloadModelResponse>* DownloadModel(grpc::CallbackServerContext* context,
                                                                     const v1::DownloadModelRequest* request) override;
  grpc::ServerUnaryReactor* Predict(grpc::CallbackServerContext* context, const v1::PredictRequest* request,
                                    v1::PredictResponse* response) override;
  grpc::ServerUnaryReactor* Evaluate(grpc::CallbackServerContext* context, const v1::EvaluateRequest* request,
                                     v1::EvaluateResponse* response) override;
  grpc::ServerUnaryReactor* PruneModel(grpc::CallbackServerContext* context, const v1::PruneModelRequest* request,
                                       v1::Model* response) override;
  grpc::ServerUnaryReactor* DecomposeModel(grpc::CallbackServerContext* context,
                                           const v1::DecomposeModelRequest* request, v1::Model* response) override;
  grpc::ServerUnaryReactor* CheckOptimality(grpc::CallbackServerContext* context,
                                            const v1::CheckOptimalityRequest* request,
                                            v1::CheckOptimalityResponse* response) override;

 private:
  // Of weights kept between predictions.
  static constexpr std::int64_t kLoadedNetworkBytes = std::int64_t{256} << 20;

  absl::Status List(const v1::ListModelsRequest& request, v1::ListModelsResponse* response) const;

  const Parts& parts_;
  MadeFiles made_files_;
  LoadedNetworks networks_{[this](const std::string& name) { return parts_.models->Load(name); }, kLoadedNetworkBytes};
};

}  // namespace cvxnn::server
