// SPDX-License-Identifier: Apache-2.0
// The numbers behind each generator; see generate.h for the formulas.
#include "core/data/generator_formulas.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

namespace cvxnn::data {
namespace {

// Numbers drawn between two looks at the stop flag.
constexpr std::int64_t kNumbersPerLook = 1 << 16;

// rows×columns standard normal numbers, drawn row by row.
RowMajor<double> NormalMatrix(std::int64_t rows, std::int64_t columns, RandomStream* random, StopFlag* stop) {
  RowMajor<double> values(rows, columns);
  for (Eigen::Index i = 0; i < values.size(); ++i) {
    if (i % kNumbersPerLook == 0 && stop->Poll()) break;
    values.data()[i] = random->Normal();
  }
  return values;
}

}  // namespace

LabelledRows GaussianRows(const GaussianGenerator& spec, std::int64_t rows, RandomStream* random, StopFlag* stop) {
  LabelledRows result;
  result.features = NormalMatrix(rows, spec.columns, random, stop);
  result.classes.resize(static_cast<std::size_t>(rows));
  for (std::int64_t row = 0; row < rows; ++row) {
    bool positive = false;
    switch (spec.labels) {
      case GaussianLabels::kOutsideUnitBall:
        positive = result.features.row(row).norm() > 1.0;
        break;
      case GaussianLabels::kSign:
        positive = result.features(row, 0) >= 0;
        break;
      case GaussianLabels::kRandomSign:
        positive = random->Uniform() < 0.5;
        break;
    }
    result.classes[static_cast<std::size_t>(row)] = positive ? 1 : 0;
  }
  return result;
}

LabelledRows SpiralRows(const TwoSpiralsGenerator& spec, std::int64_t rows, RandomStream* random, StopFlag* stop) {
  LabelledRows result{RowMajor<double>(rows, 2), std::vector<std::int64_t>(static_cast<std::size_t>(rows))};
  for (std::int64_t row = 0; row < rows; ++row) {
    if (row % kNumbersPerLook == 0 && stop->Poll()) break;
    const std::int64_t arm = row % 2;
    // The square root spreads the points evenly along the arm, whose length grows with t².
    const double t = std::sqrt(random->Uniform());
    const double angle = std::numbers::pi * (2.0 * spec.turns * t + static_cast<double>(arm));
    result.features(row, 0) = t * std::cos(angle) + spec.noise * random->Normal();
    result.features(row, 1) = t * std::sin(angle) + spec.noise * random->Normal();
    result.classes[static_cast<std::size_t>(row)] = arm;
  }
  return result;
}

RowMajor<double> DrawCenters(const BlobsGenerator& spec, RandomStream* random, StopFlag* stop) {
  return spec.separation * NormalMatrix(spec.centers, spec.columns, random, stop);
}

LabelledRows BlobRows(const BlobsGenerator& spec, const RowMajor<double>& centers, std::int64_t rows,
                      RandomStream* random, StopFlag* stop) {
  LabelledRows result{spec.spread * NormalMatrix(rows, spec.columns, random, stop),
                      std::vector<std::int64_t>(static_cast<std::size_t>(rows))};
  for (std::int64_t row = 0; row < rows; ++row) {
    const std::int64_t label = row % spec.centers;
    result.features.row(row) += centers.row(label);
    result.classes[static_cast<std::size_t>(row)] = label;
  }
  return result;
}

Part SinePart(const SineGenerator& spec, std::int64_t rows) {
  RowMajor<double> x(rows, 1);
  RowMajor<double> y(rows, 1);
  const double last = static_cast<double>(std::max<std::int64_t>(rows - 1, 1));
  for (std::int64_t row = 0; row < rows; ++row) {
    x(row, 0) = -1.0 + 2.0 * static_cast<double>(row) / last;
    y(row, 0) = std::sin(spec.frequency * x(row, 0));
  }
  return {Matrix(std::move(x)), Matrix(std::move(y))};
}

PlantedNetwork DrawPlantedNetwork(const PlantedNetworkGenerator& spec, RandomStream* random, StopFlag* stop) {
  PlantedNetwork network;
  network.first_layer =
      NormalMatrix(spec.neurons, spec.columns, random, stop).transpose() / std::sqrt(static_cast<double>(spec.columns));
  network.output.resize(spec.neurons);
  const double magnitude = 1.0 / std::sqrt(static_cast<double>(spec.neurons));
  for (double& weight : network.output) weight = random->Uniform() < 0.5 ? -magnitude : magnitude;
  return network;
}

Part PlantedPart(const PlantedNetwork& network, double noise, std::int64_t rows, RandomStream* random, StopFlag* stop) {
  RowMajor<double> x = NormalMatrix(rows, network.first_layer.rows(), random, stop);
  RowMajor<double> y(rows, 1);
  // In blocks, so that the hidden layer never takes n×m memory.
  constexpr std::int64_t kBlock = 256;
  for (std::int64_t start = 0; start < rows && !stop->Poll(); start += kBlock) {
    const std::int64_t count = std::min(kBlock, rows - start);
    const Eigen::MatrixXd hidden = (x.middleRows(start, count) * network.first_layer).cwiseMax(0.0);
    y.middleRows(start, count) = hidden * network.output;
  }
  for (std::int64_t row = 0; row < rows; ++row) y(row, 0) += noise * random->Normal();
  return {Matrix(std::move(x)), Matrix(std::move(y))};
}

}  // namespace cvxnn::data
