// SPDX-License-Identifier: Apache-2.0
// Descriptions, transforms, generators and imports: no field of the messages goes unnoticed.
#include <gmock/gmock.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include <sstream>

#include "server/translate/dataset_description.h"
#include "server/translate/generator.h"
#include "server/translate/import_format.h"
#include "server/translate/transforms.h"
#include "tests/server/translate/field_walk.h"

namespace cvxnn::server {
namespace {

using google::protobuf::util::MessageDifferencer;

TEST(TransformsFromProto, KeepsEveryField) {
  for (const auto& change : ChangesOf(v1::Transform::descriptor(), 7, 0.5)) {
    v1::Transform transform;
    change.apply(&transform);
    Violations violations;
    google::protobuf::RepeatedPtrField<v1::Transform> list;
    *list.Add() = transform;
    const auto translated = TransformsFromProto(list, &violations);
    ASSERT_EQ(translated.size(), 1u) << change.path;
    const v1::Transform again = TransformToProto(translated[0]);
    EXPECT_EQ(again.kind_case(), transform.kind_case()) << change.path;
    // What was set is still there; defaults may have joined it.
    v1::Transform merged = again;
    merged.MergeFrom(transform);
    if (change.path == "select_classes.classes") merged = again;
    EXPECT_TRUE(MessageDifferencer::Equals(merged, again)) << change.path;
  }
}

TEST(DatasetToProto, FillsEveryFieldThatAFullDescriptionHas) {
  data::Dataset dataset;
  dataset.train = {data::Matrix(data::ElementType::kFloat32, 2, 13), data::Matrix(data::ElementType::kFloat64, 2, 2)};
  dataset.test = {data::Matrix(data::ElementType::kFloat32, 1, 13), data::Matrix(data::ElementType::kFloat64, 1, 2)};
  auto& description = dataset.description;
  description.task = data::Task::kMulticlass;
  description.source = "test";
  description.feature_names.assign(13, "f");
  description.target_names.assign(2, "t");
  description.class_names = {"a", "b"};
  description.image_shape = data::ImageShape{3, 2, 2};
  description.has_bias_column = true;
  description.transforms.push_back({data::AppendBias{}, {1}, {2}, {}});
  v1::Dataset proto = DatasetToProto(dataset);
  // What only the server knows.
  proto.set_name("datasets/d");
  proto.set_display_name("D");
  proto.set_stored_bytes(1);
  proto.mutable_create_time();
  proto.set_uid("u");
  proto.set_creator("ada");
  std::vector<const google::protobuf::FieldDescriptor*> set;
  proto.GetReflection()->ListFields(proto, &set);
  EXPECT_EQ(static_cast<int>(set.size()), v1::Dataset::descriptor()->field_count());
  EXPECT_EQ(proto.transforms(0).mean(0), 1);
  EXPECT_EQ(proto.transforms(0).scale(0), 2);
}

v1::GenerateDatasetRequest Generator(const std::string& name) {
  v1::GenerateDatasetRequest request;
  const auto* field = v1::GenerateDatasetRequest::descriptor()->FindFieldByName(name);
  auto* generator = request.GetReflection()->MutableMessage(&request, field);
  // Two columns, where both sides of the unit ball are populated.
  for (const auto& [size, value] : {std::pair{"rows", 30}, {"cols", 2}}) {
    const auto* member = field->message_type()->FindFieldByName(size);
    if (member != nullptr) generator->GetReflection()->SetInt64(generator, member, value);
  }
  return request;
}

std::string Numbers(const v1::GenerateDatasetRequest& request) {
  Violations violations;
  const auto spec = GeneratorFromProto(request, &violations);
  EXPECT_TRUE(violations.empty()) << violations.ToStatus();
  const auto dataset = data::Generate(spec);
  if (!dataset.ok()) return dataset.status().ToString();
  std::ostringstream text;
  text << dataset->train.features.ToDouble() << dataset->train.targets.ToDouble() << dataset->test.features.ToDouble();
  return text.str();
}

TEST(GeneratorFromProto, LetsEveryFieldOfEveryGeneratorChangeTheNumbers) {
  const auto* oneof = v1::GenerateDatasetRequest::descriptor()->FindOneofByName("generator");
  for (int i = 0; i < oneof->field_count(); ++i) {
    const std::string name = oneof->field(i)->name();
    const std::string before = Numbers(Generator(name));
    const auto differs = [&](const FieldChange& change) {
      auto request = Generator(name);
      change.apply(request.GetReflection()->MutableMessage(&request, oneof->field(i)));
      return Numbers(request) != before;
    };
    EXPECT_THAT(IgnoredPaths(ChangesOf(oneof->field(i)->message_type(), 29, 0.5), differs), ::testing::IsEmpty())
        << name;
    auto more = Generator(name);
    more.set_test_rows(5);
    EXPECT_NE(Numbers(more), before) << name << ".test_rows";
    if (name == "sine") continue;  // uses no randomness
    more = Generator(name);
    more.set_seed(1);
    EXPECT_NE(Numbers(more), before) << name << ".seed";
  }
}

std::string Describe(const data::ReadOptions& options) {
  std::ostringstream text;
  const auto list = [&](const std::vector<std::string>& items) {
    for (const auto& item : items) text << item << ',';
    text << ';';
  };
  text << static_cast<int>(options.format) << ';' << static_cast<int>(options.targets) << ';' << options.csv_has_header
       << options.csv_delimiter << ';' << options.train_targets_path << ';' << options.test_targets_path << ';'
       << options.npz_arrays.train_features << ';' << options.npz_arrays.train_targets << ';'
       << options.npz_arrays.test_features << ';' << options.npz_arrays.test_targets << ';';
  list(options.train_paths);
  list(options.test_paths);
  list(options.csv_label_columns);
  return text.str();
}

TEST(ImportFromProto, IgnoresNoFieldOfAnyFormat) {
  const auto* oneof = v1::ImportDatasetRequest::descriptor()->FindOneofByName("format");
  for (const char* path : {"a.npz", "a.npy"}) {
    for (int i = 0; i < oneof->field_count(); ++i) {
      v1::ImportDatasetRequest base;
      base.set_path(path);
      base.GetReflection()->MutableMessage(&base, oneof->field(i));
      Violations base_violations;
      const std::string before =
          Describe(ImportFromProto(base, &base_violations)) + base_violations.ToStatus().ToString();
      const auto differs = [&](const FieldChange& change) {
        auto request = base;
        change.apply(request.GetReflection()->MutableMessage(&request, oneof->field(i)));
        Violations violations;
        const auto options = ImportFromProto(request, &violations);
        return Describe(options) + violations.ToStatus().ToString() != before;
      };
      EXPECT_THAT(IgnoredPaths(ChangesOf(oneof->field(i)->message_type(), 7, 0.5), differs), ::testing::IsEmpty())
          << oneof->field(i)->name();
    }
  }
}

}  // namespace
}  // namespace cvxnn::server
