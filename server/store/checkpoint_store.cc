// SPDX-License-Identifier: Apache-2.0
// A file is: eight bytes that say what it is; the CRC-32 of all that follows; reports; length of the data set's uid,
// and the uid; state. Numbers are little-endian.
#include "server/store/checkpoint_store.h"

#include <fcntl.h>
#include <libdeflate.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "server/store/checked_file.h"
#include "server/store/synced_file.h"

namespace cvxnn::server {
namespace {

constexpr char kMagic[] = {'c', 'v', 'x', 'n', 'n', 'c', 'p', '1'};
constexpr char kEnding[] = ".checkpoint";
constexpr std::size_t kFixedBytes = sizeof(kMagic) + sizeof(std::uint32_t);

template <typename Integer>
void AppendNumber(Integer number, std::string* bytes) {
  for (std::size_t i = 0; i < sizeof(Integer); ++i) {
    bytes->push_back(static_cast<char>((static_cast<std::uint64_t>(number) >> (8 * i)) & 0xff));
  }
}

template <typename Integer>
Integer TakeNumber(absl::string_view* bytes) {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < sizeof(Integer); ++i) {
    number |= static_cast<std::uint64_t>(static_cast<unsigned char>((*bytes)[i])) << (8 * i);
  }
  bytes->remove_prefix(sizeof(Integer));
  return static_cast<Integer>(number);
}

absl::StatusOr<std::string> ReadAll(const std::filesystem::path& path) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return ErrnoStatus(errno, absl::StrCat("cannot open ", path.string()));
  const absl::Cleanup closed = [descriptor] { close(descriptor); };
  struct stat status {};
  if (fstat(descriptor, &status) != 0) return ErrnoStatus(errno, absl::StrCat("cannot read ", path.string()));
  std::string bytes(static_cast<std::size_t>(status.st_size), '\0');
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t got = read(descriptor, bytes.data() + done, std::min(bytes.size() - done, kPieceBytes));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return ErrnoStatus(errno, absl::StrCat("cannot read ", path.string()));
    if (got == 0) bytes.resize(done);
    done += static_cast<std::size_t>(got);
  }
  return bytes;
}

}  // namespace

std::filesystem::path CheckpointStore::Folder() const { return database_->data_dir() / "checkpoints"; }

std::filesystem::path CheckpointStore::PathOf(const std::string& job) const {
  return Folder() / absl::StrCat(absl::StripPrefix(job, "jobs/"), kEnding);
}

absl::StatusOr<std::unique_ptr<CheckpointStore>> CheckpointStore::Open(std::shared_ptr<Database> database) {
  std::unique_ptr<CheckpointStore> store(new CheckpointStore(std::move(database)));
  if (absl::Status created = CreateDirectoriesSynced(store->Folder()); !created.ok()) return created;
  std::error_code error;
  std::vector<std::filesystem::path> leftovers;
  for (const auto& entry : std::filesystem::directory_iterator(store->Folder(), error)) {
    if (!absl::EndsWith(entry.path().string(), kEnding)) leftovers.push_back(entry.path());
  }
  if (error) return ErrnoStatus(error.value(), absl::StrCat("cannot list ", store->Folder().string()));
  for (const auto& leftover : leftovers) RemoveAll(leftover);
  return store;
}

absl::Status CheckpointStore::Write(const std::string& job, const StoredCheckpoint& checkpoint) {
  std::string head;
  AppendNumber(checkpoint.reports, &head);
  AppendNumber(static_cast<std::uint32_t>(checkpoint.dataset_uid.size()), &head);
  head += checkpoint.dataset_uid;
  std::uint32_t crc32 = libdeflate_crc32(0, head.data(), head.size());
  crc32 = libdeflate_crc32(crc32, checkpoint.state.data(), checkpoint.state.size());
  std::string fixed(kMagic, sizeof(kMagic));
  AppendNumber(crc32, &fixed);

  const std::filesystem::path path = PathOf(job);
  const std::filesystem::path writing = absl::StrCat(path.string(), ".writing");
  RemoveAll(writing);
  auto file = SyncedFile::Create(writing);
  if (!file.ok()) return file.status();
  for (const auto part : {absl::string_view(fixed), absl::string_view(head), absl::string_view(checkpoint.state)}) {
    if (absl::Status appended = file->Append(part.data(), part.size()); !appended.ok()) return appended;
  }
  if (absl::Status finished = file->Finish(); !finished.ok()) return finished;
  return RenameSynced(writing, path);
}

absl::StatusOr<StoredCheckpoint> CheckpointStore::Read(const std::string& job) const {
  const std::filesystem::path path = PathOf(job);
  const absl::StatusOr<std::string> read = ReadAll(path);
  if (absl::IsNotFound(read.status())) return absl::NotFoundError(absl::StrCat(job, ": has no checkpoint"));
  if (!read.ok()) return read.status();
  const std::string& bytes = *read;
  const absl::Status damaged = absl::DataLossError(absl::StrCat(path.string(), ": is damaged"));
  if (bytes.size() < kFixedBytes || std::memcmp(bytes.data(), kMagic, sizeof(kMagic)) != 0) return damaged;
  absl::string_view rest(bytes);
  rest.remove_prefix(sizeof(kMagic));
  const auto crc32 = TakeNumber<std::uint32_t>(&rest);
  if (crc32 != Crc32(rest.data(), rest.size())) return damaged;
  StoredCheckpoint checkpoint;
  if (rest.size() < sizeof(std::int64_t) + sizeof(std::uint32_t)) return damaged;
  checkpoint.reports = TakeNumber<std::int64_t>(&rest);
  const auto uid_bytes = TakeNumber<std::uint32_t>(&rest);
  if (rest.size() < uid_bytes) return damaged;
  checkpoint.dataset_uid = std::string(rest.substr(0, uid_bytes));
  checkpoint.state = std::string(rest.substr(uid_bytes));
  return checkpoint;
}

void CheckpointStore::Remove(const std::string& job) { RemoveAll(PathOf(job)); }

void CheckpointStore::RemoveOthers(const absl::flat_hash_set<std::string>& jobs) {
  std::error_code error;
  std::vector<std::filesystem::path> others;
  for (const auto& entry : std::filesystem::directory_iterator(Folder(), error)) {
    const std::string name = absl::StrCat("jobs/", entry.path().stem().string());
    if (!jobs.contains(name)) others.push_back(entry.path());
  }
  for (const auto& other : others) RemoveAll(other);
}

}  // namespace cvxnn::server
