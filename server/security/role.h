// SPDX-License-Identifier: Apache-2.0
// What a principal may do, and what each RPC asks for.
#pragma once

#include <absl/strings/string_view.h>

#include <optional>
#include <string>

#include "server/security/quota.h"

namespace cvxnn::server {

/// Each role may do all that the ones before it may.
enum class Role {
  kReader,     ///< read: get, list, watch, download, predict, evaluate, reflection
  kSubmitter,  ///< also create, cancel and delete
  kAdmin,      ///< also look into the server's connections (channelz)
};

/// A person or program that the server knows.
struct Principal {
  std::string name;
  Role role = Role::kReader;
  Quota quota = {};
};

/// "reader", "submitter", "admin".
std::string Name(Role role);
/// The inverse; absent for any other text.
std::optional<Role> RoleNamed(absl::string_view name);

/// What the RPC with this path ("/package.Service/Method") needs. Absent: nothing, health checks are for everybody.
/// A method that is not known needs what the strictest of its service needs.
std::optional<Role> RequiredRole(absl::string_view path);

}  // namespace cvxnn::server
