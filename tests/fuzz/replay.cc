// SPDX-License-Identifier: Apache-2.0
// Replays stored inputs without libFuzzer: replay TARGET FOLDER... runs every file of the folders through the target,
// whole, and cut short or with a bit flipped at places spread over it.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

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

}  // namespace

int main(int argc, char** argv) {
  const auto& targets = cvxnn::fuzz::Targets();
  const auto target = argc > 2 ? targets.find(argv[1]) : targets.end();
  if (target == targets.end()) {
    std::fprintf(stderr, "usage: %s TARGET FOLDER...; targets:\n", argv[0]);
    for (const auto& [name, unused] : targets) std::fprintf(stderr, "  %s\n", name.c_str());
    return 2;
  }
  std::size_t replayed = 0;
  for (int i = 2; i < argc; ++i) {
    for (const auto& entry : std::filesystem::directory_iterator(argv[i])) {
      std::ifstream file(entry.path(), std::ios::binary);
      const std::string input{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
      // Said first: where the process ends, the last line names the input.
      std::printf("%s\n", entry.path().c_str());
      std::fflush(stdout);
      Replay(target->second, input);
      ++replayed;
    }
  }
  std::printf("%zu inputs\n", replayed);
  return replayed > 0 ? 0 : 1;
}
