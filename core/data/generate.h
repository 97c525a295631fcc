// SPDX-License-Identifier: Apache-2.0
// Synthetic data sets. The same spec gives the same numbers on every run and platform up to the last digits of libm:
// randomness is std::mt19937_64 started with the seed, turned into uniform and normal numbers by core/data/random.h.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <string>
#include <variant>

#include "core/data/dataset.h"
#include "core/data/should_stop.h"

namespace cvxnn::data {

/// Most elements (rows × (columns + targets), both parts) that Generate makes: 2 GiB of float64.
inline constexpr std::int64_t kMaxGeneratedElements = std::int64_t{1} << 28;
/// Most products that targets of a planted network may take: rows of both parts × columns × neurons.
inline constexpr double kMaxPlantedProducts = 1e12;

/// How Gaussian rows get their label.
enum class GaussianLabels {
  kOutsideUnitBall,  ///< +1 where ‖x‖₂ > 1, else -1
  kSign,             ///< the sign of the first coordinate
  kRandomSign,       ///< ±1 with equal chance, independent of x
};

/// x ~ N(0, I_d), i.i.d.; binary.
struct GaussianGenerator {
  std::int64_t rows = 100;   ///< n, >= 2
  std::int64_t columns = 2;  ///< d, >= 1
  GaussianLabels labels = GaussianLabels::kOutsideUnitBall;
};

/// y = sin(frequency · x), x equally spaced on [-1, 1] with both ends, and a bias column: n×2; regression. Test rows
/// are equally spaced likewise. Uses no randomness. The bias column is recorded as a transform, so rows sent for
/// prediction have one column.
struct SineGenerator {
  std::int64_t rows = 10;  ///< n, >= 2
  double frequency = 10;   ///< radians per unit of x, finite and not 0
};

/// Two interleaved Archimedean spirals in the plane; binary. A point of arm a in {0, 1}: t = √U(0, 1), angle 2π·turns·t
/// + aπ, radius t, plus N(0, noise²) on each coordinate. Rows alternate between the arms (-1 first).
struct TwoSpiralsGenerator {
  std::int64_t rows = 200;  ///< n, >= 2
  double turns = 1.5;       ///< in (0, 20]
  double noise = 0.0;       ///< >= 0
};

/// `centers` Gaussian clusters; multiclass. Centres ~ N(0, separation² I_d), rows ~ N(centre, spread² I_d), row i
/// belongs to class i mod centers. Class names are blob_0, blob_1, …
struct BlobsGenerator {
  std::int64_t rows = 100;   ///< n, >= centers
  std::int64_t columns = 2;  ///< d, >= 1
  std::int64_t centers = 3;  ///< in [2, 1000]
  double separation = 3.0;   ///< > 0
  double spread = 1.0;       ///< > 0
};

/// y = Σ_j (xᵀu_j)₊ α_j + noise·N(0, 1) with x ~ N(0, I_d), u_j ~ N(0, I_d / d), α_j = ±1/√neurons; regression.
struct PlantedNetworkGenerator {
  std::int64_t rows = 100;    ///< n, >= 1
  std::int64_t columns = 10;  ///< d, >= 1
  std::int64_t neurons = 10;  ///< m, in [1, 100000]
  double noise = 0.0;         ///< standard deviation, >= 0
};

struct GeneratorSpec {
  std::variant<GaussianGenerator, SineGenerator, TwoSpiralsGenerator, BlobsGenerator, PlantedNetworkGenerator>
      generator;
  std::int64_t test_rows = 0;  ///< rows of the test part, drawn after the training rows from the same stream, >= 0
  std::uint64_t seed = 0;
};

/// float64 data set of finite numbers. INVALID_ARGUMENT names field, value and range ("blobs.centers = 1: must be in
/// [2, 1000]"); also when what was drawn is not finite (deviations near the largest double), or when the draw left a
/// class without training rows (‖x‖ > 1 is nearly certain for d above 10). CANCELLED when `should_stop` says so between
/// blocks of rows.
absl::StatusOr<Dataset> Generate(const GeneratorSpec& spec, const ShouldStop& should_stop = {});

/// "gaussian", "sine", "two_spirals", "blobs", "planted_network".
std::string GeneratorName(const GeneratorSpec& spec);

}  // namespace cvxnn::data
