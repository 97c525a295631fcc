// SPDX-License-Identifier: Apache-2.0
// The stored description gives back every field exactly.
#include "server/store/dataset_description.h"

#include <gtest/gtest.h>

#include <limits>

namespace cvxnn::server {
namespace {

TEST(DatasetDescription, GivesBackEveryField) {
  data::Description given;
  given.task = data::Task::kMulticlass;
  given.source = "csv \xc3\xa4.csv";
  given.feature_names = {"a", "b"};
  given.target_names = {"t"};
  given.class_names = {"x", "y", "z"};
  given.image_shape = data::ImageShape{3, 4, 5};
  given.has_bias_column = true;
  const double tiny = std::numeric_limits<double>::denorm_min();
  given.transforms = {
      {data::SelectClasses{{"y", "x"}, data::LabelEncoding::kPlusMinusOne}, {}, {}, {}},
      {data::SubsetPerClass{7, 8, std::numeric_limits<std::uint64_t>::max()}, {}, {}, {}},
      {data::TrainTestSplit{0.1, 3}, {}, {}, {}},
      {data::DivideBy{255.0}, {}, {}, {}},
      {data::NormalizeChannels{}, {0.1, 1.0 / 3}, {tiny, 2}, {}},
      {data::Standardize{}, {-0.0}, {1e300}, {}},
      {data::PrincipalComponents{2}, {1, 2, 3}, {}, {0.1, 0.2, 0.3, 0.4, 0.5, 0.6}},
      {data::AppendBias{}, {}, {}, {}},
  };
  auto read = DecodeDescription(EncodeDescription(given));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->task, given.task);
  EXPECT_EQ(read->source, given.source);
  EXPECT_EQ(read->feature_names, given.feature_names);
  EXPECT_EQ(read->target_names, given.target_names);
  EXPECT_EQ(read->class_names, given.class_names);
  ASSERT_TRUE(read->image_shape.has_value());
  EXPECT_EQ(read->image_shape->channels, 3);
  EXPECT_EQ(read->image_shape->height, 4);
  EXPECT_EQ(read->image_shape->width, 5);
  EXPECT_TRUE(read->has_bias_column);
  ASSERT_EQ(read->transforms.size(), given.transforms.size());
  for (std::size_t i = 0; i < given.transforms.size(); ++i) {
    EXPECT_EQ(read->transforms[i].spec.index(), given.transforms[i].spec.index()) << i;
    EXPECT_EQ(read->transforms[i].mean, given.transforms[i].mean) << i;
    EXPECT_EQ(read->transforms[i].scale, given.transforms[i].scale) << i;
    EXPECT_EQ(read->transforms[i].projection, given.transforms[i].projection) << i;
  }
  const auto& select = std::get<data::SelectClasses>(read->transforms[0].spec);
  EXPECT_EQ(select.classes, (std::vector<std::string>{"y", "x"}));
  EXPECT_EQ(select.encoding, data::LabelEncoding::kPlusMinusOne);
  const auto& subset = std::get<data::SubsetPerClass>(read->transforms[1].spec);
  EXPECT_EQ(subset.rows_per_class, 7);
  EXPECT_EQ(subset.test_rows_per_class, 8);
  EXPECT_EQ(subset.seed, std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(std::get<data::TrainTestSplit>(read->transforms[2].spec).test_fraction, 0.1);
  EXPECT_EQ(std::get<data::TrainTestSplit>(read->transforms[2].spec).seed, 3U);
  EXPECT_EQ(std::get<data::DivideBy>(read->transforms[3].spec).divisor, 255.0);
  EXPECT_EQ(std::get<data::PrincipalComponents>(read->transforms[6].spec).components, 2);
}

TEST(DatasetDescription, KeepsAnAbsentImageShapeAbsent) {
  auto read = DecodeDescription(EncodeDescription(data::Description()));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_FALSE(read->image_shape.has_value());
  EXPECT_EQ(read->task, data::Task::kRegression);
}

TEST(DatasetDescription, CallsAnythingElseDataLoss) {
  const std::string bytes = EncodeDescription(data::Description());
  EXPECT_EQ(DecodeDescription("").status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(DecodeDescription("garbage").status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(DecodeDescription(bytes.substr(0, bytes.size() - 3)).status().code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace cvxnn::server
