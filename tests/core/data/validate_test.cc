// SPDX-License-Identifier: Apache-2.0
// Tests of the data set checks: one fault each, put into a valid data set.
#include "core/data/validate.h"

#include <functional>

#include "tests/core/data/support.h"

namespace cvxnn::data {
namespace {

Dataset Valid(Task task) {
  Dataset dataset;
  const bool one_hot = task == Task::kMulticlass;
  dataset.train = {Table({{1, 2}, {3, 4}}), one_hot ? Table({{1, 0}, {0, 1}}) : Table({{-1}, {1}})};
  dataset.test = {Table({{5, 6}}), one_hot ? Table({{1, 0}}) : Table({{-1}})};
  dataset.description.task = task;
  if (task != Task::kRegression) dataset.description.class_names = {"a", "b"};
  dataset.description.feature_names = {"x", "z"};
  return dataset;
}

void ExpectFault(Task task, const std::function<void(Dataset&)>& spoil, const std::string& message) {
  Dataset dataset = Valid(task);
  spoil(dataset);
  EXPECT_THAT(ValidateDataset(dataset), IsInvalid(message));
}

TEST(ValidateDataset, AcceptsEveryTask) {
  for (const Task task : {Task::kRegression, Task::kBinary, Task::kMulticlass}) {
    EXPECT_THAT(ValidateDataset(Valid(task)), Succeeds());
  }
}

TEST(ValidateDataset, AcceptsNoTestPart) {
  Dataset dataset = Valid(Task::kBinary);
  dataset.test = Part();
  EXPECT_THAT(ValidateDataset(dataset), Succeeds());
}

TEST(ValidateDataset, NamesShapesThatDisagree) {
  ExpectFault(
      Task::kBinary, [](Dataset& d) { d.train = Part(); }, "train.features has 0 rows: must have >= 1");
  ExpectFault(
      Task::kBinary, [](Dataset& d) { d.train.features = Matrix(ElementType::kFloat64, 2, 0); },
      "train.features has 0 columns");
  ExpectFault(
      Task::kRegression, [](Dataset& d) { d.train.targets = Matrix(ElementType::kFloat64, 2, 0); },
      "train.targets has 0 columns");
  ExpectFault(
      Task::kBinary, [](Dataset& d) { d.train.targets = Table({{1}}); },
      "train.features has 2 rows but train.targets has 1");
  ExpectFault(
      Task::kBinary,
      [](Dataset& d) {
        d.test.targets = Table({{1}, {-1}});
      },
      "test.features has 1 rows but test.targets has 2");
  ExpectFault(
      Task::kBinary,
      [](Dataset& d) {
        d.test.features = Table({{1, 2, 3}});
      },
      "test.features has 3 columns but train.features has 2");
  ExpectFault(
      Task::kBinary,
      [](Dataset& d) {
        d.test.targets = Table({{1, 1}});
      },
      "test.targets has 2 columns but train.targets has 1");
}

TEST(ValidateDataset, NamesDescriptionsThatDoNotFit) {
  ExpectFault(
      Task::kBinary, [](Dataset& d) { d.description.feature_names = {"x"}; },
      "feature_names has 1 names for 2 columns");
  ExpectFault(
      Task::kRegression,
      [](Dataset& d) {
        d.description.target_names = {"u", "v"};
      },
      "target_names has 2 names for 1 columns");
  ExpectFault(
      Task::kBinary, [](Dataset& d) { d.description.class_names = {"a"}; }, "class_names has 1 names for 2 classes");
  ExpectFault(
      Task::kBinary,
      [](Dataset& d) {
        d.description.image_shape = ImageShape{2, 2, 1};
      },
      "image_shape 2x2x1 has 4 pixels for 2 columns");
  ExpectFault(
      Task::kBinary,
      [](Dataset& d) {
        d.description.image_shape = ImageShape{1, 1, std::int64_t{1} << 60};
      },
      "does not fit 2 columns");
  ExpectFault(
      Task::kBinary,
      [](Dataset& d) {
        d.description.image_shape = ImageShape{0, 1, 2};
      },
      "does not fit 2 columns");
}

TEST(ValidateDataset, NamesPartRowAndColumnOfWhatIsNotFinite) {
  ExpectFault(
      Task::kRegression,
      [](Dataset& d) {
        d.train.features = Table({{1, 2}, {3, NAN}});
      },
      "train.features: row 1, column 1 is nan: must be finite");
  ExpectFault(
      Task::kRegression,
      [](Dataset& d) {
        d.train.targets = Table({{-INFINITY}, {1}});
      },
      "train.targets: row 0, column 0 is -inf");
  ExpectFault(
      Task::kRegression,
      [](Dataset& d) {
        d.test.features = Table({{INFINITY, 1}}, ElementType::kFloat32);
      },
      "test.features: row 0, column 0 is inf");
  ExpectFault(
      Task::kRegression, [](Dataset& d) { d.test.targets = Table({{NAN}}); }, "test.targets: row 0, column 0 is nan");
}

TEST(ValidateDataset, NamesTargetsThatAreNoClasses) {
  ExpectFault(
      Task::kBinary,
      [](Dataset& d) {
        d.train.targets = Table({{-1}, {0}});
      },
      "train.targets: row 1 is 0: must be -1 or +1");
  ExpectFault(
      Task::kBinary, [](Dataset& d) { d.test.targets = Table({{2}}); }, "test.targets: row 0 is 2: must be -1 or +1");
  for (const auto& row : std::vector<std::vector<double>>{{0, 0}, {1, 1}, {0.5, 0.5}, {1, -1}, {2, 0}}) {
    ExpectFault(
        Task::kMulticlass,
        [&](Dataset& d) {
          d.train.targets = Table({{1, 0}, row});
        },
        "train.targets: row 1 is not one-hot");
  }
  ExpectFault(
      Task::kMulticlass,
      [](Dataset& d) {
        d.train.targets = Table({{1}, {1}});
        d.test = Part();
      },
      "a multiclass task has >= 2");
  ExpectFault(
      Task::kBinary,
      [](Dataset& d) {
        d.train.targets = Table({{1, 0}, {0, 1}});
        d.test = Part();
      },
      "a binary task has 1");
}

TEST(ValidateDataset, NamesAClassWithoutTrainingRows) {
  ExpectFault(
      Task::kBinary,
      [](Dataset& d) {
        d.train.targets = Table({{1}, {1}});
      },
      "class \"a\" has no rows in the training part");
  ExpectFault(
      Task::kMulticlass,
      [](Dataset& d) {
        d.train.targets = Table({{1, 0}, {1, 0}});
      },
      "class \"b\" has no rows in the training part");
}

}  // namespace
}  // namespace cvxnn::data
