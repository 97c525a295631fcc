// SPDX-License-Identifier: Apache-2.0
// Names of resources ("datasets/iris") and the ids they end in.
#pragma once

#include <absl/status/status.h>

#include <string>

#include "server/translate/violations.h"

namespace cvxnn::server {

/// Whether `id` can end a resource name: 1 to 63 of a-z, 0-9 and '-', beginning with a letter.
bool IsResourceId(const std::string& id);

/// Records a name that is not "{collection}/{id}".
void CheckResourceName(const std::string& collection, const std::string& name, const std::string& field,
                       Violations* violations);

/// OK, or INVALID_ARGUMENT for a name that is not "{collection}/{id}".
absl::Status CheckResourceName(const std::string& collection, const std::string& name, const std::string& field);

/// Records an id chosen by the caller that cannot be one; empty is allowed.
void CheckOptionalId(const std::string& id, const std::string& field, Violations* violations);

/// Records a title above 200 bytes.
void CheckDisplayName(const std::string& display_name, const std::string& field, Violations* violations);

}  // namespace cvxnn::server
