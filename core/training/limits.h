// SPDX-License-Identifier: Apache-2.0
// Limits of a spec that are not those of descent (core/descent/ranges.h), said once for core and the server.
#pragma once

#include <cstdint>

namespace cvxnn::training {

inline constexpr std::int64_t kMaxEpochs = 1'000'000'000;        ///< StoppingRule::max_epochs
inline constexpr std::int64_t kMaxRefinementRounds = 1000;       ///< Refinement::max_rounds
inline constexpr std::int64_t kMaxSearchStarts = 100'000;        ///< Refinement::search_starts
inline constexpr std::int64_t kMaxRefinementEpochs = 1'000'000;  ///< Refinement::descent_epochs
inline constexpr std::int64_t kMaxPatterns = 1'000'000;  ///< SampledPatterns::count, EnumeratedPatterns::max_count

inline constexpr double kMaxRho = 1e30;  ///< PenaltyMethod::rho

/// Values of β on a path.
inline constexpr std::int32_t kMostPathPoints = 1000;

}  // namespace cvxnn::training
