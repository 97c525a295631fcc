// SPDX-License-Identifier: Apache-2.0
// Tests of the column transforms against NumPy's results (tests/testdata/make_fixtures.py) and by hand.
#include "core/data/column_transforms.h"

#include <sys/resource.h>
#include <unistd.h>

#include <Eigen/Eigenvalues>
#include <cmath>
#include <cstdlib>
#include <fstream>

#include "core/data/apply_transforms.h"
#include "core/data/random.h"
#include "tests/core/data/support.h"

namespace cvxnn::data {
namespace {

using testing::ElementsAre;

// A regression set of these training rows and test rows.
Dataset Unlabelled(Matrix train, Matrix test = Matrix()) {
  Dataset dataset;
  dataset.train.targets = Matrix(ElementType::kFloat64, train.rows(), 1);
  dataset.test.targets = Matrix(ElementType::kFloat64, test.rows(), 1);
  dataset.train.features = std::move(train);
  dataset.test.features = std::move(test);
  return dataset;
}

Matrix ToFloat(const Matrix& matrix) { return Matrix(RowMajor<float>(matrix.ToDouble().cast<float>())); }

TEST(Standardize, AgreesWithNumPy) {
  const auto dataset = ApplyTransforms(
      {Standardize{}}, Unlabelled(Fixture("transforms/tall.npy").values, Fixture("transforms/fresh.npy").values));
  ASSERT_THAT(dataset, Succeeds());
  ExpectNear(dataset->train.features, Fixture("transforms/tall_standardized.npy").values, 1e-12);
  ExpectNear(dataset->test.features, Fixture("transforms/fresh_standardized.npy").values, 1e-11);
}

TEST(Standardize, AgreesWithNumPyInFloat32) {
  const auto dataset = ApplyTransforms({Standardize{}}, Unlabelled(ToFloat(Fixture("transforms/tall.npy").values)));
  ASSERT_THAT(dataset, Succeeds());
  ExpectNear(dataset->train.features, Fixture("transforms/tall_standardized.npy").values, 1e-5);
}

TEST(Standardize, OnlyCentresConstantColumns) {
  // 0.1 has no exact sum: a mean computed naively would leave a residue, and dividing by it would make noise.
  std::vector<std::vector<double>> rows(1000, {0.1, 0});
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i][1] = i % 2 == 0 ? 3 : 5;
  const auto dataset = ApplyTransforms({Standardize{}}, Unlabelled(Table(rows), Table({{0.6, 6}})));
  ASSERT_THAT(dataset, Succeeds());
  EXPECT_EQ(dataset->train.features.at(7, 0), 0.0);
  EXPECT_EQ(dataset->train.features.at(7, 1), 1.0);
  EXPECT_EQ(dataset->test.features.at(0, 0), 0.5);
  EXPECT_EQ(dataset->test.features.at(0, 1), 2.0);
  EXPECT_THAT(dataset->description.transforms[0].scale, ElementsAre(1.0, 1.0));
}

TEST(Standardize, HoldsWhereSquaresWouldNot) {
  for (const double unit : {1e200, 1e-200}) {
    const auto dataset = ApplyTransforms({Standardize{}}, Unlabelled(Table({{unit}, {3 * unit}})));
    ASSERT_THAT(dataset, Succeeds());
    EXPECT_DOUBLE_EQ(dataset->train.features.at(0, 0), -1.0);
    EXPECT_DOUBLE_EQ(dataset->train.features.at(1, 0), 1.0);
  }
  const auto too_large = ApplyTransforms({Standardize{}}, Unlabelled(Table({{1, 1.5e308}, {2, -1.5e308}})));
  EXPECT_EQ(too_large.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(too_large.status().message()), ::testing::HasSubstr("column 1"));
}

TEST(Standardize, SumsFloat32InFloat64) {
  // 2^24 + 1 is no float32: a float32 sum of many ones stops growing there, and small variances drown.
  const std::int64_t rows = 200'000;
  RowMajor<float> values(rows, 1);
  for (std::int64_t i = 0; i < rows; ++i) values(i, 0) = i % 2 == 0 ? 10000.0F : 10001.0F;
  std::vector<double> mean;
  std::vector<double> scale;
  FitMoments(Matrix(values), 1, &mean, &scale);
  EXPECT_NEAR(mean[0], 10000.5, 1e-9);
  EXPECT_NEAR(scale[0], 0.5, 1e-12);
}

TEST(NormalizeChannels, AgreesWithNumPy) {
  const NpyArray images = Fixture("transforms/images.npy");
  Dataset dataset = Unlabelled(images.values);
  dataset.description.image_shape = ImageShape{3, 2, 4};
  const auto normalized = ApplyTransforms({DivideBy{255.0}, NormalizeChannels{}}, dataset);
  ASSERT_THAT(normalized, Succeeds());
  EXPECT_EQ(normalized->train.features.type(), ElementType::kFloat32);
  ExpectNear(normalized->train.features, Fixture("transforms/images_normalized.npy").values, 1e-5);
  EXPECT_EQ(normalized->description.transforms[1].mean.size(), 3U);
  EXPECT_TRUE(normalized->description.image_shape.has_value());
}

TEST(DivideBy, Divides) {
  const auto dataset = ApplyTransforms({DivideBy{-4.0}}, Unlabelled(Table({{1, 2}}), Table({{3, 8}})));
  ASSERT_THAT(dataset, Succeeds());
  EXPECT_EQ(Rows(dataset->train.features), Rows(Table({{-0.25, -0.5}})));
  EXPECT_EQ(Rows(dataset->test.features), Rows(Table({{-0.75, -2}})));
}

TEST(AppendBias, AppendsAColumnOfOnesWhateverTheSizeAndTheType) {
  for (const std::int64_t rows : {1, 2, 7, 40}) {
    for (const std::int64_t cols : {1, 2, 3, 50}) {
      RowMajor<double> wide(rows, cols);
      for (std::int64_t i = 0; i < wide.size(); ++i) wide.data()[i] = static_cast<double>(i * i % 37);
      for (const Matrix& values : {Matrix(wide), Matrix(RowMajor<float>(wide.cast<float>()))}) {
        const auto dataset = ApplyTransforms({AppendBias{}}, Unlabelled(values));
        ASSERT_THAT(dataset, Succeeds());
        const RowMajor<double> result = dataset->train.features.ToDouble();
        ASSERT_EQ(result.cols(), cols + 1);
        EXPECT_EQ(dataset->train.features.type(), values.type());
        EXPECT_EQ(RowMajor<double>(result.leftCols(cols)), wide);
        EXPECT_TRUE((result.rightCols(1).array() == 1).all());
      }
    }
  }
}

// Address sanitizer's allocator keeps what is freed, and its shadow needs room of its own.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
// A process that has room for the new column and little more.
[[noreturn]] void AppendWithLittleRoom() {
  constexpr std::int64_t kRows = std::int64_t{1} << 17, kColumns = 64;  // 64 MiB
  FittedTransform bias{AppendBias{}, {}, {}, {}};
  Matrix rows(ElementType::kFloat64, kRows, kColumns);
  long pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  const rlim_t used = static_cast<rlim_t>(pages) * static_cast<rlim_t>(sysconf(_SC_PAGESIZE));
  const rlimit limit{used + (rlim_t{16} << 20), RLIM_INFINITY};
  if (setrlimit(RLIMIT_AS, &limit) != 0) std::_Exit(2);
  StopFlag stop({});
  if (!ApplyColumns(bias, &rows, &stop).ok()) std::_Exit(3);
  std::_Exit(rows.cols() == kColumns + 1 && rows.at(kRows - 1, kColumns) == 1 ? 0 : 4);
}

TEST(AppendBiasDeathTest, NeverHoldsASecondCopyOfTheData) {
  EXPECT_EXIT(AppendWithLittleRoom(), testing::ExitedWithCode(0), "");
}
#endif

TEST(AppendBias, KeepsTheImageShape) {
  Dataset images = Unlabelled(Table({{1, 2}, {3, 4}}));
  images.description.image_shape = ImageShape{1, 1, 2};
  const auto dataset = ApplyTransforms({AppendBias{}}, images);
  ASSERT_THAT(dataset, Succeeds());
  EXPECT_EQ(Rows(dataset->train.features), Rows(Table({{1, 2, 1}, {3, 4, 1}})));
  EXPECT_TRUE(dataset->description.image_shape.has_value());
}

TEST(PrincipalComponents, AgreesWithNumPyOnMoreRowsThanColumns) {
  const auto dataset = ApplyTransforms({PrincipalComponents{3}}, Unlabelled(Fixture("transforms/tall.npy").values,
                                                                            Fixture("transforms/fresh.npy").values));
  ASSERT_THAT(dataset, Succeeds());
  ExpectNear(dataset->train.features, Fixture("transforms/tall_pca3.npy").values, 1e-10);
  ExpectNear(dataset->test.features, Fixture("transforms/fresh_pca3.npy").values, 1e-10);
}

TEST(PrincipalComponents, AgreesWithNumPyOnMoreColumnsThanRows) {
  const auto dataset = ApplyTransforms({PrincipalComponents{4}}, Unlabelled(Fixture("transforms/wide.npy").values));
  ASSERT_THAT(dataset, Succeeds());
  ExpectNear(dataset->train.features, Fixture("transforms/wide_pca4.npy").values, 1e-10);
}

TEST(PrincipalComponents, AgreesWithNumPyInFloat32) {
  const auto dataset =
      ApplyTransforms({PrincipalComponents{3}}, Unlabelled(ToFloat(Fixture("transforms/tall.npy").values)));
  ASSERT_THAT(dataset, Succeeds());
  EXPECT_EQ(dataset->train.features.type(), ElementType::kFloat32);
  ExpectNear(dataset->train.features, Fixture("transforms/tall_pca3.npy").values, 1e-4);
}

TEST(PrincipalComponents, HasOrthonormalDirections) {
  for (const char* name : {"transforms/tall.npy", "transforms/wide.npy"}) {
    const auto dataset = ApplyTransforms({PrincipalComponents{5}}, Unlabelled(Fixture(name).values));
    ASSERT_THAT(dataset, Succeeds());
    const FittedTransform& fitted = dataset->description.transforms[0];
    const Eigen::Map<const RowMajor<double>> directions(fitted.projection.data(),
                                                        static_cast<Eigen::Index>(fitted.mean.size()), 5);
    EXPECT_LT((directions.transpose() * directions - Eigen::MatrixXd::Identity(5, 5)).norm(), 1e-12);
  }
}

TEST(PrincipalComponents, WorksAcrossRowBlocks) {
  // 600 rows take three blocks on the Gram side, 600×700; rank 2 by construction.
  RowMajor<double> rows(600, 700);
  for (Eigen::Index i = 0; i < rows.rows(); ++i) {
    for (Eigen::Index j = 0; j < rows.cols(); ++j) {
      rows(i, j) = std::sin(0.1 * static_cast<double>(i)) * static_cast<double>(j) +
                   std::cos(0.37 * static_cast<double>(i)) * static_cast<double>(j % 5);
    }
  }
  const auto dataset = ApplyTransforms({PrincipalComponents{2}}, Unlabelled(Matrix(rows)));
  ASSERT_THAT(dataset, Succeeds());
  // Two directions hold all of it: distances to the mean are kept.
  const RowMajor<double> centred = rows.rowwise() - rows.colwise().mean();
  EXPECT_NEAR(dataset->train.features.ToDouble().norm() / centred.norm(), 1.0, 1e-10);
}

// Rows whose columns decay slowly and are mixed, so that no coordinate is a direction.
Matrix Decaying(std::int64_t rows, std::int64_t columns) {
  RandomStream random(3);
  RowMajor<double> values(rows, columns);
  for (Eigen::Index i = 0; i < values.size(); ++i) values.data()[i] = random.Normal();
  for (Eigen::Index j = 0; j < columns; ++j) values.col(j) *= std::pow(static_cast<double>(j + 1), -0.5);
  for (Eigen::Index j = 1; j < columns; ++j) values.col(j) += 0.3 * values.col(j - 1);
  return Matrix(std::move(values));
}

TEST(PrincipalComponents, AreThoseOfTheFullDecompositionWhenFewAreAskedFor) {
  for (const auto& [rows, columns] : {std::pair{500, 300}, std::pair{300, 500}}) {
    const Matrix data = Decaying(rows, columns);
    const auto dataset = ApplyTransforms({PrincipalComponents{5}}, Unlabelled(data));
    ASSERT_THAT(dataset, Succeeds());
    Eigen::MatrixXd centred(rows, columns);
    for (int i = 0; i < rows; ++i) {
      for (int j = 0; j < columns; ++j) centred(i, j) = data.at(i, j);
    }
    centred.rowwise() -= centred.colwise().mean().eval();
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> covariance(centred.transpose() * centred);
    const auto& projection = dataset->description.transforms[0].projection;
    const Eigen::Map<const RowMajor<double>> found(projection.data(), columns, 5);
    for (int k = 0; k < 5; ++k)
      EXPECT_NEAR(std::abs(covariance.eigenvectors().col(columns - 1 - k).dot(found.col(k))), 1, 1e-10) << k;
  }
}

TEST(PrincipalComponents, FallBackToTheFullDecompositionForTheRank) {
  // Rank 4 of 300 columns.
  RowMajor<double> rows(400, 300);
  const Matrix factors = Decaying(400, 4);
  for (int i = 0; i < 400; ++i) {
    for (int j = 0; j < 300; ++j) {
      rows(i, j) = 0;
      for (int k = 0; k < 4; ++k) rows(i, j) += factors.at(i, k) * std::sin(1.0 + j * (k + 1));
    }
  }
  EXPECT_THAT(ApplyTransforms({PrincipalComponents{4}}, Unlabelled(Matrix(rows))), Succeeds());
  EXPECT_THAT(ApplyTransforms({PrincipalComponents{5}}, Unlabelled(Matrix(rows))),
              IsInvalid("components = 5: must be in [1, 4], the rank of the training rows"));
}

TEST(PrincipalComponents, SayThatSquaresOverflow) {
  EXPECT_THAT(ApplyTransforms({PrincipalComponents{1}}, Unlabelled(Table({{1e200, 1}, {-1e200, 2}, {3, 3}}))),
              IsInvalid("the squares of the training rows overflow: must be scaled down first"));
}

TEST(PrincipalComponents, EndWhenAsked) {
  // At the sums, at the iteration, and at the projection.
  for (int last : {2, 4, 9}) {
    int asked = 0;
    const auto stopped =
        ApplyTransforms({PrincipalComponents{5}}, Unlabelled(Decaying(500, 300)), [&] { return ++asked >= last; });
    EXPECT_THAT(stopped, Fails(absl::StatusCode::kCancelled, "stopped on request"));
    EXPECT_EQ(asked, last);
  }
}

TEST(PrincipalComponents, DropsImageShapeAndUnnamedStaysUnnamed) {
  Dataset images = Unlabelled(Fixture("transforms/images.npy").values);
  images.description.image_shape = ImageShape{3, 2, 4};
  const auto dataset = ApplyTransforms({PrincipalComponents{2}}, images);
  ASSERT_THAT(dataset, Succeeds());
  EXPECT_FALSE(dataset->description.image_shape.has_value());
  EXPECT_TRUE(dataset->description.feature_names.empty());
}

TEST(PrincipalComponents, RefusesComponentsOutOfRange) {
  for (const std::int64_t components : {0, -1, 7}) {
    EXPECT_THAT(ApplyTransforms({PrincipalComponents{components}}, Unlabelled(Fixture("transforms/tall.npy").values)),
                IsInvalid("transforms[0].principal_components: components = " + std::to_string(components) +
                          ": must be in [1, 6]"));
  }
  // Centring takes one direction from six rows.
  EXPECT_THAT(ApplyTransforms({PrincipalComponents{6}}, Unlabelled(Fixture("transforms/wide.npy").values)),
              IsInvalid("components = 6: must be in [1, 5], the rank of the training rows"));
  EXPECT_THAT(ApplyTransforms({PrincipalComponents{2}}, Unlabelled(Table({{1, 2}, {2, 4}, {3, 6}}))),
              IsInvalid("components = 2: must be in [1, 1], the rank"));
  EXPECT_THAT(ApplyTransforms({PrincipalComponents{1}}, Unlabelled(Table({{1, 2}, {1, 2}}))),
              IsInvalid("the training rows are all equal"));
}

}  // namespace
}  // namespace cvxnn::data
