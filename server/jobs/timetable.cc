// SPDX-License-Identifier: Apache-2.0
// See timetable.h.
#include "server/jobs/timetable.h"

#include "absl/time/clock.h"

namespace cvxnn::server {

Timetable::Timetable(Due due) : due_(std::move(due)), thread_([this] { Run(); }) {}

void Timetable::Insert(const std::string& name, absl::Time when) {
  Erase(name);
  by_time_.emplace(when, name);
  by_name_[name] = when;
}

void Timetable::Erase(const std::string& name) {
  const auto found = by_name_.find(name);
  if (found == by_name_.end()) return;
  by_time_.erase({found->second, name});
  by_name_.erase(found);
}

void Timetable::Set(const std::string& name, absl::Time when) {
  absl::MutexLock lock(&mutex_);
  Insert(name, when);
}

void Timetable::Remove(const std::string& name) {
  absl::MutexLock lock(&mutex_);
  Erase(name);
}

void Timetable::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  if (thread_.joinable()) thread_.join();
}

void Timetable::Run() {
  absl::MutexLock lock(&mutex_);
  while (!stopping_) {
    const absl::Time next = Next();
    const auto earlier = [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return stopping_ || Next() < next; };
    mutex_.AwaitWithDeadline(absl::Condition(&earlier), next);
    if (stopping_ || by_time_.empty() || Next() > absl::Now()) continue;
    const std::string name = by_time_.begin()->second;
    Erase(name);
    mutex_.Unlock();
    const std::optional<absl::Time> again = due_(name);
    mutex_.Lock();
    if (again.has_value() && !by_name_.contains(name)) Insert(name, *again);
  }
}

}  // namespace cvxnn::server
