// SPDX-License-Identifier: Apache-2.0
// Transforms to core and back; the ranges are those that proto/cvxnn/v1/dataset.proto states.
#include "server/translate/transforms.h"

#include <cmath>
#include <type_traits>
#include <variant>

#include "server/translate/capabilities.h"
#include "server/translate/choose.h"

namespace cvxnn::server {
namespace {

constexpr std::array kEncodings = {Choice{v1::LABEL_ENCODING_ONE_HOT, data::LabelEncoding::kOneHot},
                                   Choice{v1::LABEL_ENCODING_PLUS_MINUS_ONE, data::LabelEncoding::kPlusMinusOne}};

data::Transform FromProto(const v1::Transform& from, const std::string& path, Violations* violations) {
  const auto check = [&](bool ok, const char* field, auto value, const char* must) {
    violations->Require(ok, path + field, value, must);
  };
  switch (from.kind_case()) {
    case v1::Transform::kSelectClasses: {
      const auto& select = from.select_classes();
      return data::SelectClasses{{select.classes().begin(), select.classes().end()},
                                 Choose(kEncodings, select.encoding(), path + "select_classes.encoding", violations)};
    }
    case v1::Transform::kSubsetPerClass: {
      const auto& subset = from.subset_per_class();
      check(subset.rows_per_class() >= 1, "subset_per_class.rows_per_class", subset.rows_per_class(), "must be >= 1");
      check(subset.test_rows_per_class() >= 0, "subset_per_class.test_rows_per_class", subset.test_rows_per_class(),
            "must be >= 0");
      return data::SubsetPerClass{subset.rows_per_class(), subset.test_rows_per_class(), subset.seed()};
    }
    case v1::Transform::kTrainTestSplit: {
      data::TrainTestSplit split;
      if (from.train_test_split().has_test_fraction()) split.test_fraction = from.train_test_split().test_fraction();
      split.seed = from.train_test_split().seed();
      check(split.test_fraction > 0 && split.test_fraction < 1, "train_test_split.test_fraction", split.test_fraction,
            "must be above 0 and below 1");
      return split;
    }
    case v1::Transform::kDivideBy:
      check(std::isfinite(from.divide_by().divisor()) && from.divide_by().divisor() != 0, "divide_by.divisor",
            from.divide_by().divisor(), "must be finite and not 0");
      return data::DivideBy{from.divide_by().divisor()};
    case v1::Transform::kNormalizeChannels:
      return data::NormalizeChannels{};
    case v1::Transform::kStandardize:
      return data::Standardize{};
    case v1::Transform::kPrincipalComponents:
      check(from.principal_components().components() >= 1, "principal_components.components",
            from.principal_components().components(), "must be >= 1 and at most min(training rows, columns)");
      return data::PrincipalComponents{from.principal_components().components()};
    case v1::Transform::kAppendBias:
      return data::AppendBias{};
    case v1::Transform::KIND_NOT_SET:
      break;
  }
  violations->Wrong(path + "kind", "required: set exactly one kind of transform");
  return data::AppendBias{};
}

}  // namespace

std::vector<data::Transform> TransformsFromProto(const google::protobuf::RepeatedPtrField<v1::Transform>& transforms,
                                                 Violations* violations) {
  std::vector<data::Transform> result;
  if (transforms.size() > kMostTransforms) {
    violations->Wrong("transforms", absl::StrCat(transforms.size(), " entries: must be at most ", kMostTransforms));
    return result;
  }
  for (int i = 0; i < transforms.size(); ++i) {
    const std::string path = absl::StrCat("transforms[", i, "].");
    const int kind = transforms[i].kind_case();
    if (kind != v1::Transform::KIND_NOT_SET &&
        !IsBuilt(v1::Transform::descriptor(), kTransforms, kind, path + "kind", violations)) {
      continue;
    }
    result.push_back(FromProto(transforms[i], path, violations));
  }
  return result;
}

v1::Transform TransformToProto(const data::Transform& transform) {
  v1::Transform to;
  std::visit(
      [&](const auto& from) {
        using Kind = std::decay_t<decltype(from)>;
        if constexpr (std::is_same_v<Kind, data::SelectClasses>) {
          auto* select = to.mutable_select_classes();
          for (const auto& name : from.classes) select->add_classes(name);
          select->set_encoding(Reverse(kEncodings, from.encoding));
        } else if constexpr (std::is_same_v<Kind, data::SubsetPerClass>) {
          to.mutable_subset_per_class()->set_rows_per_class(from.rows_per_class);
          to.mutable_subset_per_class()->set_test_rows_per_class(from.test_rows_per_class);
          to.mutable_subset_per_class()->set_seed(from.seed);
        } else if constexpr (std::is_same_v<Kind, data::TrainTestSplit>) {
          to.mutable_train_test_split()->set_test_fraction(from.test_fraction);
          to.mutable_train_test_split()->set_seed(from.seed);
        } else if constexpr (std::is_same_v<Kind, data::DivideBy>) {
          to.mutable_divide_by()->set_divisor(from.divisor);
        } else if constexpr (std::is_same_v<Kind, data::NormalizeChannels>) {
          to.mutable_normalize_channels();
        } else if constexpr (std::is_same_v<Kind, data::Standardize>) {
          to.mutable_standardize();
        } else if constexpr (std::is_same_v<Kind, data::PrincipalComponents>) {
          to.mutable_principal_components()->set_components(from.components);
        } else {
          static_assert(std::is_same_v<Kind, data::AppendBias>);
          to.mutable_append_bias();
        }
      },
      transform);
  return to;
}

v1::FittedTransform FittedTransformToProto(const data::FittedTransform& fitted) {
  v1::FittedTransform to;
  *to.mutable_transform() = TransformToProto(fitted.spec);
  to.mutable_mean()->Add(fitted.mean.begin(), fitted.mean.end());
  to.mutable_scale()->Add(fitted.scale.begin(), fitted.scale.end());
  return to;
}

}  // namespace cvxnn::server
