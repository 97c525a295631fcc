// SPDX-License-Identifier: Apache-2.0
// The unary calls about models but Predict.
#include "client/cpp/client_state.h"
#include "client/cpp/list_all.h"

namespace cvxnn::client {

using Stub = v1::ModelService::Stub;

absl::StatusOr<v1::Model> Client::GetModel(const std::string& name) const {
  v1::GetModelRequest request;
  request.set_name(name);
  return CallUnary(state_->options, state_->options.timeout, Repeatable::kYes, *state_->models, &Stub::GetModel,
                   request);
}

absl::StatusOr<std::vector<v1::Model>> Client::ListModels(const std::string& job, std::int64_t limit,
                                                          bool snapshots) const {
  v1::ListModelsRequest first;
  first.set_job(job);
  first.set_include_snapshots(snapshots);
  return ListAll<v1::Model>(
      first, limit,
      [&](const v1::ListModelsRequest& request) {
        return CallUnary(state_->options, state_->options.timeout, Repeatable::kYes, *state_->models, &Stub::ListModels,
                         request);
      },
      [](v1::ListModelsResponse& response) { return response.mutable_models(); });
}

absl::StatusOr<v1::EvaluateResponse> Client::Evaluate(const v1::EvaluateRequest& request) const {
  return CallUnary(state_->options, state_->options.slow_timeout, Repeatable::kYes, *state_->models, &Stub::Evaluate,
                   request);
}

absl::StatusOr<v1::Model> Client::PruneModel(const v1::PruneModelRequest& request) const {
  return CallUnary(state_->options, state_->options.slow_timeout, Repeatable::kNo, *state_->models, &Stub::PruneModel,
                   request);
}

absl::StatusOr<v1::Model> Client::DecomposeModel(const v1::DecomposeModelRequest& request) const {
  return CallUnary(state_->options, state_->options.slow_timeout, Repeatable::kNo, *state_->models,
                   &Stub::DecomposeModel, request);
}

absl::StatusOr<v1::CheckOptimalityResponse> Client::CheckOptimality(const v1::CheckOptimalityRequest& request) const {
  return CallUnary(state_->options, state_->options.slow_timeout, Repeatable::kYes, *state_->models,
                   &Stub::CheckOptimality, request);
}

}  // namespace cvxnn::client
