// SPDX-License-Identifier: Apache-2.0
// See targets.h. The check is one pass of tensor operations on the targets' own device; only a fault is looked for
// element by element.
#include "core/network/losses/targets.h"

#include <ATen/ATen.h>

#include "absl/strings/str_cat.h"

namespace cvxnn {
namespace {

/// The first row in which `good` (n booleans, not all of them true) is false.
std::int64_t FirstBad(const at::Tensor& good) { return good.logical_not().to(at::kByte).argmax().item<std::int64_t>(); }

}  // namespace

absl::Status CheckPlusMinusOne(Loss loss, const std::string& name, const at::Tensor& targets) {
  const at::Tensor good = targets.abs() == 1;
  if (good.all().item<bool>()) return absl::OkStatus();
  const std::int64_t entry = FirstBad(good.flatten());
  const std::int64_t row = entry / targets.size(1), column = entry % targets.size(1);
  return absl::InvalidArgumentError(absl::StrCat(name, ": row ", row, ", column ", column, " is ",
                                                 targets[row][column].item<double>(), ": must be -1 or +1 for the ",
                                                 Name(loss), " loss"));
}

absl::Status CheckOneHot(Loss loss, const std::string& name, const at::Tensor& targets) {
  if (targets.size(1) < 2) {
    return absl::InvalidArgumentError(absl::StrCat(name, " has ", targets.size(1),
                                                   " column: must have one for each of ",
                                                   "at least two classes for the ", Name(loss), " loss"));
  }
  const at::Tensor zero_or_one = ((targets == 0).logical_or_(targets == 1)).all(1);
  const at::Tensor good = zero_or_one.logical_and_(targets.sum(1) == 1);
  if (good.all().item<bool>()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(name, ": row ", FirstBad(good),
                                                 ": must have a 1 in the column of its class and 0 elsewhere for the ",
                                                 Name(loss), " loss"));
}

}  // namespace cvxnn
