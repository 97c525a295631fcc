// SPDX-License-Identifier: Apache-2.0
// The entrances that libFuzzer calls, for a program with one target.
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "tests/fuzz/fuzz_target.h"

namespace {

constexpr unsigned kBytesOneIn = 16;

// An input that takes this long is a finding. libFuzzer's own limit is of the clock, which a busy machine passes.
constexpr itimerval kMostProcessorTime = {{0, 0}, {20, 0}};

void TakesTooLong(int) {
  constexpr char kWhat[] = "broken promise: an input takes less than 20 s of processor time\n";
  [[maybe_unused]] const auto written = write(STDERR_FILENO, kWhat, sizeof kWhat - 1);
  std::abort();
}

}  // namespace

extern "C" {

std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const cvxnn::fuzz::Target target = [] {
    signal(SIGPROF, TakesTooLong);
    return cvxnn::fuzz::Targets().begin()->second;
  }();
  setitimer(ITIMER_PROF, &kMostProcessorTime, nullptr);
  target({reinterpret_cast<const char*>(data), size});
  return 0;
}

std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size, unsigned int seed) {
  const auto& mutators = cvxnn::fuzz::Mutators();
  if (mutators.empty() || seed % kBytesOneIn == 0) return LLVMFuzzerMutate(data, size, max_size);
  const std::string input(reinterpret_cast<const char*>(data), size);
  const std::string mutated = mutators.begin()->second(input, seed);
  if (mutated.size() > max_size || mutated == input) return LLVMFuzzerMutate(data, size, max_size);
  return mutated.copy(reinterpret_cast<char*>(data), mutated.size());
}

}  // extern "C"
