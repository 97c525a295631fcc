// SPDX-License-Identifier: Apache-2.0
// The random stream of generators and row sampling; see random.h.
#include "core/data/random.h"

#include <cmath>
#include <numbers>

namespace cvxnn::data {
namespace {

// The finalizer of SplitMix64 (Steele, Lea & Flood 2014): a bijection that spreads every bit.
std::uint64_t Mixed(std::uint64_t value) {
  value += 0x9e3779b97f4a7c15U;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9U;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebU;
  return value ^ (value >> 31);
}

}  // namespace

RandomStream StreamOf(std::uint64_t seed, StreamPurpose purpose, std::int64_t trial, std::int64_t epoch) {
  std::uint64_t key = Mixed(seed);
  key = Mixed(key ^ static_cast<std::uint64_t>(trial));
  key = Mixed(key ^ static_cast<std::uint64_t>(purpose));
  return RandomStream(Mixed(key ^ static_cast<std::uint64_t>(epoch)));
}

double RandomStream::Uniform() { return static_cast<double>(engine_() >> 11) * 0x1.0p-53; }

double RandomStream::Normal() {
  if (has_spare_normal_) {
    has_spare_normal_ = false;
    return spare_normal_;
  }
  // 1 - U lies in (0, 1], so the logarithm is finite.
  const double radius = std::sqrt(-2.0 * std::log(1.0 - Uniform()));
  const double angle = 2.0 * std::numbers::pi * Uniform();
  spare_normal_ = radius * std::sin(angle);
  has_spare_normal_ = true;
  return radius * std::cos(angle);
}

std::uint64_t RandomStream::Below(std::uint64_t bound) {
  // Draws under 2^64 mod bound are thrown away, so that every remainder is equally likely.
  const std::uint64_t threshold = (0 - bound) % bound;
  std::uint64_t draw = engine_();
  while (draw < threshold) draw = engine_();
  return draw % bound;
}

std::vector<std::int64_t> RandomStream::SampleSorted(std::int64_t population, std::int64_t count) {
  // Selection sampling (Knuth, TAOCP vol. 2, algorithm S): ascending by construction, one draw per candidate.
  std::vector<std::int64_t> sample;
  sample.reserve(static_cast<std::size_t>(count));
  for (std::int64_t candidate = 0; candidate < population && static_cast<std::int64_t>(sample.size()) < count;
       ++candidate) {
    const auto wanted = static_cast<std::uint64_t>(count) - sample.size();
    if (Below(static_cast<std::uint64_t>(population - candidate)) < wanted) sample.push_back(candidate);
  }
  return sample;
}

}  // namespace cvxnn::data
