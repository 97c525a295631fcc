// SPDX-License-Identifier: Apache-2.0
// The tables of capabilities.h as a ServerInfo.
#include "server/translate/capabilities.h"

#include "server/translate/choose.h"

namespace cvxnn::server {
namespace {

template <typename Table, typename Add>
void List(const Table& table, Add add) {
  for (const auto& choice : table) add(choice.proto);
}

template <typename Table, typename Add>
void ListMembers(const google::protobuf::Descriptor* message, const Table& members, Add add) {
  for (const int number : members) add(MemberName(message, number));
}

}  // namespace

void FillCapabilities(bool imports, v1::ServerInfo* info) {
  auto* convex = info->mutable_convex();
  List(kLosses, [&](v1::Loss value) { convex->add_losses(value); });
  List(kLossScales, [&](v1::LossScale value) { convex->add_loss_scales(value); });
  List(kConvexPenalties, [&](v1::Penalty value) { convex->add_penalties(value); });
  List(kConvexActivations, [&](v1::Activation value) { convex->add_activations(value); });
  auto* descent = info->mutable_descent();
  List(kLosses, [&](v1::Loss value) { descent->add_losses(value); });
  List(kLossScales, [&](v1::LossScale value) { descent->add_loss_scales(value); });
  List(kDescentPenalties, [&](v1::Penalty value) { descent->add_penalties(value); });
  List(kDescentActivations, [&](v1::Activation value) { descent->add_activations(value); });
  List(kConvexSolvers, [&](v1::ConvexSolver value) { info->add_convex_solvers(value); });
  List(kWorkingSets, [&](v1::WorkingSet value) { info->add_working_sets(value); });
  List(kModelFormats, [&](v1::ModelFormat value) { info->add_model_formats(value); });
  ListMembers(v1::Optimizer::descriptor(), kOptimizers,
              [&](std::string name) { info->add_optimizers(std::move(name)); });
  ListMembers(v1::Schedule::descriptor(), kSchedules, [&](std::string name) { info->add_schedules(std::move(name)); });
  ListMembers(v1::Initialization::descriptor(), kInitializations,
              [&](std::string name) { info->add_initializations(std::move(name)); });
  ListMembers(v1::Patterns::descriptor(), kPatterns, [&](std::string name) { info->add_patterns(std::move(name)); });
  ListMembers(v1::Transform::descriptor(), kTransforms,
              [&](std::string name) { info->add_transforms(std::move(name)); });
  ListMembers(v1::GenerateDatasetRequest::descriptor(), kGenerators,
              [&](std::string name) { info->add_generators(std::move(name)); });
  if (imports) {
    ListMembers(v1::ImportDatasetRequest::descriptor(), kImportFormats,
                [&](std::string name) { info->add_import_formats(std::move(name)); });
  }
}

}  // namespace cvxnn::server
