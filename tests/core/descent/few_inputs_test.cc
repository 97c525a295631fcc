// SPDX-License-Identifier: Apache-2.0
// The kernels for few inputs against plain sums in float64, over sizes that leave rests of every kind.
#include "core/descent/engines/few_inputs.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <type_traits>
#include <vector>

namespace cvxnn::descent {
namespace {

template <typename Scalar>
struct KernelCase {
  KernelCase(std::int64_t rows_in, std::int64_t inputs_in, std::int64_t neurons_in)
      : rows(rows_in), inputs(inputs_in), neurons(neurons_in) {
    std::mt19937 random(7);
    std::normal_distribution<double> normal;
    for (auto* values : {&x, &first, &second, &residual}) {
      const std::int64_t size = values == &x          ? rows * inputs
                                : values == &first    ? inputs * neurons
                                : values == &residual ? rows
                                                      : neurons;
      for (std::int64_t i = 0; i < size; ++i) values->push_back(static_cast<Scalar>(normal(random)));
    }
  }

  double Activation(std::int64_t i, std::int64_t j) const {
    double sum = 0;
    for (std::int64_t k = 0; k < inputs; ++k) {
      sum += static_cast<double>(x[static_cast<std::size_t>(i * inputs + k)]) *
             static_cast<double>(first[static_cast<std::size_t>(k * neurons + j)]);
    }
    return std::max(sum, 0.0);
  }

  std::int64_t rows, inputs, neurons;
  std::vector<Scalar> x, first, second, residual;
};

template <typename Scalar>
class FewInputs : public testing::Test {};
using Scalars = testing::Types<float, double>;
TYPED_TEST_SUITE(FewInputs, Scalars);

TYPED_TEST(FewInputs, PassesEqualPlainSums) {
  using Scalar = TypeParam;
  const double tolerance = std::is_same_v<Scalar, float> ? 1e-4 : 1e-12;
  for (std::int64_t inputs = 1; inputs <= kFewInputs; ++inputs) {
    const FewInputKernels<Scalar> kernels = KernelsForInputs<Scalar>(inputs);
    for (const std::int64_t rows : {1, 10, 32, 33, 70}) {
      for (const std::int64_t neurons : {1, 4, 7, 8, 11, 16, 50}) {
        SCOPED_TRACE(testing::Message() << rows << "x" << inputs << ", " << neurons << " neurons");
        const KernelCase<Scalar> c(rows, inputs, neurons);
        std::vector<Scalar> hidden(static_cast<std::size_t>(rows * neurons), Scalar{-9});
        std::vector<Scalar> outputs(static_cast<std::size_t>(rows), Scalar{-9});
        kernels.forward(c.x.data(), rows, c.first.data(), c.second.data(), neurons, hidden.data(), outputs.data());
        // Gradients are added to what is there, or to a share of the weights.
        std::vector<Scalar> first_gradient(static_cast<std::size_t>(inputs * neurons), Scalar{1});
        std::vector<Scalar> second_gradient(static_cast<std::size_t>(neurons), Scalar{2});
        kernels.backward(c.x.data(), rows, c.first.data(), c.second.data(), neurons, hidden.data(), c.residual.data(),
                         Scalar{9}, true, first_gradient.data(), second_gradient.data());
        std::vector<Scalar> first_replaced(first_gradient.size(), Scalar{-9});
        std::vector<Scalar> second_replaced(second_gradient.size(), Scalar{-9});
        kernels.backward(c.x.data(), rows, c.first.data(), c.second.data(), neurons, hidden.data(), c.residual.data(),
                         Scalar{0.5}, false, first_replaced.data(), second_replaced.data());
        for (std::size_t k = 0; k < first_gradient.size(); ++k) {
          const double expected = static_cast<double>(first_gradient[k]) - 1 + 0.5 * static_cast<double>(c.first[k]);
          ASSERT_NEAR(static_cast<double>(first_replaced[k]), expected, tolerance * (1 + std::abs(expected)));
        }
        for (std::size_t k = 0; k < second_gradient.size(); ++k) {
          const double expected = static_cast<double>(second_gradient[k]) - 2 + 0.5 * static_cast<double>(c.second[k]);
          ASSERT_NEAR(static_cast<double>(second_replaced[k]), expected, tolerance * (1 + std::abs(expected)));
        }

        std::vector<double> output(static_cast<std::size_t>(rows), 0.0);
        for (std::int64_t j = 0; j < neurons; ++j) {
          const auto column = static_cast<std::size_t>(j);
          double second_sum = 2;
          std::vector<double> first_sum(static_cast<std::size_t>(inputs), 1.0);
          for (std::int64_t i = 0; i < rows; ++i) {
            const auto row = static_cast<std::size_t>(i);
            const double activation = c.Activation(i, j);
            const double residual = static_cast<double>(c.residual[row]);
            const double weight = static_cast<double>(c.second[column]);
            ASSERT_NEAR(static_cast<double>(hidden[row * static_cast<std::size_t>(neurons) + column]), activation,
                        tolerance);
            output[row] += activation * weight;
            second_sum += residual * activation;
            for (std::size_t k = 0; activation > 0 && k < first_sum.size(); ++k) {
              first_sum[k] += residual * weight * static_cast<double>(c.x[row * first_sum.size() + k]);
            }
          }
          ASSERT_NEAR(static_cast<double>(second_gradient[column]), second_sum, tolerance * (1 + std::abs(second_sum)));
          for (std::size_t k = 0; k < first_sum.size(); ++k) {
            ASSERT_NEAR(static_cast<double>(first_gradient[k * static_cast<std::size_t>(neurons) + column]),
                        first_sum[k], tolerance * (1 + std::abs(first_sum[k])));
          }
        }
        for (std::size_t i = 0; i < output.size(); ++i) {
          ASSERT_NEAR(static_cast<double>(outputs[i]), output[i], tolerance * (1 + std::abs(output[i])));
        }
      }
    }
  }
}

TYPED_TEST(FewInputs, SumSquaresOfAnySize) {
  using Scalar = TypeParam;
  const FewInputKernels<Scalar> kernels = KernelsForInputs<Scalar>(1);
  const double tolerance = std::is_same_v<Scalar, float> ? 1e-6 : 1e-14;
  const double largest = static_cast<double>(std::numeric_limits<Scalar>::max());
  for (const double scale : {1.0, 1e-30, std::sqrt(largest), 0.0}) {
    for (std::size_t count = 0; count < 600; count += count < 40 ? 1 : 37) {
      std::vector<Scalar> values;
      double expected = 0;
      for (std::size_t i = 0; i < count; ++i) {
        values.push_back(static_cast<Scalar>(scale * std::sin(static_cast<double>(i * i))));
        expected += static_cast<double>(values.back()) * static_cast<double>(values.back());
      }
      const double sum = kernels.sum_of_squares(values.data(), static_cast<std::int64_t>(count));
      if (std::isfinite(expected)) {
        ASSERT_NEAR(sum, expected, tolerance * expected) << count << " of " << scale;
      } else {
        ASSERT_EQ(sum, expected);
      }
    }
  }
  std::vector<Scalar> values(50, Scalar{1});
  for (const std::size_t place : {0, 31, 49}) {
    for (const Scalar bad : {std::numeric_limits<Scalar>::quiet_NaN(), -std::numeric_limits<Scalar>::infinity()}) {
      values[place] = bad;
      EXPECT_FALSE(std::isfinite(kernels.sum_of_squares(values.data(), 50)));
      values[place] = 1;
    }
  }
}

TYPED_TEST(FewInputs, CountNeuronsWithBothSidesNonZero) {
  using Scalar = TypeParam;
  for (std::int64_t inputs = 1; inputs <= kFewInputs; ++inputs) {
    for (const std::int64_t neurons : {1, 4, 7, 8, 50}) {
      // Column j of U has one entry that is not zero, tiny, unless j mod 3 = 0; α_j is zero where j mod 5 = 0.
      std::vector<Scalar> first(static_cast<std::size_t>(inputs * neurons)), second(static_cast<std::size_t>(neurons));
      std::int64_t expected = 0;
      for (std::int64_t j = 0; j < neurons; ++j) {
        if (j % 3 != 0) {
          first[static_cast<std::size_t>((j % inputs) * neurons + j)] = -std::numeric_limits<Scalar>::min();
        }
        if (j % 5 != 0) second[static_cast<std::size_t>(j)] = 1;
        expected += j % 3 != 0 && j % 5 != 0 ? 1 : 0;
      }
      const FewInputKernels<Scalar> kernels = KernelsForInputs<Scalar>(inputs);
      EXPECT_EQ(kernels.count_active(first.data(), second.data(), neurons), expected);
    }
  }
}

TYPED_TEST(FewInputs, KeepNaN) {
  using Scalar = TypeParam;
  const FewInputKernels<Scalar> kernels = KernelsForInputs<Scalar>(1);
  const Scalar nan = std::numeric_limits<Scalar>::quiet_NaN();
  const std::vector<Scalar> x = {1}, first(9, nan), second(9, Scalar{1});
  std::vector<Scalar> hidden(9), outputs(1);
  kernels.forward(x.data(), 1, first.data(), second.data(), 9, hidden.data(), outputs.data());
  EXPECT_TRUE(std::isnan(outputs[0]));
  const std::vector<Scalar> good(9, Scalar{1}), bad(9, nan);
  kernels.forward(x.data(), 1, good.data(), bad.data(), 9, hidden.data(), outputs.data());
  EXPECT_TRUE(std::isnan(outputs[0]));
}

}  // namespace
}  // namespace cvxnn::descent
