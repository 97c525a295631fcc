// SPDX-License-Identifier: Apache-2.0
// See memory_admission.h. A job takes its memory little by little after it was admitted, so that what is free now says
// too little of those admitted a moment ago: their promises are kept apart.
#include "server/devices/memory_admission.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "server/devices/memory_shortage.h"

namespace cvxnn::server {
namespace {

constexpr char kHost[] = "cpu";

v1::MemoryShortage Shortage(const std::string& device, std::int64_t needed, std::int64_t free) {
  v1::MemoryShortage shortage;
  shortage.set_device(device);
  shortage.set_needed_bytes(needed);
  shortage.set_free_bytes(free);
  return shortage;
}

// Without overflow.
std::int64_t Sum(std::int64_t a, std::int64_t b) {
  return a > std::numeric_limits<std::int64_t>::max() - b ? std::numeric_limits<std::int64_t>::max() : a + b;
}

}  // namespace

MemoryAdmission::MemoryAdmission(ResidentDatasets* resident, Measure measure)
    : resident_(resident), measure_(std::move(measure)) {}

MemoryAdmission::Ticket& MemoryAdmission::Ticket::operator=(Ticket&& other) noexcept {
  Release();
  from_ = std::exchange(other.from_, nullptr);
  device_ = std::move(other.device_);
  host_bytes_ = other.host_bytes_;
  device_bytes_ = other.device_bytes_;
  return *this;
}

void MemoryAdmission::Ticket::Release() {
  if (from_ == nullptr) return;
  absl::MutexLock lock(&from_->mutex_);
  from_->promised_[kHost] -= host_bytes_;
  from_->promised_[device_] -= device_bytes_;
  from_ = nullptr;
}

absl::Status MemoryAdmission::CheckPossible(const v1::MemoryEstimate& need, const std::string& device) const {
  const std::int64_t host = Sum(need.dataset_bytes(), need.host_bytes());
  for (const DeviceInfo& info : measure_()) {
    if (info.total_bytes == 0) continue;
    const std::int64_t needed = Sum(info.name == kHost ? host : 0, info.name == device ? need.device_bytes() : 0);
    if (needed > info.total_bytes) {
      return MemoryShortage("the job", Shortage(info.name, needed, info.total_bytes));
    }
  }
  return absl::OkStatus();
}

std::int64_t MemoryAdmission::FreeOn(const std::string& device) const {
  for (const DeviceInfo& info : measure_()) {
    if (info.name != device || info.total_bytes == 0) continue;
    const auto found = promised_.find(device);
    const std::int64_t promised = found == promised_.end() ? 0 : found->second;
    return std::max<std::int64_t>(0, std::min(info.free_bytes, info.total_bytes - promised));
  }
  return std::numeric_limits<std::int64_t>::max();
}

absl::StatusOr<MemoryAdmission::Ticket> MemoryAdmission::Admit(const v1::MemoryEstimate& need,
                                                               const std::string& device, const std::string& dataset) {
  const std::int64_t loaded = resident_->Holds(dataset) ? 0 : need.dataset_bytes();
  const bool on_host = device == kHost;
  const std::int64_t host = Sum(Sum(need.host_bytes(), loaded), on_host ? need.device_bytes() : 0);
  absl::MutexLock lock(&mutex_);
  std::int64_t free = FreeOn(kHost);
  if (host > free) {
    resident_->FreeUp(host - free, dataset);
    free = FreeOn(kHost);
  }
  if (host > free) return MemoryShortage("the job", Shortage(kHost, host, free));
  if (!on_host) {
    if (const std::int64_t there = FreeOn(device); need.device_bytes() > there) {
      return MemoryShortage("the job", Shortage(device, need.device_bytes(), there));
    }
  }
  Ticket ticket;
  ticket.from_ = this;
  ticket.device_ = device;
  ticket.host_bytes_ = host;
  ticket.device_bytes_ = on_host ? 0 : need.device_bytes();
  promised_[kHost] += ticket.host_bytes_;
  promised_[device] += ticket.device_bytes_;
  return ticket;
}

}  // namespace cvxnn::server
