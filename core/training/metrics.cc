// SPDX-License-Identifier: Apache-2.0
// Names of the reasons why training ends.
#include "core/training/metrics.h"

namespace cvxnn::training {

std::string Name(Termination termination) {
  switch (termination) {
    case Termination::kConverged:
      return "converged";
    case Termination::kEpochLimit:
      return "epoch_limit";
    case Termination::kTimeLimit:
      return "time_limit";
    case Termination::kStopped:
      return "stopped";
    case Termination::kStalled:
      return "stalled";
    case Termination::kDiverged:
      return "diverged";
  }
  return "unknown";
}

}  // namespace cvxnn::training
