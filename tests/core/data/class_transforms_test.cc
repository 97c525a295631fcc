// SPDX-License-Identifier: Apache-2.0
// Tests of choosing and relabelling rows.
#include <set>

#include "core/data/apply_transforms.h"
#include "core/data/class_labels.h"
#include "tests/core/data/support.h"

namespace cvxnn::data {
namespace {

using testing::Each;
using testing::ElementsAre;

// Row i has the single feature i (test rows: 1000 + i) and the class labels[i].
Dataset Labelled(const std::vector<std::int64_t>& labels, const std::vector<std::int64_t>& test_labels = {}) {
  const auto features = [](std::size_t rows, double first) {
    std::vector<std::vector<double>> table;
    for (std::size_t i = 0; i < rows; ++i) table.push_back({first + static_cast<double>(i)});
    return Table(table);
  };
  Dataset dataset;
  dataset.train = {features(labels.size(), 0), OneHot(labels, 3, ElementType::kFloat64)};
  dataset.test = {features(test_labels.size(), 1000), OneHot(test_labels, 3, ElementType::kFloat64)};
  dataset.description.task = Task::kMulticlass;
  dataset.description.class_names = {"cat", "dog", "owl"};
  return dataset;
}

std::vector<double> Column(const Matrix& matrix) {
  std::vector<double> values;
  for (std::int64_t row = 0; row < matrix.rows(); ++row) values.push_back(matrix.at(row, 0));
  return values;
}

std::vector<std::int64_t> Counts(const Dataset& dataset, const Part& part) {
  return CountClasses(ClassOfRows(dataset.description.task, part.targets),
                      static_cast<std::int64_t>(dataset.description.class_names.size()));
}

// `counts[k]` rows of class k, mixed.
std::vector<std::int64_t> Mixed(std::vector<std::int64_t> counts) {
  std::vector<std::int64_t> labels;
  for (bool more = true; more;) {
    more = false;
    for (std::size_t k = 0; k < counts.size(); ++k) {
      if (counts[k]-- <= 0) continue;
      labels.push_back(static_cast<std::int64_t>(k));
      more = true;
    }
  }
  return labels;
}

TEST(SelectClasses, KeepsTheNamedClassesAsMinusAndPlusOne) {
  const auto dataset =
      ApplyTransforms({SelectClasses{{"owl", "cat"}, LabelEncoding::kPlusMinusOne}}, Labelled({0, 1, 2, 0, 2}, {1, 2}));
  ASSERT_THAT(dataset, Succeeds());
  EXPECT_THAT(Column(dataset->train.features), ElementsAre(0, 2, 3, 4));
  EXPECT_THAT(Column(dataset->train.targets), ElementsAre(1, -1, 1, -1));
  EXPECT_THAT(Column(dataset->test.features), ElementsAre(1001));
  EXPECT_THAT(Column(dataset->test.targets), ElementsAre(-1));
  EXPECT_THAT(dataset->description.class_names, ElementsAre("owl", "cat"));
  EXPECT_EQ(dataset->description.task, Task::kBinary);
}

TEST(SelectClasses, KeepsTheOrderListedForOneHot) {
  const auto dataset = ApplyTransforms({SelectClasses{{"owl", "dog"}, LabelEncoding::kOneHot}}, Labelled({0, 1, 2, 1}));
  ASSERT_THAT(dataset, Succeeds());
  EXPECT_EQ(Rows(dataset->train.targets), Rows(Table({{0, 1}, {1, 0}, {0, 1}})));
  EXPECT_THAT(dataset->description.class_names, ElementsAre("owl", "dog"));
}

TEST(SelectClasses, GoesBackFromPlusMinusOneToOneHot) {
  const auto dataset = ApplyTransforms({SelectClasses{{"cat", "owl"}, LabelEncoding::kPlusMinusOne}, SelectClasses{}},
                                       Labelled({0, 1, 2}));
  ASSERT_THAT(dataset, Succeeds());
  EXPECT_EQ(Rows(dataset->train.targets), Rows(Table({{1, 0}, {0, 1}})));
  EXPECT_EQ(dataset->description.task, Task::kMulticlass);
}

TEST(SelectClasses, ListsTheClassesForAnUnknownOne) {
  EXPECT_THAT(
      ApplyTransforms({SelectClasses{{"cat", "cow"}, {}}}, Labelled({0, 1, 2})),
      IsInvalid("transforms[0].select_classes: classes[1] = \"cow\": must be one of \"cat\", \"dog\", \"owl\""));
}

TEST(SelectClasses, RefusesWrongNumbersOfClasses) {
  const Dataset data = Labelled({0, 1, 2});
  EXPECT_THAT(ApplyTransforms({SelectClasses{{}, LabelEncoding::kPlusMinusOne}}, data),
              IsInvalid("classes: 3 chosen: must be exactly 2"));
  EXPECT_THAT(ApplyTransforms({SelectClasses{{"cat"}, LabelEncoding::kOneHot}}, data),
              IsInvalid("classes: 1 chosen: must be at least 2"));
  EXPECT_THAT(ApplyTransforms({SelectClasses{{"cat", "cat"}, {}}}, data),
              IsInvalid("classes[1] = \"cat\": must be listed once only"));
}

TEST(SelectClasses, NeedsClasses) {
  Dataset regression;
  regression.train = {Table({{1}, {2}}), Table({{1}, {2}})};
  EXPECT_THAT(ApplyTransforms({SelectClasses{}}, regression), IsInvalid("select_classes: the targets are real values"));
  EXPECT_THAT(ApplyTransforms({SubsetPerClass{1, 0, 0}}, regression),
              IsInvalid("subset_per_class: the targets are real values"));
}

TEST(SubsetPerClass, KeepsAtMostThatManyOfEachInOrder) {
  const auto dataset = ApplyTransforms({SubsetPerClass{5, 0, 1}}, Labelled(Mixed({20, 3, 9}), Mixed({4, 4, 4})));
  ASSERT_THAT(dataset, Succeeds());
  EXPECT_THAT(Counts(*dataset, dataset->train), ElementsAre(5, 3, 5));
  EXPECT_THAT(Counts(*dataset, dataset->test), ElementsAre(4, 4, 4));
  const std::vector<double> kept = Column(dataset->train.features);
  EXPECT_TRUE(std::is_sorted(kept.begin(), kept.end()));
  // Features still go with their labels.
  const std::vector<std::int64_t> labels = Mixed({20, 3, 9});
  const std::vector<std::int64_t> classes = ClassOfRows(Task::kMulticlass, dataset->train.targets);
  for (std::size_t i = 0; i < kept.size(); ++i) EXPECT_EQ(classes[i], labels[static_cast<std::size_t>(kept[i])]);
}

TEST(SubsetPerClass, ThinsTheTestPartWhenAsked) {
  const auto dataset = ApplyTransforms({SubsetPerClass{5, 2, 1}}, Labelled(Mixed({6, 6, 6}), Mixed({4, 4, 1})));
  ASSERT_THAT(dataset, Succeeds());
  EXPECT_THAT(Counts(*dataset, dataset->test), ElementsAre(2, 2, 1));
}

TEST(SubsetPerClass, DependsOnTheSeedOnly) {
  const Dataset data = Labelled(Mixed({50, 50, 50}));
  const auto first = ApplyTransforms({SubsetPerClass{10, 0, 1}}, data);
  const auto again = ApplyTransforms({SubsetPerClass{10, 0, 1}}, data);
  const auto other = ApplyTransforms({SubsetPerClass{10, 0, 2}}, data);
  EXPECT_EQ(Column(first->train.features), Column(again->train.features));
  EXPECT_NE(Column(first->train.features), Column(other->train.features));
}

TEST(SubsetPerClass, RefusesCountsOutOfRange) {
  EXPECT_THAT(ApplyTransforms({SubsetPerClass{0, 0, 0}}, Labelled({0, 1, 2})),
              IsInvalid("transforms[0].subset_per_class: rows_per_class = 0: must be >= 1"));
  EXPECT_THAT(ApplyTransforms({SubsetPerClass{1, -1, 0}}, Labelled({0, 1, 2})),
              IsInvalid("test_rows_per_class = -1: must be >= 0"));
}

TEST(TrainTestSplit, TakesTheShareOfEveryClass) {
  const auto dataset = ApplyTransforms({TrainTestSplit{0.25, 5}}, Labelled(Mixed({40, 8, 2})));
  ASSERT_THAT(dataset, Succeeds());
  EXPECT_THAT(Counts(*dataset, dataset->test), ElementsAre(10, 2, 1));
  EXPECT_THAT(Counts(*dataset, dataset->train), ElementsAre(30, 6, 1));
  // Every row is on exactly one side.
  std::multiset<double> all;
  for (const Part* part : {&dataset->train, &dataset->test}) {
    for (const double value : Column(part->features)) all.insert(value);
  }
  EXPECT_EQ(all.size(), 50U);
  EXPECT_EQ(std::set<double>(all.begin(), all.end()).size(), 50U);
}

TEST(TrainTestSplit, KeepsOneRowOnEachSideWhateverTheFraction) {
  for (const double fraction : {0.001, 0.999}) {
    const auto dataset = ApplyTransforms({TrainTestSplit{fraction, 0}}, Labelled(Mixed({3, 2, 10})));
    ASSERT_THAT(dataset, Succeeds());
    EXPECT_THAT(Counts(*dataset, dataset->train), Each(testing::Ge(1)));
    EXPECT_THAT(Counts(*dataset, dataset->test), Each(testing::Ge(1)));
  }
}

TEST(TrainTestSplit, DependsOnTheSeedOnly) {
  const Dataset data = Labelled(Mixed({50, 50, 50}));
  const auto first = ApplyTransforms({TrainTestSplit{0.2, 1}}, data);
  const auto again = ApplyTransforms({TrainTestSplit{0.2, 1}}, data);
  const auto other = ApplyTransforms({TrainTestSplit{0.2, 2}}, data);
  EXPECT_EQ(Column(first->test.features), Column(again->test.features));
  EXPECT_NE(Column(first->test.features), Column(other->test.features));
}

TEST(TrainTestSplit, SplitsRegressionPlainly) {
  Dataset regression;
  regression.train = {Table({{1}, {2}, {3}, {4}, {5}}), Table({{1}, {2}, {3}, {4}, {5}})};
  const auto dataset = ApplyTransforms({TrainTestSplit{0.4, 0}}, regression);
  ASSERT_THAT(dataset, Succeeds());
  EXPECT_EQ(dataset->test.rows(), 2);
  EXPECT_EQ(Column(dataset->test.features), Column(dataset->test.targets));
  regression.train = {Table({{1}}), Table({{1}})};
  EXPECT_THAT(ApplyTransforms({TrainTestSplit{}}, regression), IsInvalid("the training part has 1 row"));
}

TEST(TrainTestSplit, RefusesWhatWouldLeaveAClassEmpty) {
  EXPECT_THAT(ApplyTransforms({TrainTestSplit{0.5, 0}}, Labelled({0, 0, 1, 2, 2})),
              IsInvalid("transforms[0].train_test_split: class \"dog\" has 1 row: must have at least 2"));
}

TEST(TrainTestSplit, RefusesFractionsOutOfRangeAndASecondTestPart) {
  for (const double fraction : {0.0, 1.0, -0.5, std::nan("")}) {
    EXPECT_THAT(ApplyTransforms({TrainTestSplit{fraction, 0}}, Labelled(Mixed({2, 2, 2}))),
                IsInvalid("must be in (0, 1)"));
  }
  EXPECT_THAT(ApplyTransforms({TrainTestSplit{}}, Labelled(Mixed({2, 2, 2}), {0})),
              IsInvalid("the data set already has a test part of 1 rows"));
}

}  // namespace
}  // namespace cvxnn::data
