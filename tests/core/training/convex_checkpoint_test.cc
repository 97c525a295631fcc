// SPDX-License-Identifier: Apache-2.0
// Convex training that was interrupted at any epoch goes on as if it had not been: every report, the model and the
// summary are the same, bit for bit.
#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "core/descent/checkpoint.h"
#include "core/training/train.h"
#include "tests/core/training/small_dataset.h"

namespace cvxnn::training {
namespace {

using testing::HasSubstr;

struct Case {
  std::string name;
  std::function<void(Spec*, ConvexTraining*)> change;
  std::vector<std::int64_t> stops;  ///< epochs after which the attempt is interrupted, one attempt after the other
  bool reported_rounds = false;
  data::Dataset (*dataset)() = SmallDataset;
};
void PrintTo(const Case& test, std::ostream* out) { *out << test.name; }

Spec SpecOf(const Case& test) {
  Spec spec;
  spec.beta_max_fraction = 0.05;
  spec.seed = 3;
  spec.stopping.max_epochs = 60;
  spec.stopping.tolerance = 0;
  ConvexTraining convex;
  convex.patterns = SampledPatterns{12};
  convex.refinement = Refinement{.max_rounds = 0};
  test.change(&spec, &convex);
  spec.method = convex;
  return spec;
}

using Report = std::tuple<std::int64_t, double, double, double, double, std::int64_t>;

Report ReportOf(const EpochMetrics& metrics) {
  return {metrics.epoch,
          *metrics.objective,
          *metrics.lower_bound,
          metrics.constraint_violation.value_or(0),
          *metrics.network_objective,
          metrics.round.value_or(-1)};
}

class Interrupted : public testing::TestWithParam<Case> {};

TEST_P(Interrupted, GoesOnAsIfItHadNotBeen) {
  const Spec spec = SpecOf(GetParam());
  const data::Dataset dataset = GetParam().dataset();
  std::vector<Report> whole, pieces;
  Hooks undisturbed;
  undisturbed.observer = [&](const EpochMetrics& metrics) {
    whole.push_back(ReportOf(metrics));
    return Continue::kYes;
  };
  const auto expected = Train(spec, dataset, undisturbed);
  ASSERT_TRUE(expected.ok()) << expected.status();
  ASSERT_GT(static_cast<std::int64_t>(whole.size()), GetParam().stops.back());

  std::optional<Checkpoint> saved;
  for (const std::int64_t stop_after : GetParam().stops) {
    bool stop = false;
    Hooks hooks;
    hooks.observer = [&](const EpochMetrics& metrics) {
      pieces.push_back(ReportOf(metrics));
      stop = stop || metrics.epoch >= stop_after;
      return Continue::kYes;
    };
    hooks.should_stop = [&] { return stop; };
    hooks.checkpoint_due = [&] { return stop; };
    std::string state;
    if (saved.has_value()) {
      state = std::exchange(saved, std::nullopt)->state;
      hooks.resume_from = &state;
    }
    hooks.save_checkpoint = [&](Checkpoint checkpoint) { saved = std::move(checkpoint); };
    const auto stopped = Train(spec, dataset, hooks);
    ASSERT_TRUE(stopped.ok()) << stopped.status();
    EXPECT_EQ(stopped->summary.termination, Termination::kStopped);
    EXPECT_TRUE(state.empty());
    ASSERT_TRUE(saved.has_value());
    ASSERT_EQ(saved->reports, static_cast<std::int64_t>(pieces.size()));
  }

  Hooks last;
  last.observer = [&](const EpochMetrics& metrics) {
    pieces.push_back(ReportOf(metrics));
    return Continue::kYes;
  };
  std::string state = saved->state;
  last.resume_from = &state;
  const auto resumed = Train(spec, dataset, last);
  ASSERT_TRUE(resumed.ok()) << resumed.status();
  EXPECT_EQ(pieces, whole);
  EXPECT_EQ(resumed->models[0].network.first_layer.equal(expected->models[0].network.first_layer), true);
  EXPECT_EQ(resumed->models[0].network.second_layer.equal(expected->models[0].network.second_layer), true);
  EXPECT_EQ(ReportOf(resumed->models[0].final_metrics), ReportOf(expected->models[0].final_metrics));
  EXPECT_EQ(resumed->summary.message, expected->summary.message);
  EXPECT_EQ(resumed->summary.epochs, expected->summary.epochs);
  EXPECT_EQ(resumed->summary.patterns, expected->summary.patterns);
  EXPECT_GE(resumed->summary.seconds, 0);
  if (GetParam().reported_rounds) {
    EXPECT_GE(std::get<5>(whole.back()), 1) << "no round of refinement was met";
  }
}

void Relu(ConvexTraining* convex) { convex->activation = Activation::kRelu; }

void ByInteriorPoint(Spec*, ConvexTraining* convex) { convex->solver = ConvexSolver::kInteriorPoint; }

void ReluByInteriorPoint(Spec* spec, ConvexTraining* convex) {
  Relu(convex);
  ByInteriorPoint(spec, convex);
}

data::Dataset InThePlane(data::Dataset dataset) {
  for (data::Part* part : {&dataset.train, &dataset.test}) {
    data::RowMajor<double> x(part->rows(), 2);
    for (std::int64_t i = 0; i < part->rows(); ++i) x.row(i) << part->features.at(i, 0), part->features.at(i, 1);
    part->features = data::Matrix(x);
  }
  dataset.description.has_bias_column = false;
  return dataset;
}

data::Dataset PlanarDataset() { return InThePlane(SmallDataset()); }
data::Dataset PlanarMulticlassDataset() { return InThePlane(SmallMulticlassDataset()); }

const Case kCases[] = {
    {"Fista", [](Spec*, ConvexTraining*) {}, {1, 17, 40}},
    {"FistaOfAnotherLoss", [](Spec* spec, ConvexTraining*) { spec->loss = Loss::kLogistic; }, {9}},
    {"FistaInFloat32", [](Spec* spec, ConvexTraining*) { spec->precision = Precision::kFloat32; }, {12}},
    {"FistaOverWorkingSets", [](Spec*, ConvexTraining* convex) { convex->working_set = WorkingSet::kOn; }, {2, 17}},
    {"Newton", [](Spec*, ConvexTraining* convex) { convex->solver = ConvexSolver::kNewton; }, {1, 4}},
    {"Admm", [](Spec*, ConvexTraining* convex) { Relu(convex); }, {1, 23, 41}},
    {"AdmmOfAnotherLoss",
     [](Spec* spec, ConvexTraining* convex) {
       Relu(convex);
       spec->loss = Loss::kHinge;
     },
     {30}},
    {"AdmmOverWorkingSets",
     [](Spec*, ConvexTraining* convex) {
       Relu(convex);
       convex->working_set = WorkingSet::kOn;
     },
     {1, 23}},
    {"AdmmOverWorkingSetsInFloat32",
     [](Spec* spec, ConvexTraining* convex) {
       Relu(convex);
       convex->working_set = WorkingSet::kOn;
       spec->precision = Precision::kFloat32;
     },
     {25}},
    {"AdmmInFloat32",
     [](Spec* spec, ConvexTraining* convex) {
       Relu(convex);
       spec->precision = Precision::kFloat32;
     },
     {25}},
    {"AdmmWithoutCones", [](Spec*, ConvexTraining* convex) { convex->solver = ConvexSolver::kAdmm; }, {25}},
    {"InteriorPoint", ByInteriorPoint, {1, 5}},
    {"InteriorPointOfRelu", ReluByInteriorPoint, {1, 2, 7}},
    {"InteriorPointOfSeveralOutputs", ReluByInteriorPoint, {3}, false, SmallMulticlassDataset},
    {"InteriorPointInThePlane", ReluByInteriorPoint, {1}, false, PlanarDataset},
    {"InteriorPointOverWorkingSets",
     [](Spec* spec, ConvexTraining* convex) {
       ByInteriorPoint(spec, convex);
       convex->working_set = WorkingSet::kOn;
     },
     {2, 6}},
    {"InteriorPointOfReluOverWorkingSets",
     [](Spec* spec, ConvexTraining* convex) {
       ReluByInteriorPoint(spec, convex);
       convex->working_set = WorkingSet::kOn;
     },
     {2, 6}},
    {"InteriorPointInThePlaneOfSeveralOutputs", ReluByInteriorPoint, {1}, false, PlanarMulticlassDataset},
    {"InteriorPointWithRefinement",
     [](Spec* spec, ConvexTraining* convex) {
       ReluByInteriorPoint(spec, convex);
       convex->patterns = SampledPatterns{4};
       convex->refinement = Refinement{2, 8, 20};
       spec->stopping.tolerance = 1e-6;
       spec->stopping.max_epochs = 400;
     },
     {3, 30},
     true},
    {"PenaltyWithMiniBatches",
     [](Spec*, ConvexTraining* convex) {
       Relu(convex);
       convex->solver = ConvexSolver::kPenalty;
       convex->penalty_method = PenaltyMethod{.optimizer = descent::Adam(), .learning_rate = 0.02, .batch_size = 5};
       convex->penalty_method->schedule.kind = descent::ReduceOnPlateau{0.5, 2};
     },
     {4, 31}},
    {"PenaltyByLbfgs",
     [](Spec* spec, ConvexTraining* convex) {
       spec->loss = Loss::kLogistic;
       convex->solver = ConvexSolver::kPenalty;
       convex->penalty_method = PenaltyMethod{.optimizer = descent::Lbfgs()};
     },
     {5}},
    {"Refinement",
     [](Spec* spec, ConvexTraining* convex) {
       Relu(convex);
       convex->patterns = SampledPatterns{4};
       convex->refinement = Refinement{3, 16, 20};
       spec->stopping.tolerance = 1e-3;
       spec->stopping.max_epochs = 4000;
     },
     {10, 400},
     true},
};

TEST(InterruptedWithinAStep, InteriorPointsAndNewtonGoOnFromTheEpochBefore) {
  const data::Dataset dataset = SmallMulticlassDataset();
  for (const Case& test : kCases) {
    if (test.name.find("InteriorPoint") == std::string::npos && test.name != "Newton") continue;
    if (test.name == "InteriorPointInThePlane") continue;  // an epoch of one output is one stage
    SCOPED_TRACE(test.name);
    const Spec spec = SpecOf(test);
    std::vector<Report> whole;
    std::int64_t polls = 0, polls_after_two = 0;
    Hooks undisturbed;
    undisturbed.should_stop = [&] { return ++polls < 0; };
    undisturbed.observer = [&](const EpochMetrics& metrics) {
      whole.push_back(ReportOf(metrics));
      if (metrics.epoch == 2) polls_after_two = polls;
      return Continue::kYes;
    };
    ASSERT_TRUE(Train(spec, dataset, undisturbed).ok());
    ASSERT_GT(whole.size(), 4);
    // Every poll between the second epoch and the fourth or so, those within a step among them.
    for (std::int64_t extra = 1; extra <= 8; ++extra) {
      std::vector<Report> pieces;
      std::optional<Checkpoint> saved;
      std::int64_t asked = 0;
      bool stop = false;
      Hooks hooks;
      hooks.should_stop = [&] { return stop = stop || ++asked >= polls_after_two + extra; };
      hooks.checkpoint_due = [&] { return stop; };
      hooks.observer = [&](const EpochMetrics& metrics) {
        pieces.push_back(ReportOf(metrics));
        return Continue::kYes;
      };
      hooks.save_checkpoint = [&](Checkpoint checkpoint) { saved = std::move(checkpoint); };
      ASSERT_TRUE(Train(spec, dataset, hooks).ok());
      ASSERT_TRUE(saved.has_value()) << extra;
      ASSERT_EQ(saved->reports, static_cast<std::int64_t>(pieces.size())) << extra;
      ASSERT_LT(pieces.size(), whole.size()) << extra;
      Hooks last;
      std::string state = saved->state;
      last.resume_from = &state;
      last.observer = hooks.observer;
      ASSERT_TRUE(Train(spec, dataset, last).ok());
      EXPECT_EQ(pieces, whole) << extra;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Training, Interrupted, testing::ValuesIn(kCases),
                         [](const auto& test) { return test.param.name; });

TEST(ConvexCheckpoint, IsRefusedByAnotherRunAndWhenItIsDamaged) {
  const data::Dataset dataset = SmallDataset();
  Spec spec = SpecOf(kCases[0]);
  std::optional<Checkpoint> saved;
  bool stop = false;
  Hooks hooks;
  hooks.observer = [&](const EpochMetrics& metrics) {
    stop = metrics.epoch >= 5;
    return Continue::kYes;
  };
  hooks.should_stop = hooks.checkpoint_due = [&] { return stop; };
  hooks.save_checkpoint = [&](Checkpoint checkpoint) { saved = std::move(checkpoint); };
  ASSERT_TRUE(Train(spec, dataset, hooks).ok());
  ASSERT_TRUE(saved.has_value());

  const auto resume = [&](const Spec& of, std::string state) {
    Hooks with;
    with.resume_from = &state;
    return Train(of, dataset, with).status();
  };
  Spec other = spec;
  other.stopping.tolerance = 1e-5;
  const absl::Status differs = resume(other, saved->state);
  EXPECT_TRUE(absl::IsFailedPrecondition(differs)) << differs;
  EXPECT_TRUE(descent::IsCheckpointRefused(differs));
  EXPECT_THAT(std::string(differs.message()), HasSubstr("the checkpoint is of another run: its stopping is"));
  std::string damaged = saved->state;
  damaged[damaged.size() / 2] ^= 1;
  const absl::Status broken = resume(spec, damaged);
  EXPECT_TRUE(absl::IsDataLoss(broken)) << broken;
  EXPECT_TRUE(descent::IsCheckpointRefused(broken));
  EXPECT_TRUE(resume(spec, saved->state).ok());
}

}  // namespace
}  // namespace cvxnn::training
