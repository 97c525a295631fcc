// SPDX-License-Identifier: Apache-2.0
// Column transforms: fit and apply; see column_transforms.h.
#include "core/data/column_transforms.h"

#include <absl/strings/str_cat.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "core/data/field_check.h"
#include "core/data/principal_components.h"

namespace cvxnn::data {
namespace {

absl::Status ColumnsDoNotFit(std::int64_t columns, std::int64_t expected) {
  return absl::InvalidArgumentError(absl::StrCat("rows have ", columns, " columns: must have ", expected));
}

// (x - mean) / scale, with one mean and scale for each group of neighbouring columns.
absl::Status Shift(const std::vector<double>& mean, const std::vector<double>& scale, Matrix* rows) {
  const auto groups = static_cast<std::int64_t>(mean.size());
  if (groups == 0 || scale.size() != mean.size() || rows->cols() % groups != 0) {
    return ColumnsDoNotFit(rows->cols(), groups);
  }
  const std::int64_t width = rows->cols() / groups;
  rows->Visit([&](auto& values) {
    using Scalar = typename std::decay_t<decltype(values)>::Scalar;
    for (Eigen::Index row = 0; row < values.rows(); ++row) {
      Scalar* x = values.data() + row * values.cols();
      for (std::size_t group = 0; group < mean.size(); ++group) {
        for (std::int64_t i = 0; i < width; ++i, ++x) {
          *x = static_cast<Scalar>((static_cast<double>(*x) - mean[group]) / scale[group]);
        }
      }
    }
  });
  return absl::OkStatus();
}

void Divide(double divisor, Matrix* rows) {
  rows->Visit([&](auto& values) {
    using Scalar = typename std::decay_t<decltype(values)>::Scalar;
    values = values.unaryExpr([divisor](Scalar x) { return static_cast<Scalar>(static_cast<double>(x) / divisor); });
  });
}

/// In place: large storage grows by realloc, which moves pages instead of bytes, and rows move within it, the last
/// first. A second copy of the data is never held.
void AppendOnes(Matrix* rows) {
  rows->Visit([](auto& values) {
    using Scalar = typename std::decay_t<decltype(values)>::Scalar;
    const Eigen::Index count = values.rows(), columns = values.cols();
    // Resizing keeps the values while their number stays the same, and storage of one column grows at its end.
    values.resize(count * columns, 1);
    values.conservativeResize(count * (columns + 1), 1);
    Scalar* const data = values.data();
    for (Eigen::Index row = count; row-- > 0;) {
      Scalar* const to = data + row * (columns + 1);
      std::memmove(to, data + row * columns, static_cast<std::size_t>(columns) * sizeof(Scalar));
      to[columns] = 1;
    }
    values.resize(count, columns + 1);
  });
}

absl::StatusOr<FittedTransform> Fit(const DivideBy& spec, const Matrix&, const Description&, StopFlag*) {
  if (!std::isfinite(spec.divisor) || spec.divisor == 0) {
    return FieldError("divisor", spec.divisor, "finite and not 0");
  }
  return FittedTransform{spec, {}, {}, {}};
}

/// INVALID_ARGUMENT naming the first column or channel whose mean or spread float64 cannot hold.
absl::Status CheckMoments(const FittedTransform& fitted, const char* what) {
  for (std::size_t i = 0; i < fitted.mean.size(); ++i) {
    if (std::isfinite(fitted.mean[i]) && std::isfinite(fitted.scale[i]) && fitted.scale[i] > 0) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(what, " ", i, ": its mean or standard deviation is too large for float64; scale the data down"));
  }
  return absl::OkStatus();
}

absl::StatusOr<FittedTransform> Fit(const NormalizeChannels& spec, const Matrix& features,
                                    const Description& description, StopFlag*) {
  if (!description.image_shape) {
    return absl::InvalidArgumentError("image_shape is missing: must be a data set of images (channels, height, width)");
  }
  FittedTransform fitted{spec, {}, {}, {}};
  FitMoments(features, description.image_shape->height * description.image_shape->width, &fitted.mean, &fitted.scale);
  if (absl::Status status = CheckMoments(fitted, "channel"); !status.ok()) return status;
  return fitted;
}

absl::StatusOr<FittedTransform> Fit(const Standardize& spec, const Matrix& features, const Description&, StopFlag*) {
  FittedTransform fitted{spec, {}, {}, {}};
  FitMoments(features, 1, &fitted.mean, &fitted.scale);
  if (absl::Status status = CheckMoments(fitted, "column"); !status.ok()) return status;
  return fitted;
}

absl::StatusOr<FittedTransform> Fit(const PrincipalComponents& spec, const Matrix& features, const Description&,
                                    StopFlag* stop) {
  FittedTransform fitted{spec, {}, {}, {}};
  absl::Status status = FitPrincipalComponents(features, spec.components, &fitted.mean, &fitted.projection, stop);
  if (!status.ok()) return status;
  return fitted;
}

absl::StatusOr<FittedTransform> Fit(const AppendBias& spec, const Matrix&, const Description&, StopFlag*) {
  return FittedTransform{spec, {}, {}, {}};
}

template <typename RowTransform>
absl::StatusOr<FittedTransform> Fit(const RowTransform& spec, const Matrix&, const Description&, StopFlag*) {
  return FittedTransform{spec, {}, {}, {}};
}

}  // namespace

bool IsColumnTransform(const Transform& transform) {
  return !std::holds_alternative<SelectClasses>(transform) && !std::holds_alternative<SubsetPerClass>(transform) &&
         !std::holds_alternative<TrainTestSplit>(transform);
}

bool IsFitted(const Transform& transform) {
  return std::holds_alternative<NormalizeChannels>(transform) || std::holds_alternative<Standardize>(transform) ||
         std::holds_alternative<PrincipalComponents>(transform);
}

void FitMoments(const Matrix& features, std::int64_t columns_per_group, std::vector<double>* mean,
                std::vector<double>* scale) {
  const auto groups = static_cast<std::size_t>(features.cols() / columns_per_group);
  const double count = static_cast<double>(features.rows()) * static_cast<double>(columns_per_group);
  std::vector<double> least(groups, std::numeric_limits<double>::infinity());
  std::vector<double> largest(groups, -std::numeric_limits<double>::infinity());
  std::vector<double> squares(groups, 0.0);
  mean->assign(groups, 0.0);
  scale->assign(groups, 1.0);
  features.Visit([&](const auto& values) {
    const auto for_each_value = [&](auto&& use) {
      for (Eigen::Index row = 0; row < values.rows(); ++row) {
        const auto* x = values.data() + row * values.cols();
        for (std::size_t group = 0; group < groups; ++group) {
          for (std::int64_t i = 0; i < columns_per_group; ++i, ++x) use(group, static_cast<double>(*x));
        }
      }
    };
    for_each_value([&](std::size_t group, double x) {
      (*mean)[group] += x;
      least[group] = std::min(least[group], x);
      largest[group] = std::max(largest[group], x);
    });
    for (double& value : *mean) value /= count;
    for_each_value([&](std::size_t group, double x) {
      // In units of the range: the square of a large or tiny value would not fit.
      const double centred = (x - (*mean)[group]) / (largest[group] - least[group]);
      squares[group] += centred * centred;
    });
  });
  for (std::size_t group = 0; group < groups; ++group) {
    if (least[group] == largest[group]) {
      (*mean)[group] = least[group];  // exactly, so that the column becomes exactly 0
    } else if (least[group] < largest[group]) {
      (*scale)[group] = (largest[group] - least[group]) * std::sqrt(squares[group] / count);
    }
  }
}

absl::StatusOr<FittedTransform> FitColumns(const Transform& transform, const Matrix& train_features,
                                           const Description& description, StopFlag* stop) {
  return std::visit([&](const auto& spec) { return Fit(spec, train_features, description, stop); }, transform);
}

absl::Status ApplyColumns(const FittedTransform& fitted, Matrix* rows, StopFlag* stop) {
  if (const auto* divide = std::get_if<DivideBy>(&fitted.spec)) {
    Divide(divide->divisor, rows);
  } else if (std::holds_alternative<NormalizeChannels>(fitted.spec)) {
    return Shift(fitted.mean, fitted.scale, rows);
  } else if (std::holds_alternative<Standardize>(fitted.spec)) {
    if (rows->cols() != static_cast<std::int64_t>(fitted.mean.size())) {
      return ColumnsDoNotFit(rows->cols(), static_cast<std::int64_t>(fitted.mean.size()));
    }
    return Shift(fitted.mean, fitted.scale, rows);
  } else if (std::holds_alternative<PrincipalComponents>(fitted.spec)) {
    if (rows->cols() != static_cast<std::int64_t>(fitted.mean.size())) {
      return ColumnsDoNotFit(rows->cols(), static_cast<std::int64_t>(fitted.mean.size()));
    }
    *rows = Project(fitted.mean, fitted.projection, *rows, stop);
    return stop->status();
  } else if (std::holds_alternative<AppendBias>(fitted.spec)) {
    AppendOnes(rows);
  }
  return absl::OkStatus();
}

}  // namespace cvxnn::data
