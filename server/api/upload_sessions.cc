// SPDX-License-Identifier: Apache-2.0
// See upload_sessions.h. What is dropped is destroyed outside the lock: that may take the disk.
#include "server/api/upload_sessions.h"

#include <absl/strings/str_format.h>
#include <absl/time/clock.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "server/api/status.h"
#include "server/log/log.h"
#include "server/translate/violations.h"

namespace cvxnn::server {

UploadSessions::UploadSessions(std::int64_t most_bytes, absl::Duration patience)
    : most_bytes_(most_bytes), patience_(patience), expiries_([this](const std::string& key) {
        Forget(key);
        return std::nullopt;
      }) {}

UploadSessions::~UploadSessions() { expiries_.Stop(); }

absl::Status UploadSessions::InHand() {
  constexpr std::int64_t kRetrySeconds = 1;
  return WithRetryDelay(
      absl::UnavailableError("another stream of this upload is open; it is being closed: try again in a moment"),
      kRetrySeconds);
}

absl::StatusOr<std::unique_ptr<UploadSession>> UploadSessions::Take(const std::string& key, std::uint32_t digest,
                                                                    std::function<void()> let_go) {
  auto fresh = std::make_unique<UploadSession>();
  fresh->key = key;
  fresh->digest = digest;
  if (key.empty()) return fresh;
  std::function<void()> holder;
  {
    absl::MutexLock lock(&mutex_);
    const auto [found, is_new] = entries_.try_emplace(key);
    Entry& entry = found->second;
    if (!is_new && entry.waiting == nullptr) {
      holder = std::exchange(entry.let_go, nullptr);
    } else if (!is_new && entry.waiting->digest != digest) {
      return absl::AlreadyExistsError("header.upload_id: was used for another upload: use a new one");
    } else {
      entry.let_go = std::move(let_go);
      return is_new ? std::move(fresh) : std::move(entry.waiting);
    }
  }
  if (holder) holder();
  return InHand();
}

absl::Status UploadSessions::Promise(UploadSession* session, std::int64_t bytes) {
  std::vector<std::unique_ptr<UploadSession>> dropped;
  absl::MutexLock lock(&mutex_);
  const auto oldest = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    auto least = entries_.end();
    for (auto entry = entries_.begin(); entry != entries_.end(); ++entry) {
      if (entry->second.waiting == nullptr) continue;
      if (least == entries_.end() || entry->second.since < least->second.since) least = entry;
    }
    return least;
  };
  // Bounded by most_bytes_ each, so that sums do not overflow.
  while (promised_ + bytes > most_bytes_) {
    const auto entry = oldest();
    if (entry == entries_.end()) {
      return QuotaExceeded("max_dataset_bytes",
                           absl::StrFormat("%d bytes are needed, but other uploads in progress leave less of the %d: "
                                           "try again later",
                                           bytes, most_bytes_));
    }
    promised_ -= entry->second.waiting->promised;
    dropped.push_back(std::move(entry->second.waiting));
    entries_.erase(entry);
  }
  promised_ += bytes;
  session->promised = bytes;
  return absl::OkStatus();
}

void UploadSessions::Park(std::unique_ptr<UploadSession> session) {
  if (session->key.empty() || session->upload == nullptr) return Drop(std::move(session));
  const std::string key = session->key;
  const absl::Time now = absl::Now();
  {
    absl::MutexLock lock(&mutex_);
    Entry& entry = entries_[key];
    entry.waiting = std::move(session);
    entry.let_go = nullptr;
    entry.since = now;
  }
  expiries_.Set(key, now + patience_);
}

void UploadSessions::Drop(std::unique_ptr<UploadSession> session) {
  if (session == nullptr) return;
  const std::string key = session->key;
  const std::int64_t promised = session->promised;
  // Before others hear that its room is free.
  session->staged.reset();
  session.reset();
  absl::MutexLock lock(&mutex_);
  promised_ -= promised;
  if (!key.empty()) entries_.erase(key);
}

void UploadSessions::Forget(const std::string& key) {
  std::unique_ptr<UploadSession> dropped;
  {
    absl::MutexLock lock(&mutex_);
    const auto found = entries_.find(key);
    // Taken, or parked anew, meanwhile.
    if (found == entries_.end() || found->second.waiting == nullptr || found->second.since + patience_ > absl::Now()) {
      return;
    }
    dropped = std::move(found->second.waiting);
    entries_.erase(found);
    promised_ -= dropped->promised;
  }
  LogEvent(LogLevel::kInfo, "an upload that was cut was not taken up again", {{"dataset", dropped->dataset_id}});
  dropped->staged.reset();
}

absl::StatusOr<v1::UploadStatus> UploadSessions::Describe(const std::string& key) {
  std::function<void()> holder;
  {
    absl::MutexLock lock(&mutex_);
    const auto found = entries_.find(key);
    if (found == entries_.end()) return absl::NotFoundError("upload_id: no such upload waits: begin again");
    if (found->second.waiting != nullptr) {
      v1::UploadStatus status;
      for (int array = v1::DATASET_ARRAY_FEATURES; array <= v1::DATASET_ARRAY_TEST_TARGETS; ++array) {
        v1::CommittedArray* committed = status.add_arrays();
        committed->set_array(static_cast<v1::DatasetArray>(array));
        committed->set_bytes(found->second.waiting->upload->received_bytes(static_cast<v1::DatasetArray>(array)));
      }
      return status;
    }
    holder = std::exchange(found->second.let_go, nullptr);
  }
  if (holder) holder();
  return InHand();
}

}  // namespace cvxnn::server
