// SPDX-License-Identifier: Apache-2.0
// What every solver of a convex program looks like to the loop in solve_run.cc. Solvers see the half-sum problem
//   min L(F·u) + β R(u),  L = ½Σℓ   (with signs and cones for ReLU)
// through an operator; scales, metrics, stopping and patterns are not their business.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "core/convex/certificate.h"
#include "core/convex/operator.h"
#include "core/convex/penalties/penalty_function.h"
#include "core/descent/checkpoint.h"
#include "core/network/loss.h"

namespace cvxnn::convex {

/// What a solver learns beside the weights; it belongs to the program, not to a basis of its rows.
struct SolverState {
  /// Of ADMM: multipliers of the cones as they enter the stationarity of u: E_p ∘ λ_p for v, then E_p ∘ μ_p for w,
  /// n×(2·P·c). Undefined where a solver has none.
  at::Tensor multipliers;
  double rho1 = 0;  ///< penalties that the splittings were balanced with; 0 when unknown or without that splitting
  double rho2 = 0;
  double rho3 = 0;
  double curvature = 0;  ///< L of FISTA's last step; 0 when unknown
};

/// A point to begin at, in the solver's basis.
struct SolverStart {
  at::Tensor weights;  ///< as Iterate::weights
  SolverState state;
};

/// The half-sum problem in the form solvers work on (features already rank-reduced). References must outlive the
/// solver.
struct HalfSumProblem {
  const PatternOperator& map;          ///< F
  const at::Tensor& targets;           ///< Y, n×c
  const at::Tensor& correlations;      ///< −Fᵀ∇L(0), d×(P·c): Fᵀ·Y for the squared loss
  Loss loss;                           ///< of which L is the half-sum
  double beta;                         ///< β / s; > 0, or 0 without a penalty
  std::function<bool()> should_stop;   ///< may be empty
  const PenaltyFunction& penalty;      ///< R
  const SolverStart* start = nullptr;  ///< null: zero weights
  double largest_eigenvalue = 0;  ///< a number that ‖F‖₂² is known not to exceed by more than 1%; 0 for none
  bool Stopped() const { return should_stop && should_stop(); }
};

/// The point a solver stands for after an epoch. Columns of w follow those of v in ReLU programs.
struct Iterate {
  at::Tensor weights;  ///< d×(P·c) gated, d×(2·P·c) ReLU; blocks the penalty removed are exactly zero
  at::Tensor norms;    ///< ‖u_j‖₂ of every column, float64
  at::Tensor outputs;  ///< F·u, n×c; undefined when the solver does not have it for nothing
  at::Tensor terms;    ///< sum to R(u), float64
};

/// One solver at work on one problem. Not thread-safe.
class Solver {
 public:
  virtual ~Solver() = default;
  /// Constants and factors. CANCELLED when the problem's should_stop says so between stages; RESOURCE_EXHAUSTED when
  /// they cannot fit in memory, before any work.
  virtual absl::Status SetUp() = 0;
  /// One epoch. Offers its dual points to `bound`. INTERNAL when numbers fail, ABORTED when no further step changes
  /// anything, CANCELLED as SetUp.
  virtual absl::Status Step(LowerBound& bound) = 0;
  virtual const Iterate& iterate() const = 0;
  /// Hears, after the epoch that made it, Progress::constraint_violation and ::gap of the iterate of a ReLU program.
  virtual void Judge(double /*violation*/, double /*gap*/) {}
  /// As Progress::step_size.
  virtual double step_size() const = 0;
  /// What a later solve of a program much like this one can go on from.
  virtual SolverState state() const { return {}; }

  /// Whether Save and Load are built.
  virtual bool resumable() const { return false; }
  /// Whether Save gives the state before it after a step that was CANCELLED.
  virtual bool undoes_steps() const { return false; }
  /// Puts all that later epochs depend on into `state`, under names that begin with `prefix`. Tensors are shared.
  /// Between steps that succeeded.
  virtual void Save(const std::string& /*prefix*/, descent::State* /*state*/) const {}
  /// After SetUp: takes what Save gave, of the same problem; the next step is then the one that came after. The reader
  /// notes what is wrong. Errors: as SetUp.
  virtual absl::Status Load(descent::StateReader* /*reader*/) { return absl::OkStatus(); }
};

}  // namespace cvxnn::convex
