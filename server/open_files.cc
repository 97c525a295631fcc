// SPDX-License-Identifier: Apache-2.0
// See open_files.h.
#include "server/open_files.h"

#include <sys/resource.h>

namespace cvxnn::server {

std::int64_t RaiseOpenFiles() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  const rlimit raised{limit.rlim_max, limit.rlim_max};
  if (setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
  return static_cast<std::int64_t>(limit.rlim_cur);
}

}  // namespace cvxnn::server
