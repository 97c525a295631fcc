// SPDX-License-Identifier: Apache-2.0
// The numbers behind each generator; generate.h gives the formulas. Specs are checked before they come here. `stop` is
// asked every few thousand numbers; what is given after a yes is not finished, and the caller drops it.
#pragma once

#include <cstdint>
#include <vector>

#include "core/data/generate.h"
#include "core/data/random.h"
#include "core/data/should_stop.h"

namespace cvxnn::data {

/// n×d rows with a class number each.
struct LabelledRows {
  RowMajor<double> features;
  std::vector<std::int64_t> classes;
};

/// First layer d×m and output weights m.
struct PlantedNetwork {
  Eigen::MatrixXd first_layer;
  Eigen::VectorXd output;
};

LabelledRows GaussianRows(const GaussianGenerator& spec, std::int64_t rows, RandomStream* random, StopFlag* stop);
LabelledRows SpiralRows(const TwoSpiralsGenerator& spec, std::int64_t rows, RandomStream* random, StopFlag* stop);
/// centers×d.
RowMajor<double> DrawCenters(const BlobsGenerator& spec, RandomStream* random, StopFlag* stop);
LabelledRows BlobRows(const BlobsGenerator& spec, const RowMajor<double>& centers, std::int64_t rows,
                      RandomStream* random, StopFlag* stop);
/// n×1 features, without the bias column; a single row is at x = -1.
Part SinePart(const SineGenerator& spec, std::int64_t rows);
PlantedNetwork DrawPlantedNetwork(const PlantedNetworkGenerator& spec, RandomStream* random, StopFlag* stop);
Part PlantedPart(const PlantedNetwork& network, double noise, std::int64_t rows, RandomStream* random, StopFlag* stop);

}  // namespace cvxnn::data
