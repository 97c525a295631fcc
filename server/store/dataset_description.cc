// SPDX-License-Identifier: Apache-2.0
// data::Description to CBOR and back, by way of nlohmann's JSON values.
#include "server/store/dataset_description.h"

#include <cstring>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace cvxnn::server {
namespace {

using Json = nlohmann::json;

Json Numbers(const std::vector<double>& values) {
  std::vector<std::uint8_t> bytes(values.size() * sizeof(double));
  if (!values.empty()) std::memcpy(bytes.data(), values.data(), bytes.size());
  return Json::binary(std::move(bytes));
}

std::vector<double> Numbers(const Json& value) {
  const auto& bytes = value.get_binary();
  std::vector<double> values(bytes.size() / sizeof(double));
  if (!values.empty()) std::memcpy(values.data(), bytes.data(), values.size() * sizeof(double));
  return values;
}

// One pair of functions per kind of transform; the name of the kind travels beside.
Json Fields(const data::SelectClasses& t) {
  return {{"classes", t.classes}, {"plus_minus_one", t.encoding == data::LabelEncoding::kPlusMinusOne}};
}
Json Fields(const data::SubsetPerClass& t) {
  return {{"rows_per_class", t.rows_per_class}, {"test_rows_per_class", t.test_rows_per_class}, {"seed", t.seed}};
}
Json Fields(const data::TrainTestSplit& t) { return {{"test_fraction", t.test_fraction}, {"seed", t.seed}}; }
Json Fields(const data::DivideBy& t) { return {{"divisor", t.divisor}}; }
Json Fields(const data::NormalizeChannels&) { return Json::object(); }
Json Fields(const data::Standardize&) { return Json::object(); }
Json Fields(const data::PrincipalComponents& t) { return {{"components", t.components}}; }
Json Fields(const data::AppendBias&) { return Json::object(); }

void Read(const Json& json, data::SelectClasses* t) {
  json.at("classes").get_to(t->classes);
  t->encoding =
      json.at("plus_minus_one").get<bool>() ? data::LabelEncoding::kPlusMinusOne : data::LabelEncoding::kOneHot;
}
void Read(const Json& json, data::SubsetPerClass* t) {
  json.at("rows_per_class").get_to(t->rows_per_class);
  json.at("test_rows_per_class").get_to(t->test_rows_per_class);
  json.at("seed").get_to(t->seed);
}
void Read(const Json& json, data::TrainTestSplit* t) {
  json.at("test_fraction").get_to(t->test_fraction);
  json.at("seed").get_to(t->seed);
}
void Read(const Json& json, data::DivideBy* t) { json.at("divisor").get_to(t->divisor); }
void Read(const Json&, data::NormalizeChannels*) {}
void Read(const Json&, data::Standardize*) {}
void Read(const Json& json, data::PrincipalComponents* t) { json.at("components").get_to(t->components); }
void Read(const Json&, data::AppendBias*) {}

// Tries the alternatives of the variant until one has the name.
template <std::size_t index = 0>
bool ReadTransform(const std::string& name, const Json& fields, data::Transform* transform) {
  if constexpr (index == std::variant_size_v<data::Transform>) {
    return false;
  } else {
    data::Transform candidate = std::variant_alternative_t<index, data::Transform>();
    if (data::TransformName(candidate) != name) return ReadTransform<index + 1>(name, fields, transform);
    Read(fields, &std::get<index>(candidate));
    *transform = std::move(candidate);
    return true;
  }
}

const char* TaskName(data::Task task) {
  switch (task) {
    case data::Task::kBinary:
      return "binary";
    case data::Task::kMulticlass:
      return "multiclass";
    case data::Task::kRegression:
      break;
  }
  return "regression";
}

}  // namespace

std::string EncodeDescription(const data::Description& description) {
  Json json = {{"task", TaskName(description.task)},
               {"source", description.source},
               {"feature_names", description.feature_names},
               {"target_names", description.target_names},
               {"class_names", description.class_names},
               {"has_bias_column", description.has_bias_column},
               {"transforms", Json::array()}};
  if (const auto& shape = description.image_shape) {
    json["image_shape"] = {{"channels", shape->channels}, {"height", shape->height}, {"width", shape->width}};
  }
  for (const data::FittedTransform& fitted : description.transforms) {
    json["transforms"].push_back({{"name", data::TransformName(fitted.spec)},
                                  {"fields", std::visit([](const auto& t) { return Fields(t); }, fitted.spec)},
                                  {"mean", Numbers(fitted.mean)},
                                  {"scale", Numbers(fitted.scale)},
                                  {"projection", Numbers(fitted.projection)}});
  }
  std::string bytes;
  Json::to_cbor(json, bytes);
  return bytes;
}

absl::StatusOr<data::Description> DecodeDescription(const std::string& bytes) {
  try {
    const Json json = Json::from_cbor(bytes);
    data::Description description;
    const std::string task = json.at("task");
    description.task = task == "binary"       ? data::Task::kBinary
                       : task == "multiclass" ? data::Task::kMulticlass
                                              : data::Task::kRegression;
    json.at("source").get_to(description.source);
    json.at("feature_names").get_to(description.feature_names);
    json.at("target_names").get_to(description.target_names);
    json.at("class_names").get_to(description.class_names);
    json.at("has_bias_column").get_to(description.has_bias_column);
    if (const auto shape = json.find("image_shape"); shape != json.end()) {
      description.image_shape = data::ImageShape{shape->at("channels"), shape->at("height"), shape->at("width")};
    }
    for (const Json& entry : json.at("transforms")) {
      data::FittedTransform fitted;
      const std::string name = entry.at("name");
      if (!ReadTransform(name, entry.at("fields"), &fitted.spec)) {
        return absl::DataLossError(absl::StrCat("unknown transform \"", name, "\""));
      }
      fitted.mean = Numbers(entry.at("mean"));
      fitted.scale = Numbers(entry.at("scale"));
      fitted.projection = Numbers(entry.at("projection"));
      description.transforms.push_back(std::move(fitted));
    }
    return description;
  } catch (const Json::exception& error) {
    return absl::DataLossError(error.what());
  }
}

}  // namespace cvxnn::server
