// SPDX-License-Identifier: Apache-2.0
// A random stream that is the same with every standard library: std::mt19937_64 is specified bit by bit, but the
// distributions of <random> are not, so uniform and normal numbers are made here.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

namespace cvxnn::data {

/// What a seed's numbers are for. Generators use RandomStream(seed) itself.
enum class StreamPurpose : std::uint64_t {
  kInitialWeights = 1,
  kInitialGates = 2,  ///< of descent
  kRowOrder = 3,
  kPatternGates = 4,  ///< of sampled activation patterns
  kSubsetRows = 5,
  kSplitRows = 6,
  kPatternSearch = 7,  ///< starts of refinement's search for missing patterns
};

/// Not thread-safe.
class RandomStream {
 public:
  explicit RandomStream(std::uint64_t seed) : engine_(seed) {}

  /// Uniform on [0, 1), 53 bits.
  double Uniform();
  /// Standard normal, by Box and Muller; draws come in pairs.
  double Normal();
  /// Uniform on {0, …, bound - 1}, bound >= 1; without bias (rejection).
  std::uint64_t Below(std::uint64_t bound);
  /// `count` different numbers of {0, …, population - 1}, ascending; 0 <= count <= population.
  std::vector<std::int64_t> SampleSorted(std::int64_t population, std::int64_t count);

 private:
  std::mt19937_64 engine_;
  double spare_normal_ = 0;
  bool has_spare_normal_ = false;
};

/// A stream of its own for each (seed, purpose, trial, epoch), so that what is drawn for one purpose is independent of
/// what is drawn for another with the same seed: seeds are often equal, since all default to 0.
RandomStream StreamOf(std::uint64_t seed, StreamPurpose purpose, std::int64_t trial = 0, std::int64_t epoch = 0);

}  // namespace cvxnn::data
