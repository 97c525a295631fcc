// SPDX-License-Identifier: Apache-2.0
// Flags of `job submit`, alone and over a job file.
#include "client/cpp/command/job_flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "client/cpp/command/number_list.h"

namespace cvxnn::command {
namespace {

using testing::HasSubstr;

absl::StatusOr<v1::Job> Build(const std::string& line) {
  CLI::App app;
  JobFlags flags;
  flags.AddTo(app);
  try {
    app.parse(line);
  } catch (const CLI::ParseError& error) {
    return absl::InvalidArgumentError(error.what());
  }
  return flags.Build();
}

TEST(JobFlags, DescribeAConvexJob) {
  const auto job = Build(
      "convex --dataset iris --beta 0.5 --patterns 40 --activation relu --solver admm --tolerance 0 --epochs 9 "
      "--loss-scale half-sum --experiment e --label a=b --label c=d=e");
  ASSERT_TRUE(job.ok()) << job.status();
  EXPECT_EQ(job->spec().dataset(), "datasets/iris");
  EXPECT_EQ(job->spec().beta(), 0.5);
  EXPECT_EQ(job->spec().loss_scale(), v1::LOSS_SCALE_HALF_SUM);
  EXPECT_EQ(job->spec().convex().patterns().sampled().count(), 40);
  EXPECT_EQ(job->spec().convex().activation(), v1::ACTIVATION_RELU);
  EXPECT_EQ(job->spec().convex().solver(), v1::CONVEX_SOLVER_ADMM);
  EXPECT_TRUE(job->spec().stopping().has_tolerance());
  EXPECT_EQ(job->labels().at("a"), "b");
  EXPECT_EQ(job->labels().at("c"), "d=e");
}

TEST(JobFlags, NameTheSolverOfAGatedJobAndItsWorkingSet) {
  const auto job = Build("convex --dataset iris --beta 0.5 --solver newton --working-set on");
  ASSERT_TRUE(job.ok()) << job.status();
  EXPECT_EQ(job->spec().convex().solver(), v1::CONVEX_SOLVER_NEWTON);
  EXPECT_EQ(job->spec().convex().working_set(), v1::WORKING_SET_ON);
  EXPECT_EQ(Build("path --working-set off")->spec().path().convex().working_set(), v1::WORKING_SET_OFF);
  EXPECT_FALSE(Build("convex --working-set sometimes").ok());
  EXPECT_FALSE(Build("descent --working-set on").ok());
}

TEST(JobFlags, SayWhenAJobIsNextMustEndAndGoes) {
  const auto job = Build("convex --dataset iris --priority -3 --deadline 2030-01-01T00:00:00Z --ttl 7d");
  ASSERT_TRUE(job.ok()) << job.status();
  EXPECT_EQ(job->priority(), -3);
  EXPECT_EQ(job->deadline().seconds(), 1893456000);
  EXPECT_EQ(job->ttl().seconds(), 7 * 86400);
  EXPECT_THAT(std::string(Build("convex --deadline soon").status().message()), HasSubstr("--deadline: \"soon\""));
  EXPECT_THAT(std::string(Build("convex --ttl 5").status().message()), HasSubstr("must be a length of time"));
  EXPECT_FALSE(Build("convex --priority 1.5").ok());
}

TEST(JobFlags, DescribeADescentJob) {
  const auto job = Build(
      "descent --dataset iris --beta 1 --optimizer rmsprop:momentum=0.5,centered=true --lr 0.1 --warmup 5 "
      "--schedule reduce-on-plateau:patience=3,minimum-rate=1e-6 --clip-norm 2 --initialization gaussian:scale=3");
  ASSERT_TRUE(job.ok()) << job.status();
  const v1::GradientDescent& descent = job->spec().descent();
  EXPECT_EQ(descent.optimizer().rmsprop().momentum(), 0.5);
  EXPECT_TRUE(descent.optimizer().rmsprop().centered());
  EXPECT_FALSE(descent.optimizer().rmsprop().has_alpha());
  EXPECT_EQ(descent.learning_rate(), 0.1);
  EXPECT_EQ(descent.schedule().warmup().epochs(), 5);
  EXPECT_EQ(descent.schedule().reduce_on_plateau().patience(), 3);
  EXPECT_EQ(descent.schedule().reduce_on_plateau().minimum_rate(), 1e-6);
  EXPECT_EQ(descent.clip_norm(), 2);
  EXPECT_EQ(descent.initialization().gaussian().scale(), 3);
}

TEST(JobFlags, DescribeThePenaltySolver) {
  const auto job = Build(
      "convex --dataset iris --beta 1 --activation relu --solver penalty --rho 10 --optimizer adam:beta1=0.8 --lr 0.1 "
      "--schedule reduce-on-plateau:patience=3 --warmup 2 --batch-size 64");
  ASSERT_TRUE(job.ok()) << job.status();
  EXPECT_EQ(job->spec().convex().solver(), v1::CONVEX_SOLVER_PENALTY);
  const v1::PenaltyMethod& method = job->spec().convex().penalty_method();
  EXPECT_EQ(method.rho(), 10);
  EXPECT_EQ(method.optimizer().adam().beta1(), 0.8);
  EXPECT_EQ(method.learning_rate(), 0.1);
  EXPECT_EQ(method.schedule().reduce_on_plateau().patience(), 3);
  EXPECT_EQ(method.schedule().warmup().epochs(), 2);
  EXPECT_EQ(method.batch_size(), 64);
  EXPECT_FALSE(Build("convex --solver penalty")->spec().convex().has_penalty_method());
  EXPECT_EQ(Build("path --solver penalty --batch-size 5")->spec().path().convex().penalty_method().batch_size(), 5);
  EXPECT_EQ(std::string(Build("convex --solver admm --batch-size 5").status().message()),
            "--batch-size: only descent and --solver penalty have such a setting");
}

TEST(JobFlags, ReadNumbersInDecimalAlone) {
  EXPECT_EQ(Build("convex --seed 010")->spec().seed(), 10);
  EXPECT_EQ(Build("convex --seed 18446744073709551615")->spec().seed(), 18446744073709551615u);
  const auto fault = [](const std::string& line) { return std::string(Build(line).status().message()); };
  EXPECT_EQ(fault("convex --seed -1"), "--seed: \"-1\": must be a whole number from 0 to 18446744073709551615");
  EXPECT_THAT(fault("convex --seed 18446744073709551616"), HasSubstr("must be a whole number from 0 to"));
  EXPECT_THAT(fault("convex --seed 0x10"), HasSubstr("must be a whole number"));
  EXPECT_EQ(fault("descent --batch-size 9223372036854775808"),
            "--batch-size: \"9223372036854775808\": must be a whole number from -9223372036854775808 to "
            "9223372036854775807");
  EXPECT_THAT(fault("descent --neurons 1e3"), HasSubstr("must be a whole number"));
  for (const char* number : {"nan", "inf", "1e999", "one"}) {
    EXPECT_EQ(fault(std::string("convex --beta ") + number),
              std::string("--beta: \"") + number + "\": must be a finite number");
  }
}

TEST(JobFlags, EchoOnlyTheBeginningOfALongValue) {
  const std::string digits(5000, '1');
  for (const std::string& line :
       {"convex --seed " + digits, "convex --label " + digits, "descent --optimizer sgd:momentum=" + digits + "x",
        "descent --optimizer " + digits}) {
    const std::string fault(Build(line).status().message());
    EXPECT_THAT(fault, HasSubstr("bytes)"));
    EXPECT_LT(fault.size(), 400) << fault;
  }
}

TEST(JobFlags, RefuseAStrengthOfNoPenalty) {
  const auto fault = [](const std::string& line) { return std::string(Build(line).status().message()); };
  EXPECT_EQ(fault("descent --beta 1 --penalty none"), "--beta: does not go with --penalty none");
  EXPECT_EQ(fault("convex --penalty NONE --beta-max-fraction 0.1"),
            "--beta-max-fraction: does not go with --penalty none");
  EXPECT_TRUE(Build("descent --penalty none").ok());
  EXPECT_TRUE(Build("descent --beta 1 --penalty group-l2").ok());
}

TEST(JobFlags, RefuseWhatIsGivenTwice) {
  const auto fault = [](const std::string& line) { return std::string(Build(line).status().message()); };
  EXPECT_EQ(fault("descent --optimizer sgd:momentum=0.5,nesterov=true,momentum=0.9"),
            "--optimizer sgd:momentum=0.5,nesterov=true,momentum=0.9: momentum is given twice");
  EXPECT_EQ(fault("descent --schedule reduce-on-plateau:minimum-rate=1,minimum_rate=2"),
            "--schedule reduce-on-plateau:minimum-rate=1,minimum_rate=2: minimum-rate is given twice");
  EXPECT_EQ(fault("convex --label a=1 --label b=1 --label a=2"), "--label a: is given twice");
}

TEST(JobFlags, DescribeAGrid) {
  const auto job = Build(
      "descent --dataset iris --grid-rows 10,100 --grid-neurons 2..6:2,50 --grid-lr 1e-4..1/5 --grid-betas 0.1,0.5 "
      "--trials 3 --report-every 100 --gradient-norm --pattern-statistics --snapshots per-decade=4 --keep-best 9");
  ASSERT_TRUE(job.ok()) << job.status();
  const v1::GradientDescent& descent = job->spec().descent();
  EXPECT_THAT(descent.grid().training_rows(), testing::ElementsAre(10, 100));
  EXPECT_THAT(descent.grid().neurons(), testing::ElementsAre(2, 4, 6, 50));
  EXPECT_THAT(descent.grid().learning_rates(),
              testing::ElementsAre(testing::DoubleEq(1e-4), testing::DoubleEq(1e-3), testing::DoubleEq(1e-2),
                                   testing::DoubleEq(0.1), 1));
  EXPECT_THAT(descent.grid().betas(), testing::ElementsAre(0.1, 0.5));
  EXPECT_EQ(descent.reports().every_epochs(), 100);
  EXPECT_TRUE(descent.reports().gradient_norm());
  EXPECT_TRUE(descent.reports().pattern_statistics());
  EXPECT_EQ(descent.snapshots().per_decade(), 4);
  EXPECT_EQ(descent.keep_best(), 9);
  EXPECT_FALSE(descent.has_neurons());
  EXPECT_EQ(Build("descent --snapshots every=7")->spec().descent().snapshots().every_epochs(), 7);
}

TEST(JobFlags, NameWhatIsWrongWithAGrid) {
  const auto fault = [](const std::string& line) { return std::string(Build("descent " + line).status().message()); };
  EXPECT_EQ(fault("--grid-neurons 2,many"), "--grid-neurons: \"many\": is not a number or a range");
  EXPECT_EQ(fault("--grid-neurons 2,2.5"), "--grid-neurons: \"2,2.5\": 2.5 is not a whole number");
  EXPECT_EQ(fault("--grid-neurons 9..2"), "--grid-neurons: \"9..2\": a range must not end below its beginning");
  EXPECT_EQ(fault("--grid-neurons 1..1e9"), "--grid-neurons: \"1..1e9\": makes more than 10000 numbers");
  EXPECT_EQ(fault("--grid-lr 0..1/3"), "--grid-learning-rates: \"0..1/3\": a range in log must begin above 0");
  EXPECT_EQ(fault("--grid-betas 0..1:0"), "--grid-betas: \"0..1:0\": the step must be above 0");
  EXPECT_EQ(fault("--snapshots 7"), "--snapshots 7: must be every=K or per-decade=K with a whole number K");
  EXPECT_THAT(std::string(Build("convex --grid-neurons 5").status().message()),
              HasSubstr("--grid-neurons: convex training has no"));
}

TEST(NumberList, HasTheEndsOfItsRanges) {
  EXPECT_THAT(*ParseReals("--x", "0..1:0.1"), testing::SizeIs(11));
  EXPECT_THAT(*ParseReals("--x", "-1..-0.5:0.25,3"), testing::ElementsAre(-1, -0.75, -0.5, 3));
  EXPECT_THAT(*ParseIntegers("--x", "2..100"), testing::SizeIs(99));
  EXPECT_THAT(*ParseIntegers("--x", "1..10/20"), testing::ElementsAre(1, 2, 3, 4, 5, 6, 7, 8, 9, 10));
  EXPECT_THAT(*ParseIntegers("--x", "2..100/5"), testing::ElementsAre(2, 5, 14, 38, 100));
}

TEST(JobFlags, NameModelsToStartFrom) {
  const auto job = Build("descent --dataset iris --initial-model a --initial-model models/b --trials 2");
  ASSERT_TRUE(job.ok()) << job.status();
  EXPECT_THAT(job->spec().descent().initialization().from_models().models(),
              testing::ElementsAre("models/a", "models/b"));
}

TEST(JobFlags, NameAModelWhosePatternsToTake) {
  const auto job = Build("convex --dataset iris --beta 1 --patterns-from a");
  ASSERT_TRUE(job.ok()) << job.status();
  EXPECT_EQ(job->spec().convex().patterns().from_model().model(), "models/a");
  EXPECT_FALSE(Build("convex --patterns 5 --patterns-from a").ok());
  EXPECT_FALSE(Build("descent --patterns-from a").ok());
  EXPECT_FALSE(job->spec().convex().patterns().from_model().output_signs());
  const auto signs = Build("convex --dataset iris --beta 1 --patterns-from a --output-signs");
  EXPECT_TRUE(signs->spec().convex().patterns().from_model().output_signs());
  EXPECT_FALSE(Build("convex --output-signs").ok());
  const auto all = Build("convex --dataset iris --beta 1 --patterns-kind enumerated:max-count=500");
  ASSERT_TRUE(all.ok()) << all.status();
  EXPECT_EQ(all->spec().convex().patterns().enumerated().max_count(), 500);
  const auto sparse = Build("convex --dataset iris --beta 1 --patterns-kind sampled:count=40,columns-per-gate=3");
  ASSERT_TRUE(sparse.ok()) << sparse.status();
  EXPECT_EQ(sparse->spec().convex().patterns().sampled().columns_per_gate(), 3);
  const auto patches = Build("convex --dataset iris --beta 1 --patterns-kind convolutional:patch-size=5,count=40");
  ASSERT_TRUE(patches.ok()) << patches.status();
  EXPECT_EQ(patches->spec().convex().patterns().convolutional().patch_size(), 5);
  EXPECT_EQ(patches->spec().convex().patterns().convolutional().count(), 40);
  EXPECT_FALSE(Build("convex --patterns 5 --patterns-kind enumerated").ok());
}

TEST(JobFlags, SayWhatAnOptimizerMayBe) {
  const auto fault = [](const std::string& line) { return std::string(Build("descent " + line).status().message()); };
  EXPECT_EQ(fault("--optimizer simplex"),
            "--optimizer simplex: must be one of sgd, adam, adamw, adagrad, adadelta, rmsprop, lbfgs");
  EXPECT_EQ(fault("--optimizer sgd:beta1=3"), "--optimizer sgd:beta1=3: \"beta1\" must be one of momentum, nesterov");
  EXPECT_EQ(fault("--optimizer sgd:momentum=much"),
            "--optimizer sgd:momentum=much: \"much\" is not a value of momentum");
  EXPECT_EQ(fault("--schedule warmup"),
            "--schedule warmup: must be one of constant, reduce-on-plateau, exponential, step, cosine");
  EXPECT_EQ(fault("--initialization kaiming:scale=2"), "--initialization kaiming:scale=2: \"scale\" must be absent");
}

TEST(JobFlags, LeaveOutWhatWasNotSaid) {
  const auto job = Build("--method descent --dataset datasets/iris");
  ASSERT_TRUE(job.ok()) << job.status();
  EXPECT_TRUE(job->spec().has_descent());
  EXPECT_FALSE(job->spec().descent().has_neurons());
  EXPECT_FALSE(job->spec().has_stopping());
  EXPECT_EQ(job->spec().regularization_case(), v1::JobSpec::REGULARIZATION_NOT_SET);
}

TEST(JobFlags, RefuseSettingsOfTheOtherMethod) {
  EXPECT_THAT(std::string(Build("convex --neurons 5").status().message()),
              HasSubstr("--neurons: convex training has no"));
  EXPECT_THAT(std::string(Build("descent --patterns 5").status().message()), HasSubstr("--patterns: descent has no"));
  EXPECT_THAT(std::string(Build("--dataset iris").status().message()), HasSubstr("no method"));
}

TEST(JobFlags, RefuseWrongValues) {
  EXPECT_FALSE(Build("convex --solver simplex").ok());
  EXPECT_FALSE(Build("convex --beta 1 --beta-max-fraction 0.1").ok());
  EXPECT_FALSE(Build("convex --label nothing").ok());
}

TEST(JobFlags, OverrideTheFile) {
  const std::string path = testing::TempDir() + "job_flags_test.yaml";
  std::ofstream(path) << "experiment: from-file\nspec: {dataset: datasets/a, beta_max_fraction: 0.1, seed: 4, convex: "
                         "{activation: relu, patterns: {sampled: {count: 3}}}}\n";
  const auto job = Build("--file " + path + " --dataset b --beta 2 --patterns 8");
  ASSERT_TRUE(job.ok()) << job.status();
  EXPECT_EQ(job->experiment(), "from-file");
  EXPECT_EQ(job->spec().dataset(), "datasets/b");
  EXPECT_EQ(job->spec().beta(), 2);
  EXPECT_FALSE(job->spec().has_beta_max_fraction());
  EXPECT_EQ(job->spec().seed(), 4);
  EXPECT_EQ(job->spec().convex().activation(), v1::ACTIVATION_RELU);
  EXPECT_EQ(job->spec().convex().patterns().sampled().count(), 8);
}

}  // namespace
}  // namespace cvxnn::command
