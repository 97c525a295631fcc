// SPDX-License-Identifier: Apache-2.0
// See principals_file.h.
#include "server/security/principals_file.h"

#include <absl/strings/str_cat.h>
#include <absl/time/clock.h>
#include <sys/stat.h>

#include <cstdint>
#include <fstream>
#include <iterator>
#include <utility>

#include "server/log/log.h"

namespace cvxnn::server {
namespace {

constexpr absl::Duration kBetweenLooks = absl::Seconds(1);
constexpr std::uintmax_t kMostBytes = std::uintmax_t{1} << 20;

}  // namespace

absl::StatusOr<std::unique_ptr<PrincipalsFile>> PrincipalsFile::Open(std::string path) {
  std::unique_ptr<PrincipalsFile> file(new PrincipalsFile(std::move(path)));
  auto version = file->Look();
  if (!version.ok()) return version.status();
  auto principals = file->Read();
  if (!principals.ok()) return principals.status();
  if (principals->size() == 0) {
    return absl::FailedPreconditionError(absl::StrCat(file->path_, ": names no principal, so nobody could come in"));
  }
  const absl::MutexLock lock(&file->mutex_);
  file->version_ = *version;
  file->principals_ = std::make_shared<const Principals>(*std::move(principals));
  return file;
}

std::shared_ptr<const Principals> PrincipalsFile::Now() {
  const absl::MutexLock lock(&mutex_);
  const absl::Time now = absl::Now();
  if (now < next_look_) return principals_;
  next_look_ = now + kBetweenLooks;
  auto version = Look();
  if (version.ok() && *version == version_) return principals_;
  auto principals = version.ok() ? Read() : absl::StatusOr<Principals>(version.status());
  if (!principals.ok()) {
    LogEvent(LogLevel::kError, "principals file not taken over",
             {{"error", std::string(principals.status().message())}});
    return principals_;
  }
  version_ = *version;
  principals_ = std::make_shared<const Principals>(*std::move(principals));
  LogEvent(LogLevel::kInfo, "principals file read anew",
           {{"file", path_}, {"lines", static_cast<std::int64_t>(principals_->size())}});
  return principals_;
}

absl::StatusOr<PrincipalsFile::Version> PrincipalsFile::Look() const {
  struct stat status {};
  if (stat(path_.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) {
    return absl::NotFoundError(absl::StrCat(path_, ": is not a file that can be read"));
  }
  if ((status.st_mode & S_IRWXO) != 0) {
    return absl::FailedPreconditionError(
        absl::StrCat(path_, ": everybody on this machine can open it; take that away with chmod o= "));
  }
  std::error_code error;
  const auto time = std::filesystem::last_write_time(path_, error);
  if (error) return absl::NotFoundError(absl::StrCat(path_, ": ", error.message()));
  return Version{time, static_cast<std::uintmax_t>(status.st_size), status.st_ino};
}

absl::StatusOr<Principals> PrincipalsFile::Read() const {
  std::ifstream file(path_, std::ios::binary);
  std::string text;
  text.reserve(4096);
  for (std::istreambuf_iterator<char> at(file), end; at != end; ++at) {
    if (text.size() == kMostBytes) return absl::InvalidArgumentError(absl::StrCat(path_, ": has more than 1 MiB"));
    text.push_back(*at);
  }
  if (!file.is_open() || file.bad()) return absl::NotFoundError(absl::StrCat(path_, ": cannot be read"));
  auto principals = Principals::Parse(text);
  if (principals.ok()) return principals;
  return absl::InvalidArgumentError(absl::StrCat(path_, ", ", principals.status().message()));
}

}  // namespace cvxnn::server
