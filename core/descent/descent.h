// SPDX-License-Identifier: Apache-2.0
// Gradient descent on the non-convex two-layer network (MATH, section 1), many random initialisations ("trials") at
// once: min_{U,α} L(Σ_j (X u_j)₊ α_jᵀ, Y) + penalty. Gradients are closed form. Options in, reports each epoch, result
// out; trial t depends on (seed, t) alone, so training five trials together gives the weights of five separate runs.
// A bias of the first layer is a column of ones in X: its weights are learnt, and penalised, as the others, and as in
// the convex program, so that objectives compare.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/descent/method.h"
#include "core/network/loss.h"
#include "core/network/network.h"

namespace cvxnn::descent {

/// The rows to train on and, if wanted, rows to test on. All tensors on one device, all float32 or all float64; that is
/// the device and the precision of the computation.
struct Data {
  at::Tensor features;       ///< X, n×d, n >= 1, contiguous rows
  at::Tensor targets;        ///< Y, n×c, c >= 1
  at::Tensor test_features;  ///< n'×d, or undefined
  at::Tensor test_targets;   ///< n'×c, or undefined
};

struct Options : Method {
  /// kGated: the fixed gates, d×m, shared by all trials. Undefined: each trial draws its own from N(0, I_d).
  at::Tensor gates;

  Loss loss = Loss::kSquared;
  LossScale loss_scale = LossScale::kHalfSum;
  Penalty penalty = Penalty::kGroupL2;
  double beta = 0;  ///< >= 0; not used by Penalty::kNone

  std::int64_t first_trial = 0;  ///< >= 0; the trials are first_trial, …, first_trial + T - 1
  std::uint64_t seed = 0;        ///< with the trial's number the only source of randomness

  /// Where training starts whatever `initialization` says: empty, one network for all trials, or one network a trial
  /// (activation, d, m, c, device and dtype as here; a gated one brings its gates).
  std::vector<Network> start;

  std::int64_t max_epochs = 1000;       ///< >= 0; with 0 only the state before training is reported
  double max_seconds = 0;               ///< > 0, or 0 for no limit; looked at before every step
  Counting counting = Counting::kNone;  ///< how accuracy is counted
  std::int64_t workspace_bytes = 0;     ///< bytes of hidden activations held at a time; 0 means 512 MiB
};

/// One trial after one epoch, measured at the weights that the epoch ended with over all training (and test) rows.
struct EpochReport {
  std::int64_t trial = 0;
  std::int64_t epoch = 0;  ///< passes over the data done; 0 is the state before training
  double seconds = 0;      ///< since RunDescent was called, monotonic clock
  double objective = 0;    ///< loss + penalty, finite
  double loss = 0;
  double penalty = 0;
  std::optional<double> train_accuracy;  ///< [0, 1]; absent for Counting::kNone
  std::optional<double> test_accuracy;   ///< likewise, and absent without test rows
  std::optional<double> test_loss;       ///< at the loss scale over the test rows; absent without them
  std::int64_t active_neurons = 0;       ///< neurons with a non-zero u_j and a non-zero α_j
  double learning_rate = 0;              ///< of the steps of this epoch; at epoch 0 of the epoch to come
};

/// Why descent ended.
enum class Ending {
  kEpochLimit,
  kTimeLimit,
  kStopped,    ///< an observer or should_stop asked for it
  kDiverged,   ///< no trial was left
  kConverged,  ///< no step can change a trial any more (L-BFGS: its tolerances)
};

struct Trial {
  Network network;   ///< as it was at `last`
  EpochReport last;  ///< the trial's last report
  /// The epoch after which the objective or a weight was no longer finite. The trial ended there, without a report of
  /// that epoch, and left the others alone.
  std::optional<std::int64_t> diverged_at;
};

struct Result {
  std::vector<Trial> trials;  ///< in the order of their numbers
  Ending ending = Ending::kEpochLimit;
  std::int64_t epochs = 0;  ///< reports with epoch >= 1, summed over trials
};

struct Observers {
  /// Called on the training thread for every epoch from 0, and within it for every trial that has not diverged, in
  /// order. false ends training; the epoch's reports to other trials are then not delivered but kept in the result.
  std::function<bool(const EpochReport&)> on_epoch;
  /// Asked before every step and every trial's shuffle of the rows, so that a long epoch can be left; true ends
  /// training at the last finished epoch.
  std::function<bool()> should_stop;
};

/// INVALID_ARGUMENT naming the field, its value and what is allowed; of the data the finiteness is looked at, and
/// whether the targets fit the loss.
absl::Status Validate(const Options& options, const Data& data);

/// Trains. Errors: as Validate; INVALID_ARGUMENT when a trial's objective is not finite before its first step;
/// RESOURCE_EXHAUSTED when memory does not suffice; INTERNAL when LibTorch fails. Uses the calling thread and
/// LibTorch's intra-op threads (fewer where the work is too small for them). Thread-safe.
absl::StatusOr<Result> RunDescent(const Options& options, const Data& data, const Observers& observers);

}  // namespace cvxnn::descent
