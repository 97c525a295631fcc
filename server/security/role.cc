// SPDX-License-Identifier: Apache-2.0
// Roles by method; see role.h.
#include "server/security/role.h"

#include <absl/strings/match.h>

#include <array>

namespace cvxnn::server {
namespace {

// How the names of methods begin that change nothing.
constexpr std::array<absl::string_view, 7> kReading = {"Get",     "List",     "Watch", "Download",
                                                       "Predict", "Evaluate", "Check"};

}  // namespace

std::string Name(Role role) {
  switch (role) {
    case Role::kReader:
      return "reader";
    case Role::kSubmitter:
      return "submitter";
    case Role::kAdmin:
      return "admin";
  }
  return "reader";
}

std::optional<Role> RoleNamed(absl::string_view name) {
  for (const Role role : {Role::kReader, Role::kSubmitter, Role::kAdmin}) {
    if (name == Name(role)) return role;
  }
  return std::nullopt;
}

std::optional<Role> RequiredRole(absl::string_view path) {
  if (absl::StartsWith(path, "/grpc.health.")) return std::nullopt;
  if (absl::StartsWith(path, "/grpc.reflection.")) return Role::kReader;
  if (!absl::StartsWith(path, "/cvxnn.")) return Role::kAdmin;
  const absl::string_view method = path.substr(path.rfind('/') + 1);
  for (const absl::string_view reading : kReading) {
    if (absl::StartsWith(method, reading)) return Role::kReader;
  }
  return Role::kSubmitter;
}

}  // namespace cvxnn::server
