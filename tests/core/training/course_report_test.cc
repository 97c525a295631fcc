// SPDX-License-Identifier: Apache-2.0
// The optimum over every pattern against a hundred trials of descent at each of several widths, on the data of the
// course reports and of the notebook: rows from N(0, I₂) with labels by length, by sign and at random, and a sine.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <string>

#include "core/data/generate.h"
#include "core/training/train.h"

namespace cvxnn::training {
namespace {

struct ReportedProblem {
  std::string name;
  data::GeneratorSpec data;
  double beta;
};
void PrintTo(const ReportedProblem& report, std::ostream* out) { *out << report.name; }

class CourseReport : public testing::TestWithParam<ReportedProblem> {};

TEST_P(CourseReport, HasAnOptimumBelowAHundredTrialsOfEveryWidth) {
  const auto dataset = data::Generate(GetParam().data);
  ASSERT_TRUE(dataset.ok()) << dataset.status();
  Spec spec;
  spec.beta = GetParam().beta;
  spec.stopping.tolerance = 1e-7;
  ConvexTraining convex;
  convex.activation = Activation::kRelu;
  convex.patterns = EnumeratedPatterns();
  spec.method = convex;
  const auto solved = Train(spec, *dataset);
  ASSERT_TRUE(solved.ok()) << solved.status();
  EXPECT_FALSE(solved->summary.certificate->restricted);
  EXPECT_TRUE(solved->summary.certificate->verified) << solved->summary.message;
  const double optimum = *solved->models[0].final_metrics.objective;

  double least = std::numeric_limits<double>::infinity();
  for (const std::int64_t neurons : {3, 10, 40}) {
    Spec descend = spec;
    descend.stopping.max_epochs = 1000;
    descend.seed = static_cast<std::uint64_t>(neurons);
    GradientDescent descent;
    descent.neurons = neurons;
    descent.trials = 100;
    descent.optimizer = descent::Adam();
    descent.learning_rate = 0.03;
    descent.reports.every_epochs = 1000;
    descend.method = descent;
    const auto descended = Train(descend, *dataset);
    ASSERT_TRUE(descended.ok()) << descended.status();
    ASSERT_EQ(descended->models.size(), 100U);
    for (const TrainedModel& model : descended->models) {
      EXPECT_FALSE(model.diverged);
      const double objective = *model.final_metrics.objective;
      EXPECT_LE(optimum, objective * (1 + 1e-6)) << neurons << " neurons, trial " << model.final_metrics.trial;
      EXPECT_LE(*solved->models[0].final_metrics.lower_bound, objective);
      least = std::min(least, objective);
    }
  }
  // What descent finds comes near, so that the comparison says something.
  EXPECT_GE(optimum, 0.5 * least);
}

INSTANTIATE_TEST_SUITE_P(
    Data, CourseReport,
    testing::Values(
        ReportedProblem{
            "ByLength", {data::GaussianGenerator{20, 2, data::GaussianLabels::kOutsideUnitBall}, 0, 1}, 1e-2},
        ReportedProblem{"BySign", {data::GaussianGenerator{20, 2, data::GaussianLabels::kSign}, 0, 2}, 1e-2},
        ReportedProblem{"AtRandom", {data::GaussianGenerator{20, 2, data::GaussianLabels::kRandomSign}, 0, 3}, 1e-2},
        ReportedProblem{"Sine", {data::SineGenerator{10, 10}, 0, 0}, 1e-2}),
    [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace cvxnn::training
