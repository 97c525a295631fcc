// SPDX-License-Identifier: Apache-2.0
// A small data set for the tests of training: points in the plane with a bias column, labelled by the sign of a
// product.
#pragma once

#include <cmath>
#include <cstdint>

#include "core/data/dataset.h"

namespace cvxnn::training {

inline data::Part SmallPart(std::int64_t rows, double phase) {
  data::RowMajor<double> x(rows, 3), y(rows, 1);
  for (std::int64_t i = 0; i < rows; ++i) {
    const double t = static_cast<double>(i) + phase;
    x.row(i) << std::sin(1.7 * t), std::cos(2.9 * t + 1), 1;
    y(i, 0) = x(i, 0) * x(i, 1) >= 0 ? 1 : -1;
  }
  return {data::Matrix(x), data::Matrix(y)};
}

/// 24 training and 10 test rows of 3 columns, binary.
inline data::Dataset SmallDataset() {
  data::Dataset dataset;
  dataset.train = SmallPart(24, 0);
  dataset.test = SmallPart(10, 0.5);
  dataset.description.task = data::Task::kBinary;
  dataset.description.class_names = {"no", "yes"};
  dataset.description.has_bias_column = true;
  return dataset;
}

/// The same features with one-hot targets of 3 classes.
inline data::Dataset SmallMulticlassDataset() {
  data::Dataset dataset = SmallDataset();
  const auto relabel = [](data::Part& part) {
    data::RowMajor<double> y = data::RowMajor<double>::Zero(part.rows(), 3);
    for (std::int64_t i = 0; i < part.rows(); ++i) {
      const double score = part.features.at(i, 0) + 0.5 * part.features.at(i, 1);
      y(i, score < -0.4 ? 0 : (score < 0.4 ? 1 : 2)) = 1;
    }
    part.targets = data::Matrix(y);
  };
  relabel(dataset.train);
  relabel(dataset.test);
  dataset.description.task = data::Task::kMulticlass;
  dataset.description.class_names = {"low", "middle", "high"};
  return dataset;
}

}  // namespace cvxnn::training
