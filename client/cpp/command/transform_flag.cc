// SPDX-License-Identifier: Apache-2.0
// Parses and writes transforms in their short form.
#include "client/cpp/command/transform_flag.h"

#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_split.h>
#include <absl/strings/strip.h>

#include <cstdint>

#include "client/cpp/command/echo.h"
#include "client/cpp/command/humanize.h"

namespace cvxnn::command {

const char kTransformHelp[] =
    "Step of preparation, repeated in order: select_classes=A,B[:pm1] (pm1: first class -1, second +1; else one-hot), "
    "subset=ROWS[,TEST_ROWS][,seed=N] (per class), split=FRACTION[,seed=N], divide=NUMBER, normalize_channels, "
    "standardize, pca=K, bias";

namespace {

/// The arguments of one value, taken one after another.
class Arguments {
 public:
  Arguments(const std::string& text, const std::string& arguments) : text_(text) {
    if (!arguments.empty()) parts_ = absl::StrSplit(arguments, ',');
  }

  /// The next argument that is not "seed=…".
  template <typename Number>
  absl::Status TakeNumber(const char* what, bool required, Number* number, bool* found = nullptr) {
    const bool is_there = !parts_.empty() && !absl::StartsWith(parts_.front(), "seed=");
    if (found != nullptr) *found = is_there;
    if (!is_there) return required ? Fault(absl::StrCat("needs ", what)) : absl::OkStatus();
    const std::string part = parts_.front();
    parts_.erase(parts_.begin());
    return Parse(part, number) ? absl::OkStatus() : Fault(absl::StrCat("\"", Echo(part), "\" is not ", what));
  }

  absl::Status TakeSeed(std::uint64_t* seed) {
    if (parts_.empty() || !absl::StartsWith(parts_.front(), "seed=")) return absl::OkStatus();
    const std::string part(absl::StripPrefix(parts_.front(), "seed="));
    parts_.erase(parts_.begin());
    return absl::SimpleAtoi(part, seed) ? absl::OkStatus() : Fault(absl::StrCat("\"", Echo(part), "\" is not a seed"));
  }

  absl::Status End() const {
    return parts_.empty() ? absl::OkStatus()
                          : Fault(absl::StrCat("\"", Echo(parts_.front()), "\" is one argument too many"));
  }

  absl::Status Fault(const std::string& what) const {
    return absl::InvalidArgumentError(absl::StrCat("--transform ", Echo(text_), ": ", what));
  }

 private:
  static bool Parse(const std::string& part, double* number) { return absl::SimpleAtod(part, number); }
  static bool Parse(const std::string& part, std::int64_t* number) { return absl::SimpleAtoi(part, number); }

  const std::string& text_;
  std::vector<std::string> parts_;
};

absl::Status ParseSelectClasses(const std::string& text, std::string arguments, v1::SelectClasses* select) {
  if (absl::EndsWith(arguments, ":pm1")) {
    select->set_encoding(v1::LABEL_ENCODING_PLUS_MINUS_ONE);
    arguments = std::string(absl::StripSuffix(arguments, ":pm1"));
  } else if (absl::EndsWith(arguments, ":onehot")) {
    select->set_encoding(v1::LABEL_ENCODING_ONE_HOT);
    arguments = std::string(absl::StripSuffix(arguments, ":onehot"));
  }
  if (arguments.empty()) return absl::OkStatus();
  for (const auto name : absl::StrSplit(arguments, ',')) {
    if (name.empty())
      return absl::InvalidArgumentError(absl::StrCat("--transform ", Echo(text), ": a class name is empty"));
    select->add_classes(std::string(name));
  }
  return absl::OkStatus();
}

absl::Status FirstError(std::initializer_list<absl::Status> statuses) {
  for (const absl::Status& status : statuses) {
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<v1::Transform> ParseTransform(const std::string& text) {
  const std::pair<std::string, std::string> halves = absl::StrSplit(text, absl::MaxSplits('=', 1));
  const std::string& name = halves.first;
  Arguments arguments(text, halves.second);
  v1::Transform transform;
  absl::Status status;
  if (name == "select_classes" || name == "classes") {
    status = ParseSelectClasses(text, halves.second, transform.mutable_select_classes());
    if (!status.ok()) return status;
    return transform;
  }
  if (name == "subset" || name == "subset_per_class") {
    std::int64_t rows = 0;
    std::int64_t test_rows = 0;
    std::uint64_t seed = 0;
    status = FirstError({arguments.TakeNumber("a number of rows per class", true, &rows),
                         arguments.TakeNumber("a number of test rows per class", false, &test_rows),
                         arguments.TakeSeed(&seed)});
    transform.mutable_subset_per_class()->set_rows_per_class(rows);
    transform.mutable_subset_per_class()->set_test_rows_per_class(test_rows);
    transform.mutable_subset_per_class()->set_seed(seed);
  } else if (name == "split" || name == "train_test_split") {
    double fraction = 0;
    bool found = false;
    std::uint64_t seed = 0;
    status = FirstError({arguments.TakeNumber("a test fraction", false, &fraction, &found), arguments.TakeSeed(&seed)});
    if (found) transform.mutable_train_test_split()->set_test_fraction(fraction);
    transform.mutable_train_test_split()->set_seed(seed);
  } else if (name == "divide" || name == "divide_by") {
    double divisor = 0;
    status = arguments.TakeNumber("a divisor", true, &divisor);
    transform.mutable_divide_by()->set_divisor(divisor);
  } else if (name == "pca" || name == "principal_components") {
    std::int64_t components = 0;
    status = arguments.TakeNumber("a number of components", true, &components);
    transform.mutable_principal_components()->set_components(components);
  } else if (name == "normalize_channels") {
    transform.mutable_normalize_channels();
  } else if (name == "standardize") {
    transform.mutable_standardize();
  } else if (name == "bias" || name == "append_bias") {
    transform.mutable_append_bias();
  } else {
    return arguments.Fault(
        "must be one of select_classes, subset, split, divide, normalize_channels, standardize, pca, bias");
  }
  if (status.ok()) status = arguments.End();
  if (!status.ok()) return status;
  return transform;
}

absl::Status ParseTransforms(const std::vector<std::string>& texts,
                             google::protobuf::RepeatedPtrField<v1::Transform>* transforms) {
  for (const std::string& text : texts) {
    absl::StatusOr<v1::Transform> transform = ParseTransform(text);
    if (!transform.ok()) return transform.status();
    *transforms->Add() = *std::move(transform);
  }
  return absl::OkStatus();
}

std::string TransformText(const v1::Transform& transform) {
  const auto seed = [](std::uint64_t value) { return value == 0 ? "" : absl::StrCat(",seed=", value); };
  switch (transform.kind_case()) {
    case v1::Transform::kSelectClasses: {
      const v1::SelectClasses& select = transform.select_classes();
      return absl::StrCat("select_classes=", absl::StrJoin(select.classes(), ","),
                          select.encoding() == v1::LABEL_ENCODING_PLUS_MINUS_ONE ? ":pm1" : "");
    }
    case v1::Transform::kSubsetPerClass: {
      const v1::SubsetPerClass& subset = transform.subset_per_class();
      const std::string test = subset.test_rows_per_class() > 0 ? absl::StrCat(",", subset.test_rows_per_class()) : "";
      return absl::StrCat("subset=", subset.rows_per_class(), test, seed(subset.seed()));
    }
    case v1::Transform::kTrainTestSplit: {
      const v1::TrainTestSplit& split = transform.train_test_split();
      return absl::StrCat("split=", HumanNumber(split.has_test_fraction() ? split.test_fraction() : 0.2),
                          seed(split.seed()));
    }
    case v1::Transform::kDivideBy:
      return absl::StrCat("divide=", HumanNumber(transform.divide_by().divisor()));
    case v1::Transform::kNormalizeChannels:
      return "normalize_channels";
    case v1::Transform::kStandardize:
      return "standardize";
    case v1::Transform::kPrincipalComponents:
      return absl::StrCat("pca=", transform.principal_components().components());
    case v1::Transform::kAppendBias:
      return "bias";
    case v1::Transform::KIND_NOT_SET:
      break;
  }
  return "?";
}

}  // namespace cvxnn::command
