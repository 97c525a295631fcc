// SPDX-License-Identifier: Apache-2.0
// Durable writing and verified reading with POSIX calls: iostreams can neither sync nor say why they failed.
#include "server/store/checked_file.h"

#include <fcntl.h>
#include <libdeflate.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "server/log/log.h"
#include "server/store/checked_reader.h"
#include "server/store/synced_file.h"

namespace cvxnn::server {
std::uint32_t Crc32(const void* data, std::size_t bytes) { return libdeflate_crc32(0, data, bytes); }

absl::Status ErrnoStatus(int error, const std::string& what) {
  const std::string message = absl::StrCat(what, ": ", std::generic_category().message(error));
  switch (error) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return absl::ResourceExhaustedError(message);
    case ENOENT:
      return absl::NotFoundError(message);
    case EACCES:
    case EPERM:
    case EROFS:
      return absl::PermissionDeniedError(message);
    case EIO:
      return absl::DataLossError(message);
    default:
      return absl::InternalError(message);
  }
}

absl::StatusOr<std::uint32_t> WriteSynced(const std::filesystem::path& file, const void* data, std::size_t bytes) {
  auto created = SyncedFile::Create(file);
  if (!created.ok()) return created.status();
  absl::Status status = created->Append(data, bytes);
  if (status.ok()) status = created->Finish();
  if (!status.ok()) return status;
  return created->crc32();
}

absl::Status CreateDirectoriesSynced(const std::filesystem::path& directory) {
  std::error_code error;
  if (std::filesystem::is_directory(directory, error)) return absl::OkStatus();
  const std::filesystem::path parent = std::filesystem::absolute(directory, error).lexically_normal().parent_path();
  if (absl::Status above = CreateDirectoriesSynced(parent); !above.ok()) return above;
  if (mkdir(directory.c_str(), 0777) != 0 && !(errno == EEXIST && std::filesystem::is_directory(directory, error))) {
    return ErrnoStatus(errno, absl::StrCat("cannot create ", directory.string()));
  }
  return SyncDirectory(parent);
}

absl::Status SyncDirectory(const std::filesystem::path& directory) {
  const int descriptor = open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return ErrnoStatus(errno, absl::StrCat("cannot open ", directory.string()));
  const int result = fsync(descriptor);
  const int error = errno;
  close(descriptor);
  return result == 0 ? absl::OkStatus() : ErrnoStatus(error, absl::StrCat("cannot sync ", directory.string()));
}

absl::Status RenameSynced(const std::filesystem::path& from, const std::filesystem::path& to) {
  if (rename(from.c_str(), to.c_str()) != 0) {
    return ErrnoStatus(errno, absl::StrCat("cannot rename ", from.string(), " to ", to.string()));
  }
  return SyncDirectory(to.parent_path());
}

absl::Status ReadChecked(const std::filesystem::path& file, std::uint32_t crc32, void* data, std::size_t bytes) {
  auto reader = CheckedReader::Open(file, crc32, bytes);
  return reader.ok() ? (*reader)->Read(static_cast<char*>(data), bytes) : reader.status();
}

void RemoveAll(const std::filesystem::path& path) {
  std::error_code error;
  std::filesystem::remove_all(path, error);
  if (error) {
    LogEvent(LogLevel::kWarning, "cannot remove a file", {{"file", path.string()}, {"error", error.message()}});
  }
}

}  // namespace cvxnn::server
