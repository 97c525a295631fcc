// SPDX-License-Identifier: Apache-2.0
// Which targets fit a loss.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>

#include "absl/status/status.h"
#include "core/network/loss.h"

namespace cvxnn {

/// Every entry -1 or +1; the error names the first that is not.
absl::Status CheckPlusMinusOne(Loss loss, const std::string& name, const at::Tensor& targets);

/// At least two columns; in every row one entry 1 and the others 0.
absl::Status CheckOneHot(Loss loss, const std::string& name, const at::Tensor& targets);

}  // namespace cvxnn
