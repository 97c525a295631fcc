// SPDX-License-Identifier: Apache-2.0
// See import_path.h.
#include "server/api/import_path.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_replace.h>

#include <filesystem>
#include <system_error>

namespace cvxnn::server {

namespace fs = std::filesystem;
namespace {

bool IsBelow(const fs::path& real, const fs::path& real_root) {
  const fs::path inside = real.lexically_relative(real_root);
  return !real.empty() && !inside.empty() && *inside.begin() != "..";
}

// Readers of a folder open files that lie in it: OK unless one of those is a link that leaves the root.
absl::Status CheckLinks(const fs::path& folder, const fs::path& real_root, const std::string& described) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    std::error_code ignored;
    if (!entry.is_symlink(ignored)) continue;
    if (const fs::path real = fs::weakly_canonical(entry.path(), ignored); IsBelow(real, real_root)) continue;
    return absl::PermissionDeniedError(absl::StrCat(described, ": its file ", entry.path().filename().string(),
                                                    " is a link: must stay below the import root"));
  }
  if (error) return absl::InvalidArgumentError(absl::StrCat(described, ": must be a folder that can be listed"));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> ResolveImportPath(const std::string& root, const std::string& relative,
                                              const std::string& field) {
  if (root.empty()) {
    return absl::FailedPreconditionError("importing is off: the server must be started with --import-root");
  }
  std::error_code error;
  const fs::path real_root = fs::canonical(root, error);
  if (error) return absl::FailedPreconditionError("the server's import root cannot be read");
  const fs::path asked(relative);
  const fs::path real = asked.is_absolute() ? fs::path() : fs::weakly_canonical(real_root / asked, error);
  const std::string described = absl::StrCat(field, " = \"", relative, "\"");
  if (error || !IsBelow(real, real_root)) {
    return absl::PermissionDeniedError(
        absl::StrCat(described, ": must be a relative path that stays below the import root"));
  }
  if (!fs::exists(real, error)) {
    return absl::NotFoundError(absl::StrCat(described, ": no such file below the import root"));
  }
  if (fs::is_directory(real, error)) {
    if (absl::Status links = CheckLinks(real, real_root, described); !links.ok()) return links;
  }
  return real.string();
}

absl::Status WithoutRoot(const absl::Status& status, const std::string& root) {
  if (status.ok() || root.empty()) return status;
  std::error_code error;
  const std::string real_root = fs::canonical(root, error).string();
  const std::string message =
      absl::StrReplaceAll(std::string(status.message()), {{real_root + "/", ""}, {real_root, "."}});
  absl::Status cleaned(status.code(), message);
  status.ForEachPayload([&](absl::string_view url, const absl::Cord& payload) { cleaned.SetPayload(url, payload); });
  return cleaned;
}

}  // namespace cvxnn::server
