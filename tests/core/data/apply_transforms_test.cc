// SPDX-License-Identifier: Apache-2.0
// Tests of what holds for every transform: order, recording, messages, new rows, real data from end to end.
#include "core/data/apply_transforms.h"

#include "core/data/class_labels.h"
#include "core/data/csv_reader.h"
#include "core/data/validate.h"
#include "tests/core/data/support.h"

namespace cvxnn::data {
namespace {

using testing::ElementsAre;

// Two classes "a" (x < 0) and "b", two columns, six training rows and two test rows.
Dataset Small(ElementType type = ElementType::kFloat64) {
  Dataset dataset;
  dataset.train.features = Table({{-3, 1}, {1, 2}, {-2, 3}, {2, 4}, {-1, 5}, {3, 6}}, type);
  dataset.train.targets = OneHot({0, 1, 0, 1, 0, 1}, 2, type);
  dataset.test.features = Table({{-5, 7}, {5, 8}}, type);
  dataset.test.targets = OneHot({0, 1}, 2, type);
  dataset.description.task = Task::kMulticlass;
  dataset.description.class_names = {"a", "b"};
  dataset.description.feature_names = {"x", "z"};
  return dataset;
}

Dataset WithoutTest() {
  Dataset dataset = Small();
  dataset.test = Part();
  return dataset;
}

TEST(ApplyTransforms, RecordsEachInOrderWithItsFit) {
  const auto dataset = ApplyTransforms({DivideBy{2.0}, Standardize{}, AppendBias{}}, Small());
  ASSERT_THAT(dataset, Succeeds());
  const std::vector<FittedTransform>& recorded = dataset->description.transforms;
  ASSERT_EQ(recorded.size(), 3U);
  EXPECT_EQ(TransformName(recorded[0].spec), "divide_by");
  EXPECT_EQ(TransformName(recorded[1].spec), "standardize");
  EXPECT_EQ(TransformName(recorded[2].spec), "append_bias");
  EXPECT_THAT(recorded[1].mean, ElementsAre(0.0, 1.75));
  EXPECT_THAT(dataset->description.feature_names, ElementsAre("x", "z", "bias"));
  EXPECT_TRUE(dataset->description.has_bias_column);
  EXPECT_EQ(dataset->train.features.cols(), 3);
  EXPECT_EQ(dataset->test.features.at(1, 2), 1.0);
  EXPECT_THAT(ValidateDataset(*dataset), Succeeds());
}

TEST(ApplyTransforms, AddsToWhatIsRecordedAlready) {
  auto dataset = ApplyTransforms({DivideBy{2.0}}, Small());
  ASSERT_THAT(dataset, Succeeds());
  dataset = ApplyTransforms({AppendBias{}}, *std::move(dataset));
  ASSERT_THAT(dataset, Succeeds());
  EXPECT_EQ(dataset->description.transforms.size(), 2U);
  EXPECT_THAT(ApplyTransforms({AppendBias{}}, *dataset),
              IsInvalid("transforms[0].append_bias: the data set already has a bias column"));
}

TEST(ApplyTransforms, FitsOnTrainingRowsOnly) {
  Dataset other = Small();
  other.test.features = Table({{1e6, -1e6}, {1e9, 3}});
  const auto first = ApplyTransforms({Standardize{}, PrincipalComponents{1}}, Small());
  const auto second = ApplyTransforms({Standardize{}, PrincipalComponents{1}}, other);
  ASSERT_THAT(first, Succeeds());
  ASSERT_THAT(second, Succeeds());
  EXPECT_EQ(Rows(first->train.features), Rows(second->train.features));
  EXPECT_EQ(first->description.transforms[1].projection, second->description.transforms[1].projection);
}

TEST(ApplyTransforms, KeepsFloat32) {
  const auto dataset =
      ApplyTransforms({DivideBy{2.0}, Standardize{}, PrincipalComponents{2}, AppendBias{},
                       SelectClasses{{"b", "a"}, LabelEncoding::kPlusMinusOne}, SubsetPerClass{1, 1, 0}},
                      Small(ElementType::kFloat32));
  ASSERT_THAT(dataset, Succeeds());
  for (const Matrix* matrix :
       {&dataset->train.features, &dataset->train.targets, &dataset->test.features, &dataset->test.targets}) {
    EXPECT_EQ(matrix->type(), ElementType::kFloat32);
  }
}

TEST(ApplyTransforms, WorksWithoutATestPart) {
  const auto dataset = ApplyTransforms({Standardize{}, PrincipalComponents{1}, AppendBias{}}, WithoutTest());
  ASSERT_THAT(dataset, Succeeds());
  EXPECT_EQ(dataset->test.rows(), 0);
  EXPECT_THAT(ValidateDataset(*dataset), Succeeds());
}

TEST(ApplyTransforms, NamesTransformAndField) {
  EXPECT_THAT(ApplyTransforms({Standardize{}, DivideBy{0.0}}, Small()),
              IsInvalid("transforms[1].divide_by: divisor = 0: must be finite and not 0"));
  EXPECT_THAT(ApplyTransforms({DivideBy{std::nan("")}}, Small()), IsInvalid("transforms[0].divide_by: divisor = nan"));
  EXPECT_THAT(ApplyTransforms({NormalizeChannels{}}, Small()),
              IsInvalid("transforms[0].normalize_channels: image_shape is missing"));
}

TEST(ApplyTransforms, RefusesColumnChangesAfterTheBias) {
  for (const Transform& late :
       std::vector<Transform>{DivideBy{2.0}, Standardize{}, NormalizeChannels{}, PrincipalComponents{1}}) {
    EXPECT_THAT(ApplyTransforms({AppendBias{}, late}, Small()),
                IsInvalid("transforms[1]." + TransformName(late) + ": it changes columns after append_bias"));
  }
  EXPECT_THAT(
      ApplyTransforms({AppendBias{}, AppendBias{}}, Small()),
      IsInvalid("transforms[1].append_bias: the data set already has a bias column: must be appended once only"));
  EXPECT_THAT(ApplyTransforms({AppendBias{}, SubsetPerClass{1, 0, 0}}, Small()), Succeeds());
}

TEST(ApplyTransforms, RefusesASplitAfterAFit) {
  for (const Transform& fit : std::vector<Transform>{Standardize{}, PrincipalComponents{1}}) {
    EXPECT_THAT(ApplyTransforms({fit, TrainTestSplit{}}, WithoutTest()),
                IsInvalid("transforms[1].train_test_split: it comes after " + TransformName(fit)));
  }
  EXPECT_THAT(ApplyTransforms({DivideBy{3.0}, TrainTestSplit{}, Standardize{}}, WithoutTest()), Succeeds());
}

TEST(ApplyTransforms, RefusesResultsThatOverflow) {
  EXPECT_THAT(ApplyTransforms({DivideBy{1e-320}}, Small()),
              IsInvalid("transforms[0].divide_by: result: train.features: row 0, column 0 is -inf: must be finite"));
}

TEST(ApplyTransforms, ChecksTheDataSetFirst) {
  Dataset dataset = Small();
  dataset.train.targets = Table({{1, 0}});
  EXPECT_THAT(ApplyTransforms({Standardize{}}, dataset),
              IsInvalid("train.features has 6 rows but train.targets has 1"));
  EXPECT_THAT(ApplyTransforms({}, Dataset()), IsInvalid("train.features has 0 rows"));
}

TEST(TransformRows, SendsRowsTheWayOfTheTestPart) {
  const Dataset raw = Small();
  const auto dataset =
      ApplyTransforms({SelectClasses{{"b", "a"}, LabelEncoding::kPlusMinusOne}, SubsetPerClass{2, 0, 1}, DivideBy{4.0},
                       Standardize{}, PrincipalComponents{2}, AppendBias{}},
                      raw);
  ASSERT_THAT(dataset, Succeeds());
  EXPECT_EQ(RawColumns(dataset->description, dataset->train.features.cols()), 2);
  const auto rows = TransformRows(dataset->description, dataset->train.features.cols(), raw.test.features);
  ASSERT_THAT(rows, Succeeds());
  EXPECT_EQ(Rows(*rows), Rows(dataset->test.features));
}

TEST(TransformRows, RefusesRowsThatDoNotFit) {
  const auto dataset = ApplyTransforms({Standardize{}, AppendBias{}}, Small());
  ASSERT_THAT(dataset, Succeeds());
  EXPECT_THAT(TransformRows(dataset->description, 3, Table({{1, 2, 3}})),
              IsInvalid("rows have 3 columns: must have 2"));
  EXPECT_THAT(TransformRows(dataset->description, 3, Table({{1, 2}, {1, INFINITY}})),
              IsInvalid("rows: row 1, column 1 is inf: must be finite"));
  const auto projected = ApplyTransforms({PrincipalComponents{1}}, Small());
  ASSERT_THAT(projected, Succeeds());
  EXPECT_EQ(RawColumns(projected->description, 1), 2);
  EXPECT_THAT(TransformRows(projected->description, 1, Table({{1}})), IsInvalid("rows have 1 columns: must have 2"));
  // Transforms that take any columns by themselves.
  const auto scaled = ApplyTransforms({DivideBy{2}, AppendBias{}}, Small());
  ASSERT_THAT(scaled, Succeeds());
  EXPECT_THAT(TransformRows(scaled->description, 3, Table({{1, 2, 3, 4}})),
              IsInvalid("rows have 4 columns: must have 2"));
}

TEST(TransformRows, LeavesRowsAloneWithoutTransforms) {
  const auto rows = TransformRows(Description(), 3, Table({{1, 2, 3}}));
  ASSERT_THAT(rows, Succeeds());
  EXPECT_EQ(Rows(*rows), Rows(Table({{1, 2, 3}})));
}

TEST(ApplyTransforms, PreparesTheRepositorysTable) {
  auto read = ReadCsv(Testdata("../../data/breast_cancer_wdbc.csv"), "", {});
  ASSERT_THAT(read, Succeeds());
  const auto dataset = ApplyTransforms({SelectClasses{{}, LabelEncoding::kPlusMinusOne}, TrainTestSplit{0.25, 3},
                                        Standardize{}, PrincipalComponents{5}, AppendBias{}},
                                       *std::move(read));
  ASSERT_THAT(dataset, Succeeds());
  EXPECT_THAT(ValidateDataset(*dataset), Succeeds());
  EXPECT_EQ(dataset->test.rows(), 53 + 89);  // a quarter of 212 and of 357
  EXPECT_EQ(dataset->train.features.cols(), 6);
  EXPECT_THAT(dataset->description.feature_names,
              ElementsAre("component_1", "component_2", "component_3", "component_4", "component_5", "bias"));
  // Principal components of the training rows are centred and uncorrelated.
  const RowMajor<double> x = dataset->train.features.ToDouble().leftCols(5);
  EXPECT_LT(x.colwise().mean().cwiseAbs().maxCoeff(), 1e-12);
  const Eigen::MatrixXd scatter = x.transpose() * x;
  EXPECT_LT((scatter - Eigen::MatrixXd(scatter.diagonal().asDiagonal())).cwiseAbs().maxCoeff(), 1e-9 * scatter(0, 0));
}

}  // namespace
}  // namespace cvxnn::data
