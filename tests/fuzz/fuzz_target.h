// SPDX-License-Identifier: Apache-2.0
// How a fuzz target is declared. Built with libFuzzer each is a program of its own; without, all of them are one
// program that replays stored inputs (replay.cc), so that the corpora are tests on every compiler.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>

namespace cvxnn::fuzz {

/// Runs one input; must return for every one. Ends the process where a promise is broken.
using Target = void (*)(std::string_view input);

/// All targets of this program by name.
inline std::map<std::string, Target>& Targets() {
  static std::map<std::string, Target> targets;
  return targets;
}

/// Makes another input of one, the same for the same seed.
using Mutator = std::string (*)(const std::string& input, std::uint32_t seed);

/// Of the targets that have one of their own.
inline std::map<std::string, Mutator>& Mutators() {
  static std::map<std::string, Mutator> mutators;
  return mutators;
}

struct Registration {
  Registration(const char* name, Target target) { Targets()[name] = target; }
};

/// A promise that holds for every input; `what` says it.
inline void Promise(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "broken promise: %s\n", what);
  std::abort();
}

}  // namespace cvxnn::fuzz

/// CVXNN_FUZZ_TARGET(name) { … uses input … }
#define CVXNN_FUZZ_TARGET(name)                                                   \
  static void Fuzz_##name(std::string_view input);                                \
  static const cvxnn::fuzz::Registration registration_##name(#name, Fuzz_##name); \
  static void Fuzz_##name(std::string_view input)
