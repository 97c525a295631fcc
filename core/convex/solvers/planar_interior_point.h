// SPDX-License-Identifier: Apache-2.0
// The interior point method of interior_point.h for ReLU programs on data in the plane, where a cell is a wedge of two
// rays (planar_cells.h): u_j = R_j a_j with a_j >= 0, R_j the rays. The program of one output at unit scale,
//   min ½‖ν‖² + β Σ_j t_j   s.t.  ν + Σ_j σ_jD_jX R_j a_j = y,  t_j >= ‖R_j a_j‖₂,  a_j >= 0,
// has the conditions λ_j + R_jᵀ(σ_jXᵀD_jν + z̄_j) = 0 on the multipliers λ_j >= 0 and (β, z̄_j) in the cone, which the
// start satisfies for ν = 0. A Newton step is a 2×2 system for each block, with inverses written out without a
// subtraction, and one in ν, n×n: thin cells and long weights, with multipliers that differ by fifteen digits, cost no
// digits. Its residual ν is a variable of its own, since y − F·u has few digits where β is small.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "core/convex/solvers/planar_cone.h"
#include "core/convex/solvers/row_factor.h"
#include "core/convex/solvers/solver.h"

namespace cvxnn::convex {

/// The dual bound takes no multipliers: with the best ones a constraint's left-hand side is the projection of XᵀD_pν on
/// the cell (Moreau), known from the rays. Several steps make an epoch where a step is a matter of microseconds.
class PlanarInteriorPoint : public Solver {
 public:
  /// Null where `problem` is not on the CPU or its cells are not wedges.
  static std::unique_ptr<Solver> For(const HalfSumProblem& problem);

  absl::Status SetUp() override;
  absl::Status Step(LowerBound& bound) override;
  const Iterate& iterate() const override { return iterate_; }
  double step_size() const override { return step_size_; }
  SolverState state() const override { return {Multipliers(), 0, 0}; }
  bool resumable() const override { return true; }
  bool undoes_steps() const override { return true; }
  void Save(const std::string& prefix, descent::State* state) const override;
  absl::Status Load(descent::StateReader* reader) override;

 private:
  // One of the 2·cells blocks, those of v before those of w.
  struct Block {
    ConePoint weights;  // (t, u)
    double a[2];
    Point dual;  // z̄
    double lambda[2];
  };
  struct Direction {
    ConePoint weights;
    double a[2];
    Point dual;
    double lambda[2];
  };
  // What a step needs to know of a block: its scaling and M = diag(λ/a) + RᵀSR.
  struct Frame {
    PlanarScaling scaling;
    ConePoint scaled;  // ℓ
    double theta[2];   // λ/a
    double along;      // curvatures of S
    double across;
    double determinant;
    double left[2];  // of the condition on λ
  };
  struct Wanted {
    ConePoint target;  // W⁻¹ of what W⁻¹dx + W dz is to be
    double products[2];
  };
  // Of a right-hand side Rᵀ·along + apart.
  struct Left {
    Point along;
    double apart[2];
  };
  // A change of a block: Δa and RΔa.
  struct Rays {
    double a[2]{};
    Point u;
  };
  struct Output {
    bool zero = false;
    double scale = 1;
    double beta = 0;
    std::vector<double> targets;
    std::vector<double> nu;
    std::vector<Block> blocks;
    double mean_then = 1e300;  // mean product that has not halved since so many steps
    int steps_since = 0;
  };

  PlanarInteriorPoint(const HalfSumProblem& problem, PlanarCells cells, double features_scale);

  static bool IsInside(const Block& block, double beta);
  Output Prepared(std::int64_t k) const;
  absl::Status Advance(Output& output);
  absl::Status Frames(const Output& output);
  void Solve(const Output& output);
  void SolveBlocks(const std::vector<Point>& correlations);
  void Apply(const std::vector<Rays>& blocks, std::vector<double>& result);
  double LargestStep(const Output& output) const;
  double MeanProduct(const Output& output, double step) const;
  double Sign(std::size_t j) const { return j < cells_.cells().size() ? 1 : -1; }
  const PlanarCell& CellOf(std::size_t j) const { return cells_.cells()[j % cells_.cells().size()]; }
  std::vector<bool> Kept(const Output& output) const;
  void Publish(LowerBound* bound);  // null: only the iterate
  at::Tensor Multipliers() const;

  HalfSumProblem problem_;
  PlanarCells cells_;  // at unit scale
  double features_scale_;
  int steps_;  // of an epoch
  std::vector<Output> outputs_;
  // Of the step that is being made.
  std::vector<Frame> frames_;
  std::vector<Wanted> wanted_;
  std::vector<Direction> direction_;
  std::vector<double> nu_left_, nu_change_;
  std::vector<Left> blocks_left_;
  std::vector<Rays> changes_;
  std::vector<Point> differences_, correlations_;
  RowFactor factor_;
  Iterate iterate_;
  double step_size_ = 0;
};

}  // namespace cvxnn::convex
