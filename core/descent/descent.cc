// SPDX-License-Identifier: Apache-2.0
// A run: checks first, then the batches of the grid one after the other.
#include "core/descent/descent.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/descent/batch_descent.h"
#include "core/descent/checkpoint.h"
#include "core/descent/fingerprint.h"
#include "core/descent/grid.h"
#include "core/descent/memory.h"
#include "core/descent/run_control.h"
#include "core/descent/trial_state.h"
#include "core/torch/runtime.h"

namespace cvxnn::descent {
namespace {

/// Why the whole run ended: what stopped a batch stops the run; else the least final of the batches' endings.
Ending Together(Ending before, Ending now) {
  for (const Ending ending :
       {Ending::kStopped, Ending::kTimeLimit, Ending::kEpochLimit, Ending::kStalled, Ending::kConverged}) {
    if (before == ending || now == ending) return ending;
  }
  return Ending::kDiverged;
}

class Run {
 public:
  Run(const Options& options, const Data& data, const Observers& observers)
      : options_(options), data_(data), control_(observers, options.max_seconds) {
    control_.save = [&](State state) { Save(observers, std::move(state)); };
  }

  /// What earlier attempts did, as Save wrote it.
  absl::Status Resume(const std::string& bytes) {
    absl::StatusOr<State> state = FromBytes(bytes);
    if (!state.ok()) return state.status();
    fingerprint_ = Fingerprint(options_, data_);
    if (auto status = CheckFingerprint(*state, fingerprint_); !status.ok()) return status;
    resumed_ = *std::move(state);
    StateReader reader(resumed_, "");
    result_.earlier_seconds = reader.Number("seconds");
    control_.Resume(result_.earlier_seconds, reader.Integer("reports"));
    const std::int64_t batches = reader.Integer("batches");
    const std::int64_t ending = reader.Integer("ending");
    result_.epochs = reader.Integer("epochs");
    if (batches < 0 || batches > BatchCount(options_.grid)) reader.Refuse("batches");
    if (ending < 0 || ending > static_cast<std::int64_t>(Ending::kStalled)) reader.Refuse("ending");
    if (!reader.status().ok()) return reader.status();
    result_.ending = static_cast<Ending>(ending);
    for (; done_ < batches; ++done_) {
      StateReader trials(resumed_, PrefixOf(done_));
      auto loaded = LoadTrials(BatchAt(options_, data_, done_), {}, trials);
      if (!trials.status().ok()) return trials.status();
      Append(std::move(loaded));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<Result> Descend() {
    for (; done_ < BatchCount(options_.grid); ++done_) {
      if (done_ > 0 && !HoldsBatch(resumed_)) {
        if (const auto interrupted = control_.Interrupted()) {
          if (control_.CheckpointDue()) control_.Save({});
          result_.ending = *interrupted;
          break;
        }
      }
      const Batch batch = BatchAt(options_, data_, done_);
      auto result = DescendBatch(batch, control_, HoldsBatch(resumed_) ? &resumed_ : nullptr);
      if (!result.ok()) return result.status();
      resumed_.clear();
      result_.ending = done_ == 0 ? result->ending : Together(result_.ending, result->ending);
      result_.epochs += result->epochs;
      Append(std::move(result->trials));
      if (result_.ending == Ending::kStopped || result_.ending == Ending::kTimeLimit) break;
    }
    return std::move(result_);
  }

 private:
  static std::string PrefixOf(std::int64_t batch) { return absl::StrCat("batch", batch, "/"); }

  void Append(std::vector<Trial> trials) {
    std::move(trials.begin(), trials.end(), std::back_inserter(result_.trials));
  }

  void Save(const Observers& observers, State state) {
    if (fingerprint_.empty()) fingerprint_ = Fingerprint(options_, data_);
    state.insert(fingerprint_.begin(), fingerprint_.end());
    state["seconds"] = control_.Seconds();
    state["reports"] = control_.reports();
    state["batches"] = done_;
    state["ending"] = static_cast<std::int64_t>(result_.ending);
    state["epochs"] = result_.epochs;
    // Every batch has as many trials.
    const std::size_t trials = done_ == 0 ? 0 : result_.trials.size() / static_cast<std::size_t>(done_);
    for (std::int64_t batch = 0; batch < done_; ++batch) {
      SaveTrials(result_.trials.data() + static_cast<std::size_t>(batch) * trials, trials, PrefixOf(batch), state);
    }
    observers.save_checkpoint({ToBytes(state), control_.reports()});
  }

  const Options& options_;
  const Data& data_;
  RunControl control_;
  State fingerprint_;      ///< empty until it is needed: it reads all data
  State resumed_;          ///< empty once the batch in it goes on
  std::int64_t done_ = 0;  ///< batches
  Result result_;          ///< of them
};

}  // namespace

absl::StatusOr<Result> RunDescent(const Options& options, const Data& data, const Observers& observers,
                                  std::string* resume_from) {
  absl::StatusOr<Result> result = absl::InternalError("gradient descent did not run");
  const absl::Status status = GuardTorch("gradient descent", [&]() -> absl::Status {
    if (auto invalid = Validate(options, data); !invalid.ok()) return invalid;
    if (auto memory = CheckMemoryFits(options, data, observers); !memory.ok()) return memory;
    const at::NoGradGuard no_gradients;
    Run run(options, data, observers);
    if (resume_from != nullptr) {
      const absl::Status resumed = run.Resume(std::exchange(*resume_from, {}));
      if (!resumed.ok()) return CheckpointRefused(resumed);
    }
    result = run.Descend();
    return result.status();
  });
  if (!status.ok()) return status;
  return result;
}

}  // namespace cvxnn::descent
