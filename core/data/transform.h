// SPDX-License-Identifier: Apache-2.0
// Transforms of a data set: what is asked for (the spec) and what was learned from the training rows (the fit). Fitting
// looks at training rows only; the test part and rows sent for prediction are transformed with the same fit.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace cvxnn::data {

/// How class labels become targets.
enum class LabelEncoding {
  kPlusMinusOne,  ///< exactly two classes: first listed -> -1, second -> +1
  kOneHot,        ///< c >= 2 classes: n×c columns of 0/1 in the order listed
};

/// Keep the rows of the named classes and relabel them. Empty `classes` keeps all classes, in their present order.
struct SelectClasses {
  std::vector<std::string> classes;
  LabelEncoding encoding = LabelEncoding::kOneHot;
};

/// Keep at most `rows_per_class` rows of each class (>= 1), of the training part and, when `test_rows_per_class` > 0,
/// that many of the test part; drawn with `seed`, order kept.
struct SubsetPerClass {
  std::int64_t rows_per_class = 0;
  std::int64_t test_rows_per_class = 0;
  std::uint64_t seed = 0;
};

/// Move a share of the training rows into the test part, stratified by class (plain for regression).
/// Refused when a test part is already there. `test_fraction` in (0, 1); every class keeps >= 1 row on each side.
struct TrainTestSplit {
  double test_fraction = 0.2;
  std::uint64_t seed = 0;
};

/// x -> x / divisor; divisor finite and not 0 (255 for pixels).
struct DivideBy {
  double divisor = 255.0;
};

/// Per image channel: (x - mean) / standard deviation over the training rows. Needs an image shape.
struct NormalizeChannels {};

/// Per column: (x - mean) / standard deviation over the training rows; constant columns only lose their mean.
struct Standardize {};

/// Project on the first `components` principal directions of the centred training rows (1 <= k <= min(n, d)).
struct PrincipalComponents {
  std::int64_t components = 0;
};

/// Append a column of ones; at most once, and nothing that changes columns may follow it.
struct AppendBias {};

using Transform = std::variant<SelectClasses, SubsetPerClass, TrainTestSplit, DivideBy, NormalizeChannels, Standardize,
                               PrincipalComponents, AppendBias>;

/// A transform and what it learned. Rows sent for prediction go through the column transforms only (row selection and
/// relabelling are skipped).
struct FittedTransform {
  Transform spec;
  std::vector<double> mean;   ///< per channel, column, or input column of the projection; empty when not learned
  std::vector<double> scale;  ///< divisor per channel or column; empty when not learned
  /// PrincipalComponents only: d×k projection, row-major.
  std::vector<double> projection;
};

/// Name used in messages and in files: "select_classes", "subset_per_class", "train_test_split", "divide_by",
/// "normalize_channels", "standardize", "principal_components", "append_bias".
std::string TransformName(const Transform& transform);

}  // namespace cvxnn::data
