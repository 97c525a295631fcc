// SPDX-License-Identifier: Apache-2.0
// Runs stored inputs without libFuzzer. replay TARGET FOLDER...: every file of the folders, whole, and cut short or
// with a bit flipped at places spread over it. replay TARGET --mutate SECONDS FOLDER...: mutations of them for so long;
// blind, but in a build of any compiler.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "tests/fuzz/fuzz_target.h"

namespace {

constexpr std::size_t kPlaces = 16;

void Replay(cvxnn::fuzz::Target target, const std::string& input) {
  target(input);
  const std::size_t step = std::max<std::size_t>(1, input.size() / kPlaces);
  for (std::size_t place = 0; place < input.size(); place += step) {
    target(input.substr(0, place));
    std::string flipped = input;
    flipped[place] = static_cast<char>(flipped[place] ^ (1 << (place % 8)));
    target(flipped);
  }
}

/// What libFuzzer does too: bits flipped, pieces left out, doubled, or taken from another input.
std::string MutatedBytes(std::string input, const std::string& other, std::mt19937* random) {
  const auto below = [&](std::size_t limit) {
    return std::uniform_int_distribution<std::size_t>(0, limit - 1)(*random);
  };
  const std::size_t place = below(input.size() + 1), length = below(64);
  switch (below(5)) {
    case 0:
      if (place < input.size()) input[place] = static_cast<char>(input[place] ^ (1 << below(8)));
      return input;
    case 1:
      return input.erase(place, length);
    case 2:
      return input.insert(place, input.substr(below(input.size() + 1), length));
    case 3:
      return input.insert(place, other.substr(below(other.size() + 1), length));
    default:
      return input.substr(0, place) + other.substr(std::min(place, other.size()));
  }
}

void Mutate(const std::string& name, cvxnn::fuzz::Target target, const std::vector<std::string>& inputs,
            double seconds) {
  constexpr int kMostSteps = 8;
  const auto own = cvxnn::fuzz::Mutators().find(name);
  std::mt19937 random;
  const auto begun = std::clock();
  const auto used = [&] { return static_cast<double>(std::clock() - begun) / CLOCKS_PER_SEC; };
  std::size_t executions = 0;
  for (; used() < seconds; ++executions) {
    std::string input = inputs[random() % inputs.size()];
    for (auto steps = random() % kMostSteps; steps < kMostSteps; ++steps) {
      input = own != cvxnn::fuzz::Mutators().end() && random() % 16 != 0
                  ? own->second(input, static_cast<std::uint32_t>(random()))
                  : MutatedBytes(std::move(input), inputs[random() % inputs.size()], &random);
    }
    // Kept where it can be found when the process ends.
    std::ofstream("last-input-" + name, std::ios::binary) << input;
    target(input);
  }
  std::printf("%s: %zu executions in %.0f s of processor time\n", name.c_str(), executions, used());
}

}  // namespace

int main(int argc, char** argv) {
  const auto& targets = cvxnn::fuzz::Targets();
  const auto target = argc > 2 ? targets.find(argv[1]) : targets.end();
  if (target == targets.end()) {
    std::fprintf(stderr, "usage: %s TARGET [--mutate SECONDS] FOLDER...; targets:\n", argv[0]);
    for (const auto& [name, unused] : targets) std::fprintf(stderr, "  %s\n", name.c_str());
    return 2;
  }
  const bool mutate = std::string(argv[2]) == "--mutate" && argc > 3;
  std::vector<std::string> inputs;
  for (int i = mutate ? 4 : 2; i < argc; ++i) {
    for (const auto& entry : std::filesystem::directory_iterator(argv[i])) {
      std::ifstream file(entry.path(), std::ios::binary);
      inputs.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
      if (mutate) continue;
      // Said first: where the process ends, the last line names the input.
      std::printf("%s\n", entry.path().c_str());
      std::fflush(stdout);
      Replay(target->second, inputs.back());
    }
  }
  if (inputs.empty()) return 1;
  if (mutate) Mutate(target->first, target->second, inputs, std::atof(argv[3]));
  std::printf("%zu inputs\n", inputs.size());
  return 0;
}
