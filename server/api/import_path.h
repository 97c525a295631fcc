// SPDX-License-Identifier: Apache-2.0
// Keeps imports below the server's import root.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <string>

namespace cvxnn::server {

/// The real path of `relative` below `root`, symbolic links resolved. FAILED_PRECONDITION: no root. PERMISSION_DENIED:
/// it is absolute or leaves the root, or is a folder with a link that does. NOT_FOUND: no such file. Messages never
/// show the root.
absl::StatusOr<std::string> ResolveImportPath(const std::string& root, const std::string& relative,
                                              const std::string& field);

/// `status` with every mention of the root removed from its message.
absl::Status WithoutRoot(const absl::Status& status, const std::string& root);

}  // namespace cvxnn::server
