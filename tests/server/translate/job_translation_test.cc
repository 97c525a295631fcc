// SPDX-License-Identifier: Apache-2.0
// Specs: every field of the message has a meaning to core, or is refused.
#include <gmock/gmock.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include <functional>
#include <set>
#include <string>

#include "server/translate/job_spec.h"
#include "tests/server/translate/field_walk.h"

namespace cvxnn::server {
namespace {

using google::protobuf::util::MessageDifferencer;

v1::JobSpec Base(bool convex) {
  v1::JobSpec spec;
  spec.set_dataset("datasets/d");
  spec.set_beta(0.1);
  if (convex) {
    spec.mutable_convex();
  } else {
    spec.mutable_descent();
  }
  return spec;
}

TEST(SpecFromProto, FillsInTheDocumentedDefaults) {
  const auto convex = SpecFromProto(Base(true));
  ASSERT_TRUE(convex.ok()) << convex.status();
  const auto convex_again = SpecToProto(*convex, "datasets/d");
  EXPECT_EQ(convex_again.stopping().max_epochs(), 1000);
  EXPECT_EQ(convex_again.stopping().tolerance(), 1e-4);
  EXPECT_EQ(convex_again.convex().activation(), v1::ACTIVATION_GATED);
  EXPECT_EQ(convex_again.convex().patterns().sampled().count(), 100);
  EXPECT_EQ(convex_again.penalty(), v1::PENALTY_GROUP_L2);
  EXPECT_EQ(convex_again.loss_scale(), v1::LOSS_SCALE_HALF_SUM);
  const auto descent = SpecFromProto(Base(false));
  ASSERT_TRUE(descent.ok()) << descent.status();
  const auto again = SpecToProto(*descent, "datasets/d").descent();
  EXPECT_EQ(again.activation(), v1::ACTIVATION_RELU);
  EXPECT_EQ(again.neurons(), 100);
  EXPECT_EQ(again.learning_rate(), 1e-2);
  EXPECT_TRUE(again.optimizer().has_sgd());
  EXPECT_TRUE(again.schedule().has_constant());
  EXPECT_FALSE(again.has_clip_norm());
  EXPECT_EQ(again.trials(), 1);
  EXPECT_TRUE(again.initialization().has_torch_linear());
}

TEST(SpecFromProto, FillsInTheDocumentedDefaultsOfOptimizersAndSchedules) {
  const auto filled = [](const std::function<void(v1::GradientDescent*)>& change) {
    v1::JobSpec spec = Base(false);
    change(spec.mutable_descent());
    const auto method = SpecFromProto(spec);
    EXPECT_TRUE(method.ok()) << method.status();
    return SpecToProto(*method, "datasets/d").descent();
  };
  const auto adam = filled([](auto* d) { d->mutable_optimizer()->mutable_adam(); });
  EXPECT_EQ(adam.learning_rate(), 1e-3);
  EXPECT_EQ(adam.optimizer().adam().beta1(), 0.9);
  EXPECT_EQ(adam.optimizer().adam().beta2(), 0.999);
  EXPECT_EQ(adam.optimizer().adam().epsilon(), 1e-8);
  const auto adamw = filled([](auto* d) { d->mutable_optimizer()->mutable_adamw(); });
  EXPECT_EQ(adamw.learning_rate(), 1e-3);
  EXPECT_EQ(adamw.optimizer().adamw().weight_decay(), 0.01);
  const auto adagrad = filled([](auto* d) { d->mutable_optimizer()->mutable_adagrad(); });
  EXPECT_EQ(adagrad.learning_rate(), 1e-2);
  EXPECT_EQ(adagrad.optimizer().adagrad().epsilon(), 1e-10);
  const auto adadelta = filled([](auto* d) { d->mutable_optimizer()->mutable_adadelta(); });
  EXPECT_EQ(adadelta.learning_rate(), 1);
  EXPECT_EQ(adadelta.optimizer().adadelta().rho(), 0.9);
  EXPECT_EQ(adadelta.optimizer().adadelta().epsilon(), 1e-6);
  const auto rmsprop = filled([](auto* d) { d->mutable_optimizer()->mutable_rmsprop(); });
  EXPECT_EQ(rmsprop.learning_rate(), 1e-2);
  EXPECT_EQ(rmsprop.optimizer().rmsprop().alpha(), 0.99);
  EXPECT_EQ(rmsprop.optimizer().rmsprop().epsilon(), 1e-8);
  const auto lbfgs = filled([](auto* d) { d->mutable_optimizer()->mutable_lbfgs(); });
  EXPECT_EQ(lbfgs.learning_rate(), 1);
  EXPECT_EQ(lbfgs.optimizer().lbfgs().history(), 100);
  EXPECT_EQ(lbfgs.optimizer().lbfgs().gradient_tolerance(), 1e-7);
  EXPECT_EQ(lbfgs.optimizer().lbfgs().change_tolerance(), 1e-9);
  const auto plateau = filled([](auto* d) { d->mutable_schedule()->mutable_reduce_on_plateau(); });
  EXPECT_EQ(plateau.schedule().reduce_on_plateau().factor(), 0.1);
  EXPECT_EQ(plateau.schedule().reduce_on_plateau().patience(), 10);
  EXPECT_EQ(plateau.schedule().reduce_on_plateau().threshold(), 1e-4);
  const auto step = filled([](auto* d) {
    d->mutable_schedule()->mutable_step()->set_epochs(3);
    d->mutable_schedule()->mutable_warmup()->set_epochs(2);
  });
  EXPECT_EQ(step.schedule().step().factor(), 0.1);
  EXPECT_EQ(step.schedule().warmup().start_factor(), 1.0 / 3);
  EXPECT_EQ(
      filled([](auto* d) { d->mutable_initialization()->mutable_gaussian(); }).initialization().gaussian().scale(), 1);
}

TEST(SpecFromProto, KeepsTheModelWhosePatternsAreTaken) {
  v1::JobSpec spec = Base(true);
  auto* patterns = spec.mutable_convex()->mutable_patterns();
  patterns->mutable_from_model()->set_model("models/a");
  const auto once = SpecFromProto(spec);
  ASSERT_TRUE(once.ok()) << once.status();
  EXPECT_EQ(SpecToProto(*once, "datasets/d").convex().patterns().from_model().model(), "models/a");
  patterns->mutable_from_model()->set_model("datasets/a");
  EXPECT_THAT(std::string(SpecFromProto(spec).status().message()),
              ::testing::HasSubstr("convex.patterns.from_model.model"));
}

TEST(SpecFromProto, KeepsTheGatesThatAreGiven) {
  v1::JobSpec spec = Base(true);
  auto* given = spec.mutable_convex()->mutable_patterns()->mutable_given();
  const std::vector<float> gates = {1, 2, 3, 4, 5, 6};
  given->mutable_gates()->mutable_shape()->set_rows(3);
  given->mutable_gates()->mutable_shape()->set_cols(2);
  given->mutable_gates()->mutable_shape()->set_data_type(v1::DATA_TYPE_FLOAT32);
  given->mutable_gates()->set_data(gates.data(), gates.size() * sizeof(float));
  const auto once = SpecFromProto(spec);
  ASSERT_TRUE(once.ok()) << once.status();
  EXPECT_TRUE(
      MessageDifferencer::Equals(SpecToProto(*once, "datasets/d").convex().patterns(), spec.convex().patterns()));
  v1::Dataset dataset;
  dataset.mutable_features()->set_cols(3);
  Violations violations("job.spec.");
  CheckSpecFits(*once, dataset, &violations);
  EXPECT_EQ(std::string(violations.ToStatus().message()),
            "convex.patterns.given.gates.shape.cols = 2: must be 3, the columns of the data set");

  given->mutable_gates()->mutable_shape()->set_rows(4);
  EXPECT_THAT(std::string(SpecFromProto(spec).status().message()), ::testing::HasSubstr("must be 32 bytes for 4x2"));
  given->set_dataset("datasets/gates");
  const auto named = SpecFromProto(spec);
  ASSERT_TRUE(named.ok()) << named.status();
  EXPECT_EQ(SpecToProto(*named, "datasets/d").convex().patterns().given().dataset(), "datasets/gates");
  given->clear_dataset();
  EXPECT_EQ(std::string(SpecFromProto(spec).status().message()),
            "convex.patterns.given: required: set gates or dataset");
}

TEST(SpecFromProto, FillsInTheMostPatternsToEnumerate) {
  v1::JobSpec spec = Base(true);
  spec.mutable_convex()->mutable_patterns()->mutable_enumerated();
  const auto once = SpecFromProto(spec);
  ASSERT_TRUE(once.ok()) << once.status();
  EXPECT_EQ(SpecToProto(*once, "datasets/d").convex().patterns().enumerated().max_count(), 100000);
}

TEST(SpecFromProto, SaysWhatAScheduleNeeds) {
  const auto fault = [](const std::function<void(v1::Schedule*)>& change) {
    v1::JobSpec spec = Base(false);
    change(spec.mutable_descent()->mutable_schedule());
    const auto status = SpecFromProto(spec).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status));
    return std::string(status.message());
  };
  EXPECT_EQ(fault([](auto* s) { s->mutable_exponential(); }), "descent.schedule.exponential.factor: required");
  EXPECT_EQ(fault([](auto* s) { s->mutable_step(); }), "descent.schedule.step.epochs: required");
  EXPECT_EQ(fault([](auto* s) { s->mutable_cosine(); }), "descent.schedule.cosine.epochs: required");
  EXPECT_EQ(fault([](auto* s) { s->mutable_warmup(); }), "descent.schedule.warmup.epochs: required");
  EXPECT_EQ(fault([](auto* s) { s->mutable_step()->set_epochs(0); }),
            "descent.schedule.step.epochs = 0: must be 1 to 1000000000");
  EXPECT_EQ(fault([](auto* s) { s->mutable_warmup()->set_epochs(0); }),
            "descent.schedule.warmup.epochs = 0: must be 1 to 1000000000");
}

TEST(SpecFromProto, TakesWidthAndActivationFromTheModels) {
  v1::JobSpec spec = Base(false);
  spec.mutable_descent()->mutable_initialization()->mutable_from_models()->add_models("models/a");
  const auto once = SpecFromProto(spec);
  ASSERT_TRUE(once.ok()) << once.status();
  const v1::JobSpec again = SpecToProto(*once, "datasets/d");
  EXPECT_FALSE(again.descent().has_neurons());
  EXPECT_EQ(again.descent().activation(), v1::ACTIVATION_UNSPECIFIED);
  EXPECT_TRUE(SpecFromProto(again).ok());
  spec.mutable_descent()->set_neurons(7);
  EXPECT_THAT(std::string(SpecFromProto(spec).status().message()),
              ::testing::HasSubstr("descent.neurons = 7: must be absent with initialization.from_models"));
}

TEST(SpecFromProto, RefusesLbfgsWithMiniBatches) {
  v1::JobSpec spec = Base(false);
  spec.mutable_descent()->mutable_optimizer()->mutable_lbfgs();
  spec.mutable_descent()->set_batch_size(1);
  EXPECT_EQ(std::string(SpecFromProto(spec).status().message()),
            "descent.batch_size = 1: must be 0 (full batch) with optimizer.lbfgs, whose line search needs all rows");
}

TEST(SpecFromProto, TakesAGridInPlaceOfSingleValues) {
  v1::JobSpec spec = Base(false);
  spec.clear_regularization();
  v1::Grid* grid = spec.mutable_descent()->mutable_grid();
  for (const std::int64_t rows : {3, 5}) grid->add_training_rows(rows);
  for (const std::int64_t neurons : {2, 4, 8}) grid->add_neurons(neurons);
  for (const double rate : {0.1, 0.2}) grid->add_learning_rates(rate);
  for (const double beta : {0.5, 0.25}) grid->add_betas(beta);
  spec.mutable_descent()->mutable_snapshots()->set_per_decade(4);
  spec.mutable_descent()->set_keep_best(5);
  const auto once = SpecFromProto(spec);
  ASSERT_TRUE(once.ok()) << once.status();
  const auto& method = std::get<training::GradientDescent>(once->method);
  EXPECT_THAT(method.grid.training_rows, ::testing::ElementsAre(3, 5));
  EXPECT_THAT(method.grid.neurons, ::testing::ElementsAre(2, 4, 8));
  EXPECT_THAT(method.grid.learning_rates, ::testing::ElementsAre(0.1, 0.2));
  EXPECT_THAT(method.grid.betas, ::testing::ElementsAre(0.5, 0.25));
  EXPECT_EQ(once->keep_best, 5);
  const v1::JobSpec again = SpecToProto(*once, "datasets/d");
  EXPECT_TRUE(MessageDifferencer::Equals(again.descent().grid(), *grid));
  EXPECT_FALSE(again.descent().has_neurons());
  EXPECT_FALSE(again.descent().has_learning_rate());
  EXPECT_FALSE(again.has_beta());
  EXPECT_EQ(again.descent().snapshots().per_decade(), 4);
  EXPECT_EQ(again.descent().keep_best(), 5);
  EXPECT_TRUE(SpecFromProto(again).ok());
}

TEST(SpecFromProto, RefusesAGridBesideTheValuesItReplaces) {
  const auto fault = [](const std::function<void(v1::JobSpec*)>& change) {
    v1::JobSpec spec = Base(false);
    change(&spec);
    return std::string(SpecFromProto(spec).status().message());
  };
  EXPECT_EQ(fault([](auto* s) {
              s->mutable_descent()->set_neurons(7);
              s->mutable_descent()->mutable_grid()->add_neurons(2);
            }),
            "descent.neurons = 7: must be absent with grid.neurons");
  EXPECT_EQ(fault([](auto* s) {
              s->mutable_descent()->set_learning_rate(0.5);
              s->mutable_descent()->mutable_grid()->add_learning_rates(2);
            }),
            "descent.learning_rate = 0.5: must be absent with grid.learning_rates");
  EXPECT_EQ(fault([](auto* s) { s->mutable_descent()->mutable_grid()->add_betas(2); }),
            "beta = 0.1: must be absent with descent.grid.betas");
  EXPECT_EQ(fault([](auto* s) {
              s->clear_regularization();
              s->set_penalty(v1::PENALTY_NONE);
              s->mutable_descent()->mutable_grid()->add_betas(2);
            }),
            "descent.grid.betas: must be absent with PENALTY_NONE");
  EXPECT_EQ(fault([](auto* s) {
              s->mutable_descent()->mutable_initialization()->mutable_from_models()->add_models("models/a");
              s->mutable_descent()->mutable_grid()->add_neurons(2);
            }),
            "descent.grid.neurons: must be absent with initialization.from_models: the width is theirs");
  EXPECT_EQ(fault([](auto* s) {
              s->mutable_descent()->set_trials(10000);
              for (int i = 1; i <= 3; ++i) s->mutable_descent()->mutable_grid()->add_neurons(i);
            }),
            "descent.grid: makes 30000 trials: must be at most 20000");
  EXPECT_EQ(fault([](auto* s) { s->mutable_descent()->mutable_snapshots(); }),
            "descent.snapshots: required: set every_epochs or per_decade");
  EXPECT_EQ(fault([](auto* s) { s->mutable_descent()->set_keep_best(20001); }),
            "descent.keep_best = 20001: must be 1 to 20000, or 0 to keep all");
  EXPECT_EQ(fault([](auto* s) {
              s->mutable_descent()->mutable_snapshots()->set_every_epochs(1);
              s->mutable_descent()->set_trials(2);
              s->mutable_stopping()->set_max_epochs(5000);
            }),
            "descent.snapshots = 5001 epochs of 2 trials: must be at most 10000 snapshots in all");
  EXPECT_EQ(fault([](auto* s) { s->set_beta(1e31); }), "beta = 1e+31: must be at most 1e+30 for descent");
  EXPECT_EQ(fault([](auto* s) {
              s->clear_beta();
              s->mutable_descent()->mutable_grid()->add_betas(1e31);
            }),
            "descent.grid.betas[0] = 1e+31: must be above 0 and at most 1e+30");
}

v1::JobSpec ByPenalty() {
  v1::JobSpec spec = Base(true);
  spec.mutable_convex()->set_solver(v1::CONVEX_SOLVER_PENALTY);
  return spec;
}

TEST(SpecFromProto, TakesThePenaltyMethodWithItsDefaults) {
  const auto spec = SpecFromProto(ByPenalty());
  ASSERT_TRUE(spec.ok()) << spec.status();
  const v1::JobSpec filled = SpecToProto(*spec, "datasets/d");
  EXPECT_EQ(filled.convex().penalty_method().rho(), 1);
  EXPECT_TRUE(filled.convex().penalty_method().optimizer().has_sgd());
  EXPECT_EQ(filled.convex().penalty_method().learning_rate(), 1e-2);
  for (const auto& change : ChangesOf(v1::PenaltyMethod::descriptor(), 7, 0.5)) {
    v1::JobSpec changed = ByPenalty();
    change.apply(changed.mutable_convex()->mutable_penalty_method());
    const auto other = SpecFromProto(changed);
    if (!other.ok()) continue;
    const v1::JobSpec again = SpecToProto(*other, "datasets/d");
    const auto same = SpecFromProto(again);
    EXPECT_TRUE(same.ok() && MessageDifferencer::Equals(SpecToProto(*same, "datasets/d"), again)) << change.path;
    EXPECT_TRUE(!MessageDifferencer::Equals(again, filled) || change.path == "schedule.constant") << change.path;
  }
}

TEST(SpecFromProto, NamesWhatIsWrongWithThePenaltyMethod) {
  const auto fault = [](const std::function<void(v1::JobSpec*)>& change) {
    v1::JobSpec spec = ByPenalty();
    change(&spec);
    return std::string(SpecFromProto(spec).status().message());
  };
  const auto method = [](v1::JobSpec* s) { return s->mutable_convex()->mutable_penalty_method(); };
  EXPECT_EQ(fault([&](auto* s) { method(s)->set_rho(0); }),
            "convex.penalty_method.rho = 0: must be above 0 and at most 1e+30");
  EXPECT_EQ(fault([&](auto* s) { method(s)->mutable_schedule()->mutable_step(); }),
            "convex.penalty_method.schedule.step.epochs: required");
  EXPECT_EQ(
      fault([&](auto* s) {
        method(s)->mutable_optimizer()->mutable_lbfgs();
        method(s)->set_batch_size(2);
      }),
      "convex.penalty_method.batch_size = 2: must be 0 (full batch) with optimizer.lbfgs, whose line search needs "
      "all rows");
  EXPECT_EQ(fault([&](auto* s) {
              s->mutable_convex()->set_solver(v1::CONVEX_SOLVER_ADMM);
              method(s)->set_rho(2);
            }),
            "convex.penalty_method: must be absent for solvers other than CONVEX_SOLVER_PENALTY");
}

TEST(SpecFromProto, TakesAPathWithItsDefaults) {
  v1::JobSpec asked;
  asked.set_dataset("datasets/d");
  asked.mutable_path();
  const auto spec = SpecFromProto(asked);
  ASSERT_TRUE(spec.ok()) << spec.status();
  const auto& path = std::get<training::RegularizationPath>(spec->method);
  EXPECT_EQ(path.points, 20);
  EXPECT_EQ(path.min_fraction, 1e-3);
  EXPECT_EQ(path.selection, training::PathSelection::kAuto);
  EXPECT_EQ(path.convex.activation, Activation::kGated);
  EXPECT_FALSE(spec->beta.has_value());
  for (const auto& change : ChangesOf(v1::RegularizationPath::descriptor(), 7, 0.5)) {
    v1::JobSpec changed = asked;
    change.apply(changed.mutable_path());
    const auto other = SpecFromProto(changed);
    if (!other.ok()) continue;
    const v1::JobSpec again = SpecToProto(*other, "datasets/d");
    EXPECT_FALSE(MessageDifferencer::Equals(again, SpecToProto(*spec, "datasets/d")) &&
                 change.path.find("activation") == std::string::npos)
        << change.path;
  }
  const auto fault = [&](auto change) {
    v1::JobSpec changed = asked;
    change(&changed);
    return std::string(SpecFromProto(changed).status().message());
  };
  EXPECT_EQ(fault([](auto* s) { s->set_beta(1); }), "beta = 1: must be absent with path");
  EXPECT_EQ(fault([](auto* s) { s->mutable_path()->set_points(1); }),
            "path.points = 1: must be 2 to 1000, or 0 for the default of 20");
  EXPECT_EQ(
      fault([](auto* s) { s->mutable_path()->mutable_convex()->mutable_patterns()->mutable_sampled()->set_count(0); }),
      "path.convex.patterns.sampled.count = 0: must be 1 to 1000000");
}

TEST(SpecFromProto, IgnoresNoFieldOfTheSpec) {
  for (const bool convex : {true, false}) {
    const auto base = SpecFromProto(Base(convex));
    ASSERT_TRUE(base.ok());
    const v1::JobSpec filled = SpecToProto(*base, "datasets/d");
    const auto differs = [&](const FieldChange& change) {
      v1::JobSpec changed = Base(convex);
      change.apply(&changed);
      const auto spec = SpecFromProto(changed);
      if (!spec.ok()) return true;
      const v1::JobSpec again = SpecToProto(*spec, changed.dataset());
      const auto same = SpecFromProto(again);
      EXPECT_TRUE(same.ok() && MessageDifferencer::Equals(SpecToProto(*same, changed.dataset()), again)) << change.path;
      return !MessageDifferencer::Equals(again, filled);
    };
    // What is said without fields is the default of its oneof.
    std::set<std::string> ignored = IgnoredPaths(ChangesOf(v1::JobSpec::descriptor(), 7, 0.5), differs);
    for (const char* path : {"descent.schedule.constant", "descent.initialization.torch_linear"}) ignored.erase(path);
    EXPECT_THAT(ignored, ::testing::IsEmpty());
  }
}

TEST(SpecFromProto, RefusesEveryFieldOutOfItsRange) {
  // -7 and -0.5 are in no field's range; seeds wrap, strings and enums have their own values.
  for (const auto& change : ChangesOf(v1::JobSpec::descriptor(), -7, -0.5)) {
    if (change.path == "seed" || change.path == "device") continue;
    v1::JobSpec changed = Base(change.path.rfind("descent", 0) != 0);
    change.apply(&changed);
    const auto* field = v1::JobSpec::descriptor()->FindFieldByName(change.path);
    const bool is_enum =
        (field != nullptr && field->enum_type() != nullptr) || change.path.find("activation") != std::string::npos ||
        change.path.find("solver") != std::string::npos || change.path.find("working_set") != std::string::npos ||
        change.path.find("nesterov") != std::string::npos || change.path.find("centered") != std::string::npos ||
        change.path.find("gradient_norm") != std::string::npos ||
        change.path.find("pattern_statistics") != std::string::npos;
    const bool has_no_fields = change.path == "descent.schedule.constant" ||
                               change.path == "descent.initialization.torch_linear" ||
                               change.path == "descent.initialization.kaiming";
    if (is_enum || has_no_fields) continue;
    EXPECT_FALSE(SpecFromProto(changed).ok()) << change.path;
  }
}

TEST(SpecFromProto, RefusesSolversAndWorkingSetsThatTheProgramDoesNotHave) {
  const auto message = [](const std::function<void(v1::JobSpec*)>& change) {
    v1::JobSpec spec = Base(true);
    change(&spec);
    return std::string(SpecFromProto(spec).status().message());
  };
  const auto by_newton = [](v1::JobSpec* s) { s->mutable_convex()->set_solver(v1::CONVEX_SOLVER_NEWTON); };
  const auto over_sets = [](v1::JobSpec* s) { s->mutable_convex()->set_working_set(v1::WORKING_SET_ON); };
  EXPECT_EQ(message(by_newton), "");
  EXPECT_EQ(message(over_sets), "");
  EXPECT_THAT(message([&](auto* s) {
                by_newton(s);
                s->mutable_convex()->set_activation(v1::ACTIVATION_RELU);
              }),
              ::testing::HasSubstr("convex.solver = \"CONVEX_SOLVER_NEWTON\": must be another or unspecified"));
  EXPECT_THAT(message([&](auto* s) {
                by_newton(s);
                s->set_loss(v1::LOSS_LOGISTIC);
              }),
              ::testing::HasSubstr("convex.solver = \"CONVEX_SOLVER_NEWTON\": is for LOSS_SQUARED"));
  EXPECT_EQ(message([&](auto* s) {
              over_sets(s);
              s->mutable_convex()->set_activation(v1::ACTIVATION_RELU);
            }),
            "");
  EXPECT_THAT(message([&](auto* s) {
                over_sets(s);
                s->mutable_convex()->set_solver(v1::CONVEX_SOLVER_PENALTY);
              }),
              ::testing::HasSubstr("must be off or unspecified with CONVEX_SOLVER_PENALTY"));
  EXPECT_THAT(message([&](auto* s) {
                over_sets(s);
                s->set_penalty(v1::PENALTY_L1);
              }),
              ::testing::HasSubstr("convex.working_set = \"WORKING_SET_ON\": is for PENALTY_GROUP_L2"));
}

TEST(SpecFromProto, RefusesEnumValuesThatTheContractDoesNotHave) {
  v1::JobSpec spec = Base(true);
  spec.set_loss(static_cast<v1::Loss>(99));
  const auto status = SpecFromProto(spec).status();
  EXPECT_TRUE(absl::IsInvalidArgument(status));
  EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr("loss = 99: must be one of LOSS_SQUARED"));
}

}  // namespace
}  // namespace cvxnn::server
