// SPDX-License-Identifier: Apache-2.0
// Names from the kernel's random source.
#include "server/store/random_id.h"

#include <sys/random.h>

#include <array>
#include <cstdint>

namespace cvxnn::server {

std::string RandomId() {
  static constexpr char kAlphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
  static constexpr int kLetters = 26;
  std::array<std::uint8_t, 16> random;
  // Short reads like this one fail only when a signal comes before the kernel's source is seeded.
  while (getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size())) {
  }
  std::uint32_t first = 0;
  for (int i = 11; i < 15; ++i) first = first << 8 | random[i];
  std::string id(1, kAlphabet[first % kLetters]);
  for (int i = 0; i < 11; ++i) id.push_back(kAlphabet[random[i] % 32]);
  return id;
}

}  // namespace cvxnn::server
