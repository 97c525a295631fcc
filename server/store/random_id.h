// SPDX-License-Identifier: Apache-2.0
// Names that the server picks for data sets, jobs and models.
#pragma once

#include <string>

namespace cvxnn::server {

/// 12 characters of a-z and 2-7, the first a letter: 59 bits from the kernel's random source. Thread-safe.
std::string RandomId();

}  // namespace cvxnn::server
