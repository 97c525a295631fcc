// SPDX-License-Identifier: Apache-2.0
// The one entrance over both kinds of training: spec in, observer called each epoch, result out. LibTorch's exceptions
// end here and become a Status. Thread-safe: calls share no state but LibTorch's own.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/data/dataset.h"
#include "core/network/network.h"
#include "core/training/metrics.h"
#include "core/training/spec.h"

namespace cvxnn::training {

/// What the observer wants after seeing an epoch.
enum class Continue { kYes, kStop };

/// Called on the training thread after each epoch (and for epoch 0 of descent) in order; must not throw and should
/// return quickly. kStop ends training with Termination::kStopped and the best result so far.
using Observer = std::function<Continue(const EpochMetrics&)>;

/// Weights of one trial of descent on the way, after metrics.epoch epochs.
struct Snapshot {
  std::int32_t trial = 0;
  Network network;  ///< on the device and in the precision of the computation
  EpochMetrics metrics;
  TrialSetting setting;
};

/// The whole state of training after an epoch, or of a path between two β.
struct Checkpoint {
  std::string state;         ///< opaque bytes for Hooks::resume_from
  std::int64_t reports = 0;  ///< calls of the observer up to here, those of earlier attempts included
};

/// What the caller hears from and says to a running training. Each may be empty.
struct Hooks {
  Observer observer;
  /// Polled on the training thread between epochs and between the stages of a long set-up (factorisations, power
  /// iterations); true ends training with Termination::kStopped. Must be cheap and must not throw.
  std::function<bool()> should_stop;
  /// Gives a stored network that the spec names, on any device and in any precision. Empty: a spec that names one is
  /// refused.
  std::function<absl::StatusOr<Network>(const std::string& model)> load_model = {};
  /// Gives a stored data set whose rows the spec takes as gates. Empty: a spec that names one is refused.
  std::function<absl::StatusOr<std::shared_ptr<const data::Dataset>>(const std::string& dataset)> load_dataset = {};
  /// Weights on the way, when the spec asks for snapshots of descent, on the training thread before the observer hears
  /// of the epoch; an error ends training with it. Resumed training gives again those after the checkpoint.
  std::function<absl::Status(const Snapshot&)> on_snapshot = {};
  /// Asked after each epoch (of all trials of descent) that others follow, or after each β of a path, when its reports
  /// were delivered, and when training is about to end because should_stop or the time limit says so; true:
  /// save_checkpoint is called with the state after the last finished epoch. Must be cheap and must not throw.
  std::function<bool()> checkpoint_due = {};
  /// Hears the state; an error is the caller's affair.
  std::function<void(Checkpoint)> save_checkpoint = {};
  /// Checkpoint::state of an earlier attempt: training goes on from there, bit for bit as if it had not been
  /// interrupted (same device, build and numbers of threads). Reports start with the first after the checkpoint;
  /// seconds go on from those of the checkpoint, and the time limit counts both. DATA_LOSS when it is damaged,
  /// FAILED_PRECONDITION naming what differs when it is of another spec, data set or build:
  /// descent::IsCheckpointRefused tells these from other errors. Null for none; emptied once it was read, since it may
  /// be large.
  std::string* resume_from = nullptr;
};

/// One trained network with its final metrics: one per trial of descent, one per β of a path, one for other convex
/// training.
struct TrainedModel {
  Network network;
  EpochMetrics final_metrics;
  bool diverged = false;  ///< descent: the weights stopped being finite; network is the last finite one
  std::optional<std::int64_t> diverged_epoch = {};  ///< the epoch after which they were not
  std::optional<TrialSetting> setting = {};         ///< descent only
};

/// How good the answer is known to be.
struct Certificate {
  bool restricted = true;  ///< true: the bound holds over the job's patterns, not for every pattern of X
  bool verified = false;   ///< gap and violation are within the tolerance asked for
  /// Refinement looked for patterns that would lower the objective by more than the tolerance, from many starts, and
  /// found none: no proof, since a search may miss some, but the objective is then likely to be the least for any
  /// width.
  bool searched = false;
};

/// The report of a finished training.
struct Summary {
  Termination termination = Termination::kEpochLimit;
  std::string message;                        ///< one sentence for people: why it ended and how well
  double beta = 0;                            ///< β used; of a grid or a path, that of the best model
  std::int64_t patterns = 0;                  ///< convex: distinct patterns used
  Precision precision = Precision::kFloat64;  ///< used; never kAuto
  std::string device;                         ///< used, canonical ("cuda:0")
  std::string
      solver;  ///< used: "fista", "admm", "interior_point", "penalty", "newton", or the optimiser's descent::Name
  std::int64_t epochs = 0;                 ///< done, summed over trials
  double seconds = 0;                      ///< wall clock of the whole call, and of training before resume_from
  std::optional<Certificate> certificate;  ///< convex training only
};

struct Result {
  /// Descent: in the order of their trials' numbers; without the trials of a grid that had not begun when training was
  /// stopped.
  std::vector<TrainedModel> models;
  std::size_t best = 0;  ///< index of the model with the least final objective among those not diverged; of a path by
                         ///< its selection
  Summary summary;
};

/// Checks everything about `spec` that does not need the numbers: one message per field, "field = value: allowed
/// range".
absl::Status Validate(const Spec& spec, const data::Dataset& dataset);

/// Trains. Errors: INVALID_ARGUMENT as Validate, or when targets do not fit the loss; what load_model answers;
/// RESOURCE_EXHAUSTED when memory does not suffice; FAILED_PRECONDITION when β is a share of a β_max that is 0;
/// UNIMPLEMENTED for a combination that is named but not built; INTERNAL when LibTorch fails. A numerical failure is
/// INTERNAL with a reason. Stopped during set-up, before the first epoch, it gives the network of zero neurons.
absl::StatusOr<Result> Train(const Spec& spec, const data::Dataset& dataset, const Hooks& hooks = {});

}  // namespace cvxnn::training
