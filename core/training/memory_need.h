// SPDX-License-Identifier: Apache-2.0
// What training will hold at its peak, in closed form from a spec and the sizes of its data: known before any of it is
// allocated, and before the data are read.
#pragma once

#include <cstdint>

#include "core/network/network.h"
#include "core/training/spec.h"

namespace cvxnn::training {

/// Sizes of a data set as it is stored.
struct DataSizes {
  std::int64_t rows = 0;           ///< n, of the training part
  std::int64_t test_rows = 0;      ///< n'
  std::int64_t inputs = 0;         ///< d
  std::int64_t outputs = 0;        ///< c
  std::int64_t feature_bytes = 8;  ///< of one number of the features: 4 or 8
  std::int64_t target_bytes = 8;   ///< of one number of the targets
};

/// What a spec says by naming something stored. Zero or unset where it does not.
struct NamedSizes {
  std::int64_t gates = 0;          ///< neurons of ModelPatterns::model, or rows of GivenPatterns::dataset
  std::int64_t start_neurons = 0;  ///< of the models that descent starts from
  Activation start_activation = Activation::kRelu;
};

/// Unit: bytes.
struct MemoryNeed {
  double data = 0;    ///< the arrays of the data set on the host, shared by all who train on them
  double host = 0;    ///< on the host beside them
  double device = 0;  ///< on the device of the spec; of the CPU 0, all is `host` there
  /// More where `device` (on the CPU: `host`) is, which makes training faster where there is room: the n×n kernel of
  /// ADMM and its factor, without which it goes by conjugate gradients.
  double optional = 0;
};

/// Of a valid spec. Not in it: patterns that refinement adds, and the networks of a path, whose sizes the solutions
/// decide. Of EnumeratedPatterns the bound on their number counts, for rows in general position.
MemoryNeed EstimateMemory(const Spec& spec, const DataSizes& sizes, const NamedSizes& named = {});

}  // namespace cvxnn::training
