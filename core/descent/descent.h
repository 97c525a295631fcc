// SPDX-License-Identifier: Apache-2.0
// Gradient descent on the non-convex two-layer network (MATH, section 1), many random initialisations ("trials") at
// once: min_{U,α} L(Σ_j (X u_j)₊ α_jᵀ, Y) + penalty. Gradients are closed form. Options in, reports each epoch, result
// out; trial t depends on (seed, t) and its setting alone, so training five trials together gives the weights of five
// separate runs, also when their learning rates and β differ.
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
  double beta = 0;  ///< >= 0; not used by Penalty::kNone, nor beside grid.betas

  /// >= 0; the trials are first_trial, first_trial + 1, …, and trial t of a combination of the grid uses the random
  /// stream (seed, first_trial + t).
  std::int64_t first_trial = 0;
  std::uint64_t seed = 0;  ///< with the stream's number the only source of randomness

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
  double seconds = 0;      ///< since RunDescent was called, monotonic clock; that of earlier attempts is added
  double objective = 0;    ///< loss + penalty, finite
  double loss = 0;
  double penalty = 0;
  std::optional<double> train_accuracy;  ///< [0, 1]; absent for Counting::kNone
  std::optional<double> test_accuracy;   ///< likewise, and absent without test rows
  std::optional<double> test_loss;       ///< at the loss scale over the test rows; absent without them
  std::int64_t active_neurons = 0;       ///< neurons with a non-zero u_j and a non-zero α_j
  double learning_rate = 0;              ///< of the steps of this epoch; at epoch 0 of the epoch to come
  /// ‖∇ objective‖₂ over all weights of the trial, before clipping. In full batch always, with mini-batches on request.
  std::optional<double> gradient_norm;
  /// On request. A neuron's pattern is 1[Xu_j > 0], of a gated network 1[Xg_j >= 0], over the training rows.
  std::optional<std::int64_t> changed_patterns;   ///< neurons whose pattern is not that of the start
  std::optional<std::int64_t> distinct_patterns;  ///< different ones among the m neurons
  std::optional<std::int64_t> dead_neurons;       ///< active on no training row
};

/// Why descent ended.
enum class Ending {
  kEpochLimit,
  kTimeLimit,
  kStopped,    ///< an observer or should_stop asked for it
  kDiverged,   ///< no trial was left
  kConverged,  ///< no step can change a trial any more (L-BFGS: its tolerances)
  kStalled,    ///< as kConverged, but of some trials because no acceptable step was found
};

struct Trial {
  Network network;       ///< as it was at `last`
  EpochReport last;      ///< the trial's last report
  TrialSetting setting;  ///< what it was given
  /// The epoch after which the objective or a weight was no longer finite, whether or not that epoch was to be
  /// reported. The trial ended there, without a report of that epoch, and left the others alone.
  std::optional<std::int64_t> diverged_at;
  /// Line searches found no acceptable step any more, before a tolerance was reached.
  bool stalled = false;
};

struct Result {
  /// In the order of their numbers. When training was stopped, trials of batches that had not begun are not there.
  std::vector<Trial> trials;
  Ending ending = Ending::kEpochLimit;
  std::int64_t epochs = 0;     ///< done, summed over trials
  double earlier_seconds = 0;  ///< of training before the checkpoint that the run went on from
};

/// The whole state of a run after an epoch of a batch.
struct Checkpoint {
  std::string state;         ///< opaque bytes
  std::int64_t reports = 0;  ///< calls of on_epoch up to here, those of earlier attempts included
};

struct Observers {
  /// Called on the training thread for every epoch that is to be reported, and within it for every trial that has not
  /// diverged, in order; of a grid, one batch of equal sizes after the other. false ends training; the epoch's reports
  /// of other trials are then not delivered but kept in the result.
  std::function<bool(const EpochReport&)> on_epoch;
  /// Asked before every step and every trial's shuffle of the rows, so that a long epoch can be left; true ends
  /// training at the last finished epoch.
  std::function<bool()> should_stop = {};
  /// Given the weights on the way that Options::snapshots asks for (`last` says of which epoch), before on_epoch hears
  /// of the epoch. An error ends the run with it.
  std::function<absl::Status(const Trial&)> on_snapshot = {};
  /// Asked after each epoch but the last of a batch, when its reports were delivered, and when should_stop or the time
  /// limit ends training. true: save_checkpoint is given the state; where should_stop ended training the run is then
  /// taken to go on later, so that its last epoch is reported only if its number asks for it.
  std::function<bool()> checkpoint_due = {};
  std::function<void(Checkpoint)> save_checkpoint = {};
};

/// INVALID_ARGUMENT naming the field, its value and what is allowed; of the data the finiteness is looked at, and
/// whether the targets fit the loss.
absl::Status Validate(const Options& options, const Data& data);

/// Trains. Errors: as Validate; INVALID_ARGUMENT when a trial's objective is not finite before its first step;
/// RESOURCE_EXHAUSTED when memory does not suffice; INTERNAL when LibTorch fails. Uses the calling thread and
/// LibTorch's intra-op threads (fewer where the work is too small for them). Thread-safe.
/// `resume_from`: Checkpoint::state of an earlier run, or null; emptied once it was read, since it may be large. The
/// run goes on from there, bit for bit (but for seconds) as if it had not been interrupted, on the same device and with
/// the same build and numbers of threads. DATA_LOSS when it is damaged, FAILED_PRECONDITION naming what differs when it
/// is of other options, data or another build; IsCheckpointRefused (checkpoint.h) tells these from other errors.
absl::StatusOr<Result> RunDescent(const Options& options, const Data& data, const Observers& observers,
                                  std::string* resume_from = nullptr);

}  // namespace cvxnn::descent
