// SPDX-License-Identifier: Apache-2.0
// Devices as LibTorch reports them.
#include "server/devices/device_list.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/torch/runtime.h"

namespace cvxnn::server {

DeviceList DeviceList::Detect() {
  std::vector<std::string> names;
  for (const DeviceInfo& device : AvailableDevices()) names.push_back(device.name);
  return DeviceList(std::move(names));
}

DeviceList::DeviceList(std::vector<std::string> names) : names_(std::move(names)) {}

absl::StatusOr<std::string> DeviceList::Canonical(const std::string& name) const {
  const std::string canonical = name.empty() ? "cpu" : name == "cuda" ? "cuda:0" : name;
  if (std::find(names_.begin(), names_.end(), canonical) != names_.end()) return canonical;
  return absl::InvalidArgumentError(
      absl::StrCat("device = \"", name, "\": not on this machine; available: ", absl::StrJoin(names_, ", ")));
}

std::vector<v1::Device> DeviceList::Describe() const {
  std::vector<v1::Device> devices;
  for (const DeviceInfo& info : AvailableDevices()) {
    v1::Device& device = devices.emplace_back();
    device.set_name(info.name);
    device.set_description(info.description);
    device.set_total_bytes(info.total_bytes);
    device.set_free_bytes(info.free_bytes);
  }
  return devices;
}

}  // namespace cvxnn::server
