// SPDX-License-Identifier: Apache-2.0
// The kernels of few_inputs.h, compiled once for each set of instructions: the including file names the namespace, so
// that no function compiled for a newer processor can take the place of one for all. For the same reason nothing of the
// standard library but plain functions may be used here.
#ifndef CVXNN_INSTRUCTIONS
#error "define CVXNN_INSTRUCTIONS, the namespace of this copy"
#endif

#include <cstdint>
#include <cstring>

#include "core/descent/engines/few_inputs.h"

namespace cvxnn::descent::CVXNN_INSTRUCTIONS {

#ifdef __AVX2__
inline constexpr int kVectorBytes = 32;
#else
inline constexpr int kVectorBytes = 16;  // SSE2, NEON
#endif

template <typename Scalar>
struct Vector;
template <>
struct Vector<float> {
  using Type = float __attribute__((vector_size(kVectorBytes)));
  using Bits = std::int32_t __attribute__((vector_size(kVectorBytes)));
  static constexpr std::int64_t kWidth = kVectorBytes / 4;
};
template <>
struct Vector<double> {
  using Type = double __attribute__((vector_size(kVectorBytes)));
  using Bits = std::int64_t __attribute__((vector_size(kVectorBytes)));
  static constexpr std::int64_t kWidth = kVectorBytes / 8;
};

/// Rows whose outputs are summed at a time.
inline constexpr std::int64_t kTileRows = 32;

template <typename Scalar, typename Type = typename Vector<Scalar>::Type>
inline Type Load(const Scalar* from) {
  Type value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

template <typename Scalar, typename Type = typename Vector<Scalar>::Type>
inline void Store(Scalar* to, Type value) {
  std::memcpy(to, &value, sizeof value);
}

/// `value` where `sign` is above 0, else 0.
template <typename Scalar, typename Type = typename Vector<Scalar>::Type>
inline Type WherePositive(Type sign, Type value) {
  using Bits = typename Vector<Scalar>::Bits;
  return reinterpret_cast<Type>(reinterpret_cast<Bits>(value) & (sign > Type{}));
}

/// max(0, value), but NaN where `value` is NaN.
template <typename Scalar, typename Type = typename Vector<Scalar>::Type>
inline Type PositivePart(Type value) {
  using Bits = typename Vector<Scalar>::Bits;
  return reinterpret_cast<Type>(reinterpret_cast<Bits>(value) & ~(value < Type{}));
}

/// Ones in the last `count` lanes. What is left of a row after whole vectors is done with the last vector that fits,
/// whose first lanes were done before.
template <typename Scalar>
inline typename Vector<Scalar>::Bits LastLanes(std::int64_t count) {
  typename Vector<Scalar>::Bits lanes{};
  for (std::int64_t lane = Vector<Scalar>::kWidth - count; lane < Vector<Scalar>::kWidth; ++lane) lanes[lane] = -1;
  return lanes;
}

template <typename Scalar, typename Type = typename Vector<Scalar>::Type>
inline Type Where(typename Vector<Scalar>::Bits lanes, Type value) {
  return reinterpret_cast<Type>(reinterpret_cast<typename Vector<Scalar>::Bits>(value) & lanes);
}

/// A vector of neurons from `j`: their H, and what they add to the outputs.
template <typename Scalar, int kInputs, typename Type = typename Vector<Scalar>::Type>
inline void ForwardStrip(const Scalar* x, std::int64_t rows, const Scalar* first, Type output_weights,
                         std::int64_t neurons, std::int64_t j, Scalar* hidden, Type* sums) {
  Type weights[kInputs];
  for (int k = 0; k < kInputs; ++k) weights[k] = Load(first + k * neurons + j);
  for (std::int64_t i = 0; i < rows; ++i) {
    Type activation = weights[0] * x[i * kInputs];
    for (int k = 1; k < kInputs; ++k) activation += weights[k] * x[i * kInputs + k];
    activation = PositivePart<Scalar>(activation);
    Store(hidden + i * neurons + j, activation);
    sums[i] += activation * output_weights;
  }
}

template <typename Scalar, int kInputs>
void ForwardTile(const Scalar* x, std::int64_t rows, const Scalar* first, const Scalar* second, std::int64_t neurons,
                 Scalar* hidden, Scalar* outputs) {
  using Type = typename Vector<Scalar>::Type;
  constexpr std::int64_t kWidth = Vector<Scalar>::kWidth;
  Type sums[kTileRows];
  for (std::int64_t i = 0; i < rows; ++i) sums[i] = Type{};
  std::int64_t j = 0;
  for (; j + kWidth <= neurons; j += kWidth) {
    ForwardStrip<Scalar, kInputs>(x, rows, first, Load(second + j), neurons, j, hidden, sums);
  }
  if (j < neurons && neurons >= kWidth) {
    const std::int64_t last = neurons - kWidth;
    const Type output_weights = Where<Scalar>(LastLanes<Scalar>(neurons - j), Load(second + last));
    ForwardStrip<Scalar, kInputs>(x, rows, first, output_weights, neurons, last, hidden, sums);
    j = neurons;
  }
  for (std::int64_t i = 0; i < rows; ++i) {
    Scalar sum = 0;
    for (std::int64_t lane = 0; lane < kWidth; ++lane) sum += sums[i][lane];
    for (std::int64_t rest = j; rest < neurons; ++rest) {
      Scalar activation = 0;
      for (int k = 0; k < kInputs; ++k) activation += first[k * neurons + rest] * x[i * kInputs + k];
      activation = activation < 0 ? Scalar{0} : activation;
      hidden[i * neurons + rest] = activation;
      sum += activation * second[rest];
    }
    outputs[i] = sum;
  }
}

template <typename Scalar, int kInputs>
void Forward(const Scalar* x, std::int64_t rows, const Scalar* first, const Scalar* second, std::int64_t neurons,
             Scalar* hidden, Scalar* outputs) {
  for (std::int64_t begin = 0; begin < rows; begin += kTileRows) {
    const std::int64_t count = rows - begin < kTileRows ? rows - begin : kTileRows;
    ForwardTile<Scalar, kInputs>(x + begin * kInputs, count, first, second, neurons, hidden + begin * neurons,
                                 outputs + begin);
  }
}

template <typename Scalar, int kInputs>
void Backward(const Scalar* x, std::int64_t rows, const Scalar* first, const Scalar* second, std::int64_t neurons,
              const Scalar* hidden, const Scalar* residual, Scalar beta, bool add, Scalar* first_gradient,
              Scalar* second_gradient) {
  using Type = typename Vector<Scalar>::Type;
  constexpr std::int64_t kWidth = Vector<Scalar>::kWidth;
  std::int64_t j = 0;
  while (j < neurons && neurons >= kWidth) {
    // The last vector may begin among neurons that were done: replaced, their gradients come out the same; when adding,
    // nothing is added to them.
    const std::int64_t fresh = neurons - j;
    if (fresh < kWidth) j = neurons - kWidth;
    Type first_sums[kInputs];
    for (int k = 0; k < kInputs; ++k) first_sums[k] = Type{};
    Type second_sum{};
    for (std::int64_t i = 0; i < rows; ++i) {
      const Type activation = Load(hidden + i * neurons + j);
      const Type derivative = Type{} + residual[i];
      second_sum += activation * derivative;
      const Type passed = WherePositive<Scalar>(activation, derivative);
      for (int k = 0; k < kInputs; ++k) first_sums[k] += passed * x[i * kInputs + k];
    }
    // α_j is common to all rows.
    const Type output_weights = Load(second + j);
    for (int k = 0; k < kInputs; ++k) first_sums[k] *= output_weights;
    if (add && fresh < kWidth) {
      const auto lanes = LastLanes<Scalar>(fresh);
      second_sum = Where<Scalar>(lanes, second_sum);
      for (int k = 0; k < kInputs; ++k) first_sums[k] = Where<Scalar>(lanes, first_sums[k]);
    }
    Store(second_gradient + j, (add ? Load(second_gradient + j) : beta * output_weights) + second_sum);
    for (int k = 0; k < kInputs; ++k) {
      const std::int64_t place = k * neurons + j;
      Store(first_gradient + place, (add ? Load(first_gradient + place) : beta * Load(first + place)) + first_sums[k]);
    }
    j += kWidth;
  }
  for (; j < neurons; ++j) {
    Scalar first_sums[kInputs] = {};
    Scalar second_sum = 0;
    for (std::int64_t i = 0; i < rows; ++i) {
      const Scalar activation = hidden[i * neurons + j];
      second_sum += residual[i] * activation;
      if (!(activation > 0)) continue;
      for (int k = 0; k < kInputs; ++k) first_sums[k] += residual[i] * x[i * kInputs + k];
    }
    second_gradient[j] = (add ? second_gradient[j] : beta * second[j]) + second_sum;
    for (int k = 0; k < kInputs; ++k) {
      const std::int64_t place = k * neurons + j;
      first_gradient[place] = (add ? first_gradient[place] : beta * first[place]) + first_sums[k] * second[j];
    }
  }
}

template <typename Scalar>
double SumOfSquares(const Scalar* values, std::int64_t count) {
  using Type = typename Vector<Scalar>::Type;
  constexpr std::int64_t kWidth = Vector<Scalar>::kWidth;
  constexpr std::int64_t kBlock = 32;  // vectors whose squares are summed in Scalar
  double total = 0;
  std::int64_t i = 0;
  while (i + kWidth <= count) {
    const std::int64_t left = (count - i) / kWidth;
    const std::int64_t block = left < kBlock ? left : kBlock;
    Type sums[4] = {};
    std::int64_t v = 0;
    for (; v + 4 <= block; v += 4) {
      for (int s = 0; s < 4; ++s) {
        const Type value = Load(values + i + (v + s) * kWidth);
        sums[s] += value * value;
      }
    }
    for (; v < block; ++v) {
      const Type value = Load(values + i + v * kWidth);
      sums[0] += value * value;
    }
    const Type sum = (sums[0] + sums[1]) + (sums[2] + sums[3]);
    for (std::int64_t lane = 0; lane < kWidth; ++lane) total += static_cast<double>(sum[lane]);
    i += block * kWidth;
  }
  for (; i < count; ++i) total += static_cast<double>(values[i]) * static_cast<double>(values[i]);
  // Squares that Scalar cannot hold, or holds as zeros: once more in float64.
  if (total > 1e-20 && total < 1e38) return total;
  total = 0;
  for (i = 0; i < count; ++i) total += static_cast<double>(values[i]) * static_cast<double>(values[i]);
  return total;
}

template <typename Scalar, int kInputs>
std::int64_t CountActive(const Scalar* first, const Scalar* second, std::int64_t neurons) {
  using Type = typename Vector<Scalar>::Type;
  using Bits = typename Vector<Scalar>::Bits;
  constexpr std::int64_t kWidth = Vector<Scalar>::kWidth;
  Bits counts{};
  std::int64_t j = 0;
  for (; j + kWidth <= neurons; j += kWidth) {
    Bits active{};
    for (int k = 0; k < kInputs; ++k) active |= Load(first + k * neurons + j) != Type{};
    counts -= active & (Load(second + j) != Type{});
  }
  std::int64_t count = 0;
  for (std::int64_t lane = 0; lane < kWidth; ++lane) count += counts[lane];
  for (; j < neurons; ++j) {
    bool active = false;
    for (int k = 0; k < kInputs; ++k) active = active || first[k * neurons + j] != 0;
    count += active && second[j] != 0 ? 1 : 0;
  }
  return count;
}

template <typename Scalar, int kInputs>
inline constexpr FewInputKernels<Scalar> kKernelsOf = {Forward<Scalar, kInputs>, Backward<Scalar, kInputs>,
                                                       SumOfSquares<Scalar>, CountActive<Scalar, kInputs>};

template <typename Scalar>
FewInputKernels<Scalar> Choose(std::int64_t inputs) {
  static constexpr FewInputKernels<Scalar> kKernels[] = {
      kKernelsOf<Scalar, 1>, kKernelsOf<Scalar, 2>, kKernelsOf<Scalar, 3>, kKernelsOf<Scalar, 4>,
      kKernelsOf<Scalar, 5>, kKernelsOf<Scalar, 6>, kKernelsOf<Scalar, 7>, kKernelsOf<Scalar, 8>,
  };
  static_assert(sizeof kKernels / sizeof kKernels[0] == kFewInputs);
  return kKernels[inputs - 1];
}

}  // namespace cvxnn::descent::CVXNN_INSTRUCTIONS
