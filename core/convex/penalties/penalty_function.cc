// SPDX-License-Identifier: Apache-2.0
// The choice of a penalty by its name, and what most penalties share.
#include "core/convex/penalties/penalty_function.h"

#include <ATen/ATen.h>

#include "core/convex/penalties/penalties.h"

namespace cvxnn::convex {

at::Tensor PenaltyFunction::JoinDualNorms(const std::vector<at::Tensor>& parts) const { return at::cat(parts); }

std::int64_t PenaltyFunction::Neurons(const at::Tensor& norms, const at::Tensor& /*terms*/) const {
  return norms.count_nonzero().item<std::int64_t>();
}

std::unique_ptr<const PenaltyFunction> MakePenaltyFunction(Penalty penalty, std::int64_t outputs) {
  switch (penalty) {
    case Penalty::kGroupL2:
      return MakeGroupL2();
    case Penalty::kWeightDecay:
      return outputs > 1 ? MakeNuclear(outputs) : MakeGroupL2();
    case Penalty::kRidge:
      return MakeRidge(outputs);
    case Penalty::kL1:
      return MakeL1();
    case Penalty::kFeatureGroups:
      return MakeFeatureGroups();
    case Penalty::kNone:
      break;
  }
  return MakeNoPenalty(outputs);
}

bool HasBetaMax(Penalty penalty) { return penalty != Penalty::kRidge && penalty != Penalty::kNone; }

}  // namespace cvxnn::convex
