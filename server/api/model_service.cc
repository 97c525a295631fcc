// SPDX-License-Identifier: Apache-2.0
// See model_service.h.
#include "server/api/model_service.h"

#include <utility>

#include "server/api/check_optimality.h"
#include "server/api/download.h"
#include "server/api/list_page.h"
#include "server/api/predict.h"
#include "server/api/reduce.h"
#include "server/api/unary_call.h"
#include "server/translate/resource_name.h"

namespace cvxnn::server {

grpc::ServerUnaryReactor* ModelService::GetModel(grpc::CallbackServerContext* context,
                                                 const v1::GetModelRequest* request, v1::Model* response) {
  return AnswerFrom(parts_.quick, context, CallLog(parts_, context, "ModelService.GetModel", request->name()),
                    [this, request, response]() -> absl::Status {
                      if (absl::Status status = CheckResourceName("models", request->name(), "name"); !status.ok()) {
                        return status;
                      }
                      return Reply(parts_.models->Get(request->name()), response);
                    });
}

absl::Status ModelService::List(const v1::ListModelsRequest& request, v1::ListModelsResponse* response) const {
  if (!request.job().empty()) {
    if (absl::Status status = CheckResourceName("jobs", request.job(), "job"); !status.ok()) return status;
  }
  auto page = ListWithinMessage(request.page_size(), request.page_token(), [&](const PageRequest& asked) {
    return parts_.models->List(request.job(), request.include_snapshots(), asked);
  });
  if (!page.ok()) return page.status();
  for (v1::Model& model : page->items) *response->add_models() = std::move(model);
  response->set_next_page_token(page->next_token);
  return absl::OkStatus();
}

grpc::ServerUnaryReactor* ModelService::ListModels(grpc::CallbackServerContext* context,
                                                   const v1::ListModelsRequest* request,
                                                   v1::ListModelsResponse* response) {
  return AnswerFrom(parts_.quick, context, CallLog(parts_, context, "ModelService.ListModels", request->job()),
                    [this, request, response] { return List(*request, response); });
}

grpc::ServerWriteReactor<v1::DownloadModelResponse>* ModelService::DownloadModel(
    grpc::CallbackServerContext* context, const v1::DownloadModelRequest* request) {
  return StartDownload(&parts_, &made_files_, context, request);
}

grpc::ServerUnaryReactor* ModelService::Predict(grpc::CallbackServerContext* context, const v1::PredictRequest* request,
                                                v1::PredictResponse* response) {
  return AnswerFrom(parts_.heavy, context, CallLog(parts_, context, "ModelService.Predict", request->model()),
                    [this, request, response] { return server::Predict(parts_, &networks_, *request, response); });
}

grpc::ServerUnaryReactor* ModelService::Evaluate(grpc::CallbackServerContext* context,
                                                 const v1::EvaluateRequest* request, v1::EvaluateResponse* response) {
  return AnswerFrom(parts_.heavy, context, CallLog(parts_, context, "ModelService.Evaluate", request->model()),
                    [this, request, response] { return server::Evaluate(parts_, &networks_, *request, response); });
}

grpc::ServerUnaryReactor* ModelService::PruneModel(grpc::CallbackServerContext* context,
                                                   const v1::PruneModelRequest* request, v1::Model* response) {
  return AnswerFrom(parts_.heavy, context, CallLog(parts_, context, "ModelService.PruneModel", request->model()),
                    [this, request, response] { return server::PruneModel(parts_, &networks_, *request, response); });
}

grpc::ServerUnaryReactor* ModelService::DecomposeModel(grpc::CallbackServerContext* context,
                                                       const v1::DecomposeModelRequest* request, v1::Model* response) {
  return AnswerFrom(
      parts_.heavy, context, CallLog(parts_, context, "ModelService.DecomposeModel", request->model()),
      [this, request, response] { return server::DecomposeModel(parts_, &networks_, *request, response); });
}

grpc::ServerUnaryReactor* ModelService::CheckOptimality(grpc::CallbackServerContext* context,
                                                        const v1::CheckOptimalityRequest* request,
                                                        v1::CheckOptimalityResponse* response) {
  return AnswerFrom(
      parts_.heavy, context, CallLog(parts_, context, "ModelService.CheckOptimality", request->model()),
      [this, request, response] { return server::CheckOptimality(parts_, &networks_, *request, response); });
}

}  // namespace cvxnn::server
