// SPDX-License-Identifier: Apache-2.0
// The penalty method: an optimiser of descent on the penalised objective of a convex program, in full batch or with
// mini-batches, so that programs whose data or factors are too large for other solvers can be trained like a network.
// The cones are left for a price ρ, and iterates satisfy them only in the limit: the violation is reported, and the
// certificate says how far the answer is from an optimum.
//
// An epoch goes once through all rows. The data part of the subgradients along it is Xᵀ of a dual point (ν, λ) whose
// rows are those of the batches, so it is its own certificate at no further product. That point jumps; the mean of all
// with weights that grow like t³ (Shamir & Zhang, arXiv 1212.1824) settles, and both are offered. The constraints are
// linear in the point, so the mean of constraints is that of the mean.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "core/convex/solvers/penalized_objective.h"
#include "core/convex/solvers/penalty_settings.h"
#include "core/convex/solvers/solver.h"
#include "core/descent/optimizers/optimizer.h"
#include "core/descent/schedule.h"

namespace cvxnn::convex {

/// Bytes of the method's state for n rows, d inputs and so many `columns` of weights.
double PenaltyMethodBytes(std::int64_t rows, std::int64_t inputs, std::int64_t columns, bool cones,
                          const descent::Optimizer& optimizer, std::int64_t element_bytes);

/// RESOURCE_EXHAUSTED with needed and available bytes when the method's state for n rows, d inputs and so many
/// `columns` of weights cannot fit in the free memory of the device that `like` is on.
absl::Status CheckPenaltyMethodMemory(std::int64_t rows, std::int64_t inputs, std::int64_t columns, bool cones,
                                      const descent::Optimizer& optimizer, const at::Tensor& like);

class PenaltyMethod : public Solver {
 public:
  /// `cones`: of a ReLU program. `multiple`: objectives at the program's loss scale over those of the half-sum problem,
  /// for the learning rate. `seed`: of the order of the rows.
  PenaltyMethod(HalfSumProblem problem, bool cones, PenaltySettings settings, double multiple, LossScale scale,
                std::uint64_t seed);

  absl::Status SetUp() override;
  absl::Status Step(LowerBound& bound) override;
  const Iterate& iterate() const override { return iterate_; }
  /// The learning rate of the last epoch.
  double step_size() const override { return rate_; }
  bool resumable() const override { return true; }
  bool undoes_steps() const override { return true; }
  void Save(const std::string& prefix, descent::State* state) const override;
  absl::Status Load(descent::StateReader* reader) override;

 private:
  struct DualPoint {
    DualRows rows;
    at::Tensor constraints;  // d×(S·P·c)
  };

  bool full_batch() const { return batch_ == problem_.map.rows(); }
  // The subgradient of the whole objective at its scale, from the data part over a share 1/`multiple` of the rows.
  at::Tensor Gradient(const at::Tensor& data_part, double multiple) const;
  // All that Save gives. Tensors are shared, but for those that the epoch to come changes in place.
  descent::State Entries(bool before_an_epoch) const;
  absl::Status FullBatch();
  absl::Status MiniBatches();
  void OfferDualPoints(LowerBound& bound);

  HalfSumProblem problem_;
  PenaltySettings settings_;
  bool cones_;
  double multiple_;
  std::uint64_t seed_;
  PenalizedObjective objective_;
  std::int64_t batch_;  // rows of a step
  std::unique_ptr<descent::WeightUpdate> update_;
  std::unique_ptr<descent::RateSchedule> schedule_;
  std::int64_t epoch_ = 0;
  double rate_ = 0;
  at::Tensor weights_;
  DualPoint point_;  // of the last epoch
  DualPoint mean_;
  descent::State before_;  // of an epoch that was cancelled
  Iterate iterate_;
};

}  // namespace cvxnn::convex
