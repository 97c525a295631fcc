// SPDX-License-Identifier: Apache-2.0
// A data set as training sees it: a training part and a test part, each features X (n×d) with targets Y (n×c), and a
// description of what the numbers mean and how they came to be.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/data/matrix.h"
#include "core/data/transform.h"

namespace cvxnn::data {

/// What the targets mean; decides how accuracy is counted.
enum class Task {
  kRegression,  ///< Y is n×c real values; accuracy has no meaning and is absent
  kBinary,      ///< Y is n×1 of -1 and +1; predicted class is the sign (0 counts as +1)
  kMulticlass,  ///< Y is n×c one-hot (0/1), c >= 2; predicted class is the largest output
};

/// Shape of one row when it is an image stored channel by channel, row by row (CIFAR-10: 3×32×32).
struct ImageShape {
  std::int64_t channels = 0;
  std::int64_t height = 0;
  std::int64_t width = 0;
};

/// Features with their targets. Invariant of a valid part: equal row counts, every value finite.
struct Part {
  Matrix features;  ///< n×d
  Matrix targets;   ///< n×c
  std::int64_t rows() const { return features.rows(); }
};

/// Everything about a data set but its numbers.
struct Description {
  Task task = Task::kRegression;
  std::string source;  ///< where it came from, e.g. "csv iris.csv" or "generated two_spirals seed=1"
  std::vector<std::string> feature_names;  ///< d names, or empty when unnamed
  std::vector<std::string> target_names;   ///< regression: c names, or empty
  std::vector<std::string> class_names;    ///< binary: {negative, positive}; multiclass: c names in column order
  /// Set while the columns still are pixels (a bias column may follow them): c·h·w = d, or d - 1 with a bias column.
  std::optional<ImageShape> image_shape;
  bool has_bias_column = false;  ///< the last column is the constant 1
  /// Transforms in the order applied, each with what it learned from the training rows.
  std::vector<FittedTransform> transforms;
};

struct Dataset {
  Part train;
  Part test;  ///< 0 rows when there is no test part
  Description description;
};

}  // namespace cvxnn::data
