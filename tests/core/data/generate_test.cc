// SPDX-License-Identifier: Apache-2.0
// Tests of the generators: each against its formula, written out again here, and against its promised statistics.
#include "core/data/generate.h"

#include <cmath>
#include <numbers>

#include "core/data/apply_transforms.h"
#include "core/data/class_labels.h"
#include "core/data/validate.h"
#include "tests/core/data/support.h"

namespace cvxnn::data {
namespace {

using testing::ElementsAre;

class EveryGenerator : public testing::TestWithParam<GeneratorSpec> {
 protected:
  GeneratorSpec Spec() const {
    GeneratorSpec spec = GetParam();
    spec.test_rows = 7;
    spec.seed = 11;
    return spec;
  }
};

TEST_P(EveryGenerator, MakesAValidDataSet) {
  const auto dataset = Generate(Spec());
  ASSERT_THAT(dataset, Succeeds());
  EXPECT_THAT(ValidateDataset(*dataset), Succeeds());
  EXPECT_EQ(dataset->test.rows(), 7);
  EXPECT_EQ(dataset->train.features.type(), ElementType::kFloat64);
  EXPECT_EQ(dataset->description.source, "generated " + GeneratorName(Spec()) + " seed=11");
}

TEST_P(EveryGenerator, DependsOnTheSeedOnly) {
  const auto first = Generate(Spec());
  const auto again = Generate(Spec());
  EXPECT_EQ(Rows(first->train.features), Rows(again->train.features));
  EXPECT_EQ(Rows(first->train.targets), Rows(again->train.targets));
  EXPECT_EQ(Rows(first->test.features), Rows(again->test.features));
  if (std::holds_alternative<SineGenerator>(Spec().generator)) return;  // has no randomness
  GeneratorSpec other = Spec();
  other.seed = 12;
  EXPECT_NE(Rows(first->train.features), Rows(Generate(other)->train.features));
  EXPECT_NE(Rows(first->train.features)[0], Rows(first->test.features)[0]);
}

TEST_P(EveryGenerator, KeepsItsTrainingRowsWhateverTheTestRows) {
  GeneratorSpec without_test = Spec();
  without_test.test_rows = 0;
  EXPECT_EQ(Rows(Generate(Spec())->train.features), Rows(Generate(without_test)->train.features));
  EXPECT_EQ(Rows(Generate(Spec())->train.targets), Rows(Generate(without_test)->train.targets));
}

INSTANTIATE_TEST_SUITE_P(Kinds, EveryGenerator,
                         testing::Values(GeneratorSpec{GaussianGenerator{}, 0, 0}, GeneratorSpec{SineGenerator{}, 0, 0},
                                         GeneratorSpec{TwoSpiralsGenerator{}, 0, 0},
                                         GeneratorSpec{BlobsGenerator{}, 0, 0},
                                         GeneratorSpec{PlantedNetworkGenerator{}, 0, 0}),
                         [](const auto& instance) { return GeneratorName(instance.param); });

Dataset Make(decltype(GeneratorSpec::generator) generator, std::int64_t test_rows = 0, std::uint64_t seed = 1) {
  auto dataset = Generate({std::move(generator), test_rows, seed});
  EXPECT_THAT(dataset, Succeeds());
  return *std::move(dataset);
}

TEST(GaussianGenerator, IsStandardNormal) {
  const RowMajor<double> x = Make(GaussianGenerator{20'000, 3, GaussianLabels::kSign}).train.features.ToDouble();
  const double n = static_cast<double>(x.rows());
  const Eigen::MatrixXd covariance = x.transpose() * x / n;
  EXPECT_LT(x.colwise().mean().cwiseAbs().maxCoeff(), 5 / std::sqrt(n));
  EXPECT_LT((covariance - Eigen::MatrixXd::Identity(3, 3)).cwiseAbs().maxCoeff(), 8 / std::sqrt(n));
  EXPECT_NEAR(x.array().pow(4).mean(), 3.0, 0.15);  // a normal's fourth moment
}

TEST(GaussianGenerator, LabelsByTheUnitBall) {
  const Dataset data = Make(GaussianGenerator{500, 2, GaussianLabels::kOutsideUnitBall}, 100);
  for (const Part* part : {&data.train, &data.test}) {
    for (std::int64_t i = 0; i < part->rows(); ++i) {
      const double norm = std::hypot(part->features.at(i, 0), part->features.at(i, 1));
      ASSERT_EQ(part->targets.at(i, 0), norm > 1 ? 1 : -1);
    }
  }
  EXPECT_EQ(data.description.task, Task::kBinary);
  EXPECT_THAT(data.description.class_names, ElementsAre("-1", "+1"));
}

TEST(GaussianGenerator, LabelsByTheSignOfTheFirstCoordinate) {
  const Dataset data = Make(GaussianGenerator{500, 4, GaussianLabels::kSign});
  for (std::int64_t i = 0; i < 500; ++i) {
    ASSERT_EQ(data.train.targets.at(i, 0), data.train.features.at(i, 0) >= 0 ? 1 : -1);
  }
}

TEST(GaussianGenerator, LabelsAtRandom) {
  const Dataset data = Make(GaussianGenerator{10'000, 1, GaussianLabels::kRandomSign});
  const RowMajor<double> y = data.train.targets.ToDouble();
  EXPECT_LT(std::abs(y.mean()), 0.05);
  EXPECT_LT(std::abs((y.array() * data.train.features.ToDouble().array()).mean()), 0.05);
}

TEST(GaussianGenerator, SaysWhenAClassStayedEmpty) {
  EXPECT_THAT(Generate({GaussianGenerator{10, 200, GaussianLabels::kOutsideUnitBall}, 0, 0}),
              IsInvalid("gaussian: no training row fell into class -1"));
}

TEST(SineGenerator, IsTheSineOnEquallySpacedPointsWithABias) {
  const Dataset data = Make(SineGenerator{10, 10.0}, 3);
  ASSERT_EQ(data.train.features.rows(), 10);
  ASSERT_EQ(data.train.features.cols(), 2);
  for (std::int64_t i = 0; i < 10; ++i) {
    const double x = -1.0 + 2.0 * static_cast<double>(i) / 9.0;
    EXPECT_NEAR(data.train.features.at(i, 0), x, 1e-15);
    EXPECT_EQ(data.train.features.at(i, 1), 1.0);
    EXPECT_NEAR(data.train.targets.at(i, 0), std::sin(10.0 * x), 1e-14);
  }
  EXPECT_EQ(Rows(data.test.features), Rows(Table({{-1, 1}, {0, 1}, {1, 1}})));
  EXPECT_TRUE(data.description.has_bias_column);
  EXPECT_EQ(RawColumns(data.description, 2), 1);
  const auto rows = TransformRows(data.description, 2, Table({{0.25}}));
  ASSERT_THAT(rows, Succeeds());
  EXPECT_EQ(Rows(*rows), Rows(Table({{0.25, 1}})));
}

TEST(TwoSpiralsGenerator, LiesOnTheArms) {
  const Dataset data = Make(TwoSpiralsGenerator{400, 2.0, 0.0});
  for (std::int64_t i = 0; i < 400; ++i) {
    const double arm = static_cast<double>(i % 2);
    const double radius = std::hypot(data.train.features.at(i, 0), data.train.features.at(i, 1));
    ASSERT_LE(radius, 1.0);
    const double angle = 2 * std::numbers::pi * 2.0 * radius + arm * std::numbers::pi;
    EXPECT_NEAR(data.train.features.at(i, 0), radius * std::cos(angle), 1e-12);
    EXPECT_NEAR(data.train.features.at(i, 1), radius * std::sin(angle), 1e-12);
    EXPECT_EQ(data.train.targets.at(i, 0), arm == 0 ? -1 : 1);
  }
}

TEST(BlobsGenerator, GathersRowsAroundTheirCentres) {
  const Dataset data = Make(BlobsGenerator{3000, 4, 3, 50.0, 0.5});
  EXPECT_THAT(data.description.class_names, ElementsAre("blob_0", "blob_1", "blob_2"));
  const RowMajor<double> x = data.train.features.ToDouble();
  RowMajor<double> centers = RowMajor<double>::Zero(3, 4);
  for (Eigen::Index i = 0; i < 3000; ++i) centers.row(i % 3) += x.row(i) / 1000.0;
  double squares = 0;
  for (Eigen::Index i = 0; i < 3000; ++i) squares += (x.row(i) - centers.row(i % 3)).squaredNorm();
  EXPECT_NEAR(std::sqrt(squares / (3000 * 4)), 0.5, 0.02);
  EXPECT_THAT(CountClasses(ClassOfRows(Task::kMulticlass, data.train.targets), 3), ElementsAre(1000, 1000, 1000));
}

TEST(PlantedNetworkGenerator, IsAReluNetworkPlusNoise) {
  // One neuron in one dimension: y = a (x u)+ is 0 on one side and a line through 0 on the other.
  const Dataset data = Make(PlantedNetworkGenerator{200, 1, 1, 0.0});
  double slope = 0;
  double side = 0;
  for (std::int64_t i = 0; i < 200; ++i) {
    const double x = data.train.features.at(i, 0);
    const double y = data.train.targets.at(i, 0);
    if (y != 0 && slope == 0) slope = y / x, side = x;
    EXPECT_NEAR(y, x * side > 0 ? slope * x : 0.0, 1e-12);
  }
  EXPECT_NE(slope, 0);
}

TEST(PlantedNetworkGenerator, KeepsNetworkAndRowsWhenNoiseIsAdded) {
  const Dataset clean = Make(PlantedNetworkGenerator{5000, 6, 4, 0.0});
  const Dataset noisy = Make(PlantedNetworkGenerator{5000, 6, 4, 0.3});
  EXPECT_EQ(Rows(clean.train.features), Rows(noisy.train.features));
  const RowMajor<double> noise = noisy.train.targets.ToDouble() - clean.train.targets.ToDouble();
  EXPECT_NEAR(std::sqrt(noise.squaredNorm() / 5000), 0.3, 0.02);
  EXPECT_GT(clean.train.targets.ToDouble().norm(), 1.0);
}

TEST(Generate, NamesFieldValueAndRange) {
  const auto message = [](decltype(GeneratorSpec::generator) generator) {
    return std::string(Generate({std::move(generator), 0, 0}).status().message());
  };
  EXPECT_EQ(message(GaussianGenerator{1, 2, {}}), "gaussian.rows = 1: must be >= 2");
  EXPECT_EQ(message(GaussianGenerator{2, 0, {}}), "gaussian.columns = 0: must be >= 1");
  EXPECT_EQ(message(SineGenerator{1, 10}), "sine.rows = 1: must be >= 2");
  EXPECT_EQ(message(SineGenerator{2, 0}), "sine.frequency = 0: must be finite and not 0");
  EXPECT_EQ(message(SineGenerator{2, INFINITY}), "sine.frequency = inf: must be finite and not 0");
  EXPECT_EQ(message(TwoSpiralsGenerator{1, 1, 0}), "two_spirals.rows = 1: must be >= 2");
  EXPECT_EQ(message(TwoSpiralsGenerator{2, 21, 0}), "two_spirals.turns = 21: must be in (0, 20]");
  EXPECT_EQ(message(TwoSpiralsGenerator{2, std::nan(""), 0}), "two_spirals.turns = nan: must be in (0, 20]");
  EXPECT_EQ(message(TwoSpiralsGenerator{2, 1, -1}), "two_spirals.noise = -1: must be >= 0");
  EXPECT_EQ(message(BlobsGenerator{9, 2, 1, 1, 1}), "blobs.centers = 1: must be in [2, 1000]");
  EXPECT_EQ(message(BlobsGenerator{2, 2, 3, 1, 1}), "blobs.rows = 2: must be >= 3");
  EXPECT_EQ(message(BlobsGenerator{9, 0, 3, 1, 1}), "blobs.columns = 0: must be >= 1");
  EXPECT_EQ(message(BlobsGenerator{9, 2, 3, 0, 1}), "blobs.separation = 0: must be > 0 and finite");
  EXPECT_EQ(message(BlobsGenerator{9, 2, 3, 1, INFINITY}), "blobs.spread = inf: must be > 0 and finite");
  EXPECT_EQ(message(PlantedNetworkGenerator{0, 1, 1, 0}), "planted_network.rows = 0: must be >= 1");
  EXPECT_EQ(message(PlantedNetworkGenerator{1, 0, 1, 0}), "planted_network.columns = 0: must be >= 1");
  EXPECT_EQ(message(PlantedNetworkGenerator{1, 1, 0, 0}), "planted_network.neurons = 0: must be in [1, 100000]");
  EXPECT_EQ(message(PlantedNetworkGenerator{1, 1, 1, std::nan("")}), "planted_network.noise = nan: must be >= 0");
  EXPECT_THAT(Generate({GaussianGenerator{}, -1, 0}), IsInvalid("test_rows = -1: must be >= 0"));
}

TEST(Generate, RefusesMoreElementsThanTheLimit) {
  constexpr std::int64_t kHuge = std::int64_t{1} << 62;
  EXPECT_THAT(Generate({GaussianGenerator{kMaxGeneratedElements / 2 + 1, 1, {}}, 0, 0}),
              IsInvalid("elements: must be at most 268435456"));
  EXPECT_THAT(Generate({GaussianGenerator{kHuge, kHuge, {}}, kHuge, 0}), IsInvalid("must be at most"));
  EXPECT_THAT(Generate({SineGenerator{2, 1}, kHuge, 0}), IsInvalid("must be at most"));
  EXPECT_THAT(Generate({PlantedNetworkGenerator{1, 100'000, 100'000, 0}, 0, 0}), IsInvalid("must be at most"));
  EXPECT_THAT(Generate({PlantedNetworkGenerator{1, kHuge, 100'000, 0}, 0, 0}), IsInvalid("must be at most"));
  EXPECT_THAT(Generate({BlobsGenerator{kHuge, 2, 2, 1, 1}, 0, 0}), IsInvalid("must be at most"));
}

TEST(Generate, EndsWhenAsked) {
  for (const GeneratorSpec& spec :
       {GeneratorSpec{GaussianGenerator{.rows = 400, .columns = 400, .labels = GaussianLabels::kSign}, 0, 0},
        GeneratorSpec{TwoSpiralsGenerator{}, 0, 0}, GeneratorSpec{BlobsGenerator{}, 0, 0},
        GeneratorSpec{PlantedNetworkGenerator{}, 0, 0}, GeneratorSpec{SineGenerator{}, 0, 0}}) {
    EXPECT_THAT(Generate(spec, [] { return true; }), Fails(absl::StatusCode::kCancelled, "stopped on request"))
        << GeneratorName(spec);
  }
  // Asked again between blocks of numbers, and not after the answer was yes.
  int asked = 0;
  const GeneratorSpec large{GaussianGenerator{.rows = 400, .columns = 400, .labels = GaussianLabels::kSign}, 0, 0};
  EXPECT_THAT(Generate(large, [&] { return ++asked == 2; }), Fails(absl::StatusCode::kCancelled, "stopped"));
  EXPECT_EQ(asked, 2);
}

TEST(Generate, RefusesPlantedNetworksThatTakeHours) {
  PlantedNetworkGenerator planted{.rows = 200'000, .columns = 100, .neurons = 100'000, .noise = 0};
  EXPECT_THAT(Generate({planted, 0, 0}), IsInvalid("rows x columns x neurons = 2e+12: must be at most 1e+12"));
}

TEST(Generate, RefusesWhatIsNotFinite) {
  for (const auto& generator : std::vector<decltype(GeneratorSpec::generator)>{
           TwoSpiralsGenerator{.rows = 256, .noise = 1e308}, BlobsGenerator{.rows = 256, .spread = 1e308},
           PlantedNetworkGenerator{.rows = 256, .noise = 1e308}}) {
    const auto dataset = Generate({.generator = generator});
    ASSERT_FALSE(dataset.ok());
    EXPECT_EQ(dataset.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(dataset.status().message()), ::testing::HasSubstr("must be finite"));
  }
}

}  // namespace
}  // namespace cvxnn::data
