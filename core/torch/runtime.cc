// SPDX-License-Identifier: Apache-2.0
// Devices, threads and exceptions of LibTorch; see runtime.h.
#include "core/torch/runtime.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <c10/core/Device.h>
#include <c10/util/Exception.h>
#include <malloc.h>
#include <unistd.h>

#include <cstdlib>
#include <exception>
#include <fstream>
#include <new>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "core/torch/cuda_memory.h"
#include "core/torch/host_memory.h"

namespace cvxnn {
namespace {

std::string ProcessorName() {
  std::ifstream cpuinfo("/proc/cpuinfo");
  std::string line;
  while (std::getline(cpuinfo, line)) {
    if (line.rfind("model name", 0) == 0) {
      const auto colon = line.find(':');
      return colon == std::string::npos ? "cpu" : line.substr(colon + 2);
    }
  }
  return "cpu";
}

std::string FirstLine(const char* text) {
  const absl::string_view all(text);
  return std::string(all.substr(0, all.find('\n')));
}

}  // namespace

std::vector<DeviceInfo> AvailableDevices() {
  const HostMemory memory = MeasureHostMemory();
  std::vector<DeviceInfo> devices = {{"cpu", ProcessorName(), memory.total_bytes, memory.available_bytes}};
  if (at::hasCUDA()) {
    const auto count = at::detail::getCUDAHooks().getNumGPUs();
    for (int i = 0; i < static_cast<int>(count); ++i) {
      devices.push_back(
          DescribeCudaDevice(i).value_or(DeviceInfo{absl::StrCat("cuda:", i), absl::StrCat("CUDA device ", i), 0, 0}));
    }
  }
  return devices;
}

absl::StatusOr<c10::Device> ParseDevice(const std::string& name) {
  const auto devices = AvailableDevices();
  const std::string canonical = name == "cuda" ? "cuda:0" : name;
  for (const auto& device : devices) {
    if (device.name == canonical) return c10::Device(canonical);
  }
  return absl::InvalidArgumentError(
      absl::StrCat("device = \"", name, "\": not on this machine; available: ",
                   absl::StrJoin(devices, ", ", [](std::string* out, const DeviceInfo& d) { out->append(d.name); })));
}

absl::Status CheckFits(const std::string& what, double needed, const c10::Device& device) {
  for (const auto& known : AvailableDevices()) {
    if (known.name != device.str() || known.total_bytes == 0) continue;
    if (needed > static_cast<double>(known.free_bytes)) {
      return absl::ResourceExhaustedError(absl::StrFormat("%s needs %.0f bytes, available on %s: %d bytes", what,
                                                          needed, known.name, known.free_bytes));
    }
  }
  return absl::OkStatus();
}

void WaitPassively(char** argv) {
  if (std::getenv("OMP_WAIT_POLICY") != nullptr || std::getenv("GOMP_SPINCOUNT") != nullptr) return;
  setenv("OMP_WAIT_POLICY", "passive", /*overwrite=*/0);
  // Where the program cannot be found again it goes on as it is.
  execv("/proc/self/exe", argv);
}

void KeepFreedMemory() {
#ifdef __GLIBC__
  constexpr int kLargestAllowed = 32 << 20;  // glibc refuses more: half of an arena's heap
  constexpr int kMostKept = 512 << 20;
  mallopt(M_MMAP_THRESHOLD, kLargestAllowed);
  mallopt(M_TRIM_THRESHOLD, kMostKept);
#endif
}

void SetComputeThreads(int threads) { at::set_num_threads(threads); }
int ComputeThreads() { return at::get_num_threads(); }

absl::Status GuardTorch(const std::string& what, const std::function<absl::Status()>& body) {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError(absl::StrCat(what, ": out of memory"));
  } catch (const c10::NotImplementedError& error) {
    return absl::UnimplementedError(absl::StrCat(what, ": ", FirstLine(error.what_without_backtrace())));
  } catch (const c10::Error& error) {
    // LibTorch has no type of its own for a failed allocation on the CPU; its allocators say it in words.
    const std::string line = FirstLine(error.what_without_backtrace());
    const bool memory =
        line.find("out of memory") != std::string::npos || line.find("can't allocate memory") != std::string::npos;
    return memory ? absl::ResourceExhaustedError(absl::StrCat(what, ": ", line))
                  : absl::InternalError(absl::StrCat(what, ": ", line));
  } catch (const std::exception& error) {
    return absl::InternalError(absl::StrCat(what, ": ", FirstLine(error.what())));
  }
}

}  // namespace cvxnn
