// SPDX-License-Identifier: Apache-2.0
// What every room with tensors needs from LibTorch itself: device and precision by name, the devices present, the
// number of threads, and LibTorch's exceptions turned into a Status. No tensors in this header.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace c10 {
struct Device;
}

namespace cvxnn {

/// A device that tensors can live on.
struct DeviceInfo {
  std::string name;              ///< "cpu", "cuda:0", …: what a spec's `device` says
  std::string description;       ///< e.g. the processor's or the GPU's own name
  std::int64_t total_bytes = 0;  ///< memory of the device ("cpu": see host_memory.h, limits included); 0 if not known
  std::int64_t free_bytes = 0;   ///< memory of it that may still be taken
};

/// Devices LibTorch can use in this process; "cpu" is always the first.
std::vector<DeviceInfo> AvailableDevices();

/// Parses "cpu", "cuda" (= "cuda:0") or "cuda:N" and checks that the device is present.
/// INVALID_ARGUMENT names the text and the devices that are there.
absl::StatusOr<c10::Device> ParseDevice(const std::string& name);

/// RESOURCE_EXHAUSTED "<what> needs N bytes, available on <device>: M bytes" when `needed` bytes are not free on the
/// device. OK where the free memory is not known.
absl::Status CheckFits(const std::string& what, double needed, const c10::Device& device);

/// Sets the number of threads one tensor operation may use (>= 1). LibTorch may otherwise start with one.
void SetComputeThreads(int threads);
int ComputeThreads();

/// Lets idle threads of LibTorch's OpenMP sleep instead of spin, by starting the program anew with
/// OMP_WAIT_POLICY=passive unless the environment says something already: OpenMP reads it before main. Spinning gains
/// microseconds on an idle machine and costs a factor of twenty on a shared one. Call first in main, before any thread;
/// `argv` is main's.
void WaitPassively(char** argv);

/// Lets the allocator keep what is freed, up to half a GiB, instead of giving it back to the kernel and faulting it in
/// again for the temporaries of the next epoch, which took nearly half of the time of epochs of milliseconds. Without
/// it glibc decides by what the process happened to free before. Call first in main.
void KeepFreedMemory();

/// Runs `body` and turns what LibTorch throws into a Status: out of memory becomes RESOURCE_EXHAUSTED, an unsupported
/// operation UNIMPLEMENTED, everything else INTERNAL, each with the exception's first line and `what` in front of it.
absl::Status GuardTorch(const std::string& what, const std::function<absl::Status()>& body);

}  // namespace cvxnn
