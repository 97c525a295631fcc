// SPDX-License-Identifier: Apache-2.0
// What a training job is asked to do: plain structs with the defaults that the contract (proto/cvxnn/v1/job_spec.proto)
// documents. core/training/validate.cc says what is allowed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "core/convex/solvers/penalty_settings.h"
#include "core/data/matrix.h"
#include "core/descent/method.h"
#include "core/network/loss.h"

namespace cvxnn::training {

/// Floating-point type of the computation.
enum class Precision {
  /// float64 while n·d <= 2^20 and the device is a CPU, or for the interior point method, else float32; the summary
  /// says
  /// which was used
  kAuto,
  kFloat32,
  kFloat64,
};

/// When to end, whichever comes first.
struct StoppingRule {
  std::int64_t max_epochs = 1000;  ///< >= 1
  double max_seconds = 0;          ///< > 0, or 0 for no limit
  /// Convex: relative gap (see EpochMetrics::gap) and constraint violation both at most this. In [0, 1); with 0 the
  /// other rules end training, Termination::kStalled among them. Not used by descent.
  double tolerance = 1e-4;
};

/// Activation patterns sampled as 1[X g >= 0] with g ~ N(0, I_d); duplicates and patterns active on no row removed,
/// gates kept.
struct SampledPatterns {
  std::int64_t count = 100;  ///< patterns wanted, >= 1; fewer are used when draws repeat or are active on no row
  /// Each gate has entries on so many columns, drawn for it, and 0 elsewhere; in [0, d], 0: on all.
  std::int64_t columns_per_gate = 0;
};

/// Patterns of the first layer of a stored network, of its gates when it is gated. Duplicates, patterns active on no
/// row and neurons without weights removed, gates kept. The ReLU optimum over the patterns of a ReLU network, and the
/// gated optimum over those of a gated one, is never worse than that network under the same objective (MATH, section
/// 4).
struct ModelPatterns {
  std::string model;  ///< asked for by Hooks::load_model; must have the inputs of the data
  /// ReLU training over those of a ReLU network: of a pattern v alone where its neurons have positive output weights, w
  /// alone where negative, for each output. Half the program, whose optimum is still never worse than that network.
  bool output_signs = false;
};

/// Every pattern of the data, so that the optimum is that of all networks wide enough.
struct EnumeratedPatterns {
  /// In [1, 1000000]. Training is refused before it starts when the data may have more, see PatternBound.
  std::int64_t max_count = 100000;
};

/// As SampledPatterns, with each g supported on a random square of the image, on all channels. Data sets of images
/// only.
struct ConvolutionalPatterns {
  std::int64_t count = 100;     ///< as SampledPatterns::count
  std::int64_t patch_size = 0;  ///< side of the square in pixels, in [1, min(height, width)]
};

/// Patterns of gates that the caller has, finite and not zero. Duplicates and patterns active on no row removed, gates
/// kept.
struct GivenPatterns {
  data::Matrix gates;   ///< P×d, one gate a row, P in [1, 1000000]; empty when the next names them
  std::string dataset;  ///< the rows of its training part, asked for by Hooks::load_dataset; or empty
};

using Patterns = std::variant<SampledPatterns, ModelPatterns, EnumeratedPatterns, ConvolutionalPatterns, GivenPatterns>;

enum class ConvexSolver {
  kAuto,   ///< by size, loss, penalty and tolerance; the summary says which and why (choose_solver.h)
  kFista,  ///< accelerated proximal gradient with restart; gated programs of smooth losses
  kAdmm,   ///< closed-form ADMM with adaptive balancing
  /// Structured interior point, for the optimum to many digits: squared loss, group-ℓ2 penalty, float64.
  kInteriorPoint,
  kPenalty,  ///< an optimiser of descent on the program with its cones for a price; see PenaltyMethod
  /// Semismooth Newton steps on augmented Lagrangians of the dual: gated, squared loss, group-ℓ2 penalty.
  kNewton,
};

/// Whether the solver works on a working set of blocks (core/convex/solvers/working_set.h).
enum class WorkingSet {
  kAuto,  ///< where it pays; the summary says so (choose_solver.h)
  kOn,    ///< group ℓ2 or weight decay (ReLU: of one output), by every solver but the penalty method
  kOff,
};

/// How ConvexSolver::kPenalty steps.
using PenaltyMethod = convex::PenaltySettings;

/// Rounds after the first solve (the default finish of ConvexSolver::kAuto, see RefinementOf) that look for patterns
/// beyond the ones given and solve again (refinement.h). ReLU only; nothing to do over enumerated patterns.
struct Refinement {
  std::int64_t max_rounds = 10;       ///< in [0, 1000]; 0: none
  std::int64_t search_starts = 256;   ///< random directions that a search begins at, in [1, 100000]
  std::int64_t descent_epochs = 300;  ///< of L-BFGS from the network of the round before, in [0, 1000000]
};

struct ConvexTraining {
  Activation activation = Activation::kGated;
  Patterns patterns;
  ConvexSolver solver = ConvexSolver::kAuto;
  /// Absent: its defaults where it is exact and the solver is left open (RefinementOf), else none.
  std::optional<Refinement> refinement = {};
  std::optional<PenaltyMethod> penalty_method = {};  ///< for ConvexSolver::kPenalty alone; absent: its defaults
  WorkingSet working_set = WorkingSet::kAuto;
};

/// Which model of a path is the best.
enum class PathSelection {
  kAuto,          ///< test accuracy where there is one, else test loss where there is a test part, else the least β
  kTestAccuracy,  ///< the largest; among equals the least test loss
  kTestLoss,      ///< the least
  kLeastBeta,
};

/// The convex program for a falling sequence of β over the same patterns, evenly spaced in log β from β_max down, each
/// solve beginning where the one before ended. Of the stopping rule, epochs and tolerance hold for each β, seconds for
/// all of them.
struct RegularizationPath {
  ConvexTraining convex;
  std::int32_t points = 20;    ///< numbers of β, in [2, 1000]
  double min_fraction = 1e-3;  ///< the last β as a share of β_max, in (0, 1)
  PathSelection selection = PathSelection::kAuto;
};

/// Models that its initialisation names are asked for by Hooks::load_model.
using GradientDescent = descent::Method;

/// One job. Exactly one kind of training.
struct Spec {
  Loss loss = Loss::kSquared;
  LossScale loss_scale = LossScale::kHalfSum;
  Penalty penalty = Penalty::kGroupL2;
  /// β > 0; absent for Penalty::kNone. For convex training it may instead be given as a share of β_max (below); exactly
  /// one of the two is set, for a path none.
  std::optional<double> beta;
  /// β = share · β_max, share in (0, 1], β_max the least β at which the gated optimum over the job's patterns is zero
  /// (convex::Program::beta_max_fraction). Convex training only, and not for Penalty::kRidge.
  std::optional<double> beta_max_fraction;
  std::string device = "cpu";  ///< "cpu", "cuda" or "cuda:N"
  Precision precision = Precision::kAuto;
  std::uint64_t seed = 0;  ///< the only source of randomness
  StoppingRule stopping;
  /// Of whoever stores the models of descent: so many are kept, those of the least objective; 0 keeps all. Training
  /// itself gives all.
  std::int64_t keep_best = 0;
  std::variant<ConvexTraining, GradientDescent, RegularizationPath> method;
};

/// The convex training of a spec, that of its path included; null for descent. Lives as long as the spec.
inline const ConvexTraining* ConvexOf(const Spec& spec) {
  if (const auto* path = std::get_if<RegularizationPath>(&spec.method)) return &path->convex;
  return std::get_if<ConvexTraining>(&spec.method);
}

}  // namespace cvxnn::training
