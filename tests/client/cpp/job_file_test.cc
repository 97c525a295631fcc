// SPDX-License-Identifier: Apache-2.0
// Job files in YAML and JSON, and what is said about wrong ones.
#include "client/cpp/command/job_file.h"

#include <gmock/gmock.h>
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include "client/cpp/command/message_json.h"

namespace cvxnn::command {
namespace {

using testing::HasSubstr;

std::string Fault(const std::string& text) {
  const auto job = ParseJob(text, "job.yaml");
  EXPECT_EQ(job.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(job.status().message());
}

v1::Job FullJob() {
  v1::Job job;
  job.set_name("jobs/1");
  job.set_experiment("first");
  (*job.mutable_labels())["owner"] = "me";
  (*job.mutable_labels())["fold"] = "3";
  job.mutable_spec()->set_dataset("datasets/iris");
  job.mutable_spec()->set_loss_scale(v1::LOSS_SCALE_MEAN);
  job.mutable_spec()->set_beta(0.125);
  job.mutable_spec()->set_seed(18446744073709551615u);
  job.mutable_spec()->mutable_stopping()->set_max_epochs(500);
  job.mutable_spec()->mutable_convex()->mutable_patterns()->mutable_sampled()->set_count(7);
  job.mutable_create_time()->set_seconds(1'700'000'000);
  return job;
}

TEST(JobFile, ReadsYaml) {
  const auto job = ParseJob(
      "experiment: first\n"
      "labels: {owner: me, fold: 3}\n"
      "spec:\n"
      "  dataset: datasets/iris\n"
      "  loss_scale: mean          # short for LOSS_SCALE_MEAN\n"
      "  beta: 0.125\n"
      "  seed: 18446744073709551615\n"
      "  stopping: {max_epochs: 500}\n"
      "  convex:\n"
      "    patterns: {sampled: {count: 7}}\n",
      "job.yaml");
  ASSERT_TRUE(job.ok()) << job.status();
  v1::Job expected = FullJob();
  expected.clear_name();
  expected.clear_create_time();
  EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(*job, expected)) << job->DebugString();
}

TEST(JobFile, ReadsProtobufsOwnJson) {
  std::string json;
  ASSERT_TRUE(google::protobuf::util::MessageToJsonString(FullJob(), &json).ok());
  const auto job = ParseJob(json, "job.json");
  ASSERT_TRUE(job.ok()) << job.status();
  EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(*job, FullJob())) << job->DebugString();
}

TEST(JobFile, ReadsWhatDescribePrints) {
  const auto job = ParseJob(MessageToJson(FullJob()).dump(2), "job.json");
  ASSERT_TRUE(job.ok()) << job.status();
  EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(*job, FullJob())) << job->DebugString();
}

TEST(JobFile, TakesAnEmptyMessageFieldForItsDefaults) {
  const auto job = ParseJob("spec:\n  dataset: d\n  descent:\n", "job.yaml");
  ASSERT_TRUE(job.ok()) << job.status();
  EXPECT_TRUE(job->spec().has_descent());
}

TEST(JobFile, NamesLineAndFieldOfAnUnknownField) {
  EXPECT_THAT(Fault("spec:\n  dataset: d\n  convex:\n    patern: {}\n"),
              HasSubstr("job.yaml:4: spec.convex.patern: no such field"));
  EXPECT_THAT(Fault("spec:\n  betta: 1\n"), HasSubstr("did you mean beta?"));
  EXPECT_THAT(Fault("spec:\n  zzzzzzzz: 1\n"), HasSubstr("there are: dataset, loss"));
}

TEST(JobFile, NamesLineAndFieldOfAWrongValue) {
  EXPECT_EQ(Fault("spec:\n  beta: much\n"), "job.yaml:2: spec.beta: \"much\" is not a number");
  EXPECT_EQ(Fault("spec:\n\n  seed: -1\n"), "job.yaml:3: spec.seed: \"-1\" is not a whole number of at least 0");
  EXPECT_EQ(Fault("spec:\n  stopping: {max_epochs: 1.5}\n"),
            "job.yaml:2: spec.stopping.max_epochs: \"1.5\" is not a whole number");
  EXPECT_THAT(Fault("spec:\n  loss: cubic\n"), HasSubstr("\"cubic\" is not one of squared, logistic"));
  EXPECT_EQ(Fault("spec: 5\n"), "job.yaml:1: spec: must be a mapping of fields to values");
  EXPECT_EQ(Fault("spec:\n  dataset: [a, b]\n"), "job.yaml:2: spec.dataset: must be a single value");
  EXPECT_THAT(Fault("create_time: yesterday\n"), HasSubstr("job.yaml:1: create_time: must be a time"));
}

TEST(JobFile, RefusesFieldsGivenTwiceAndTwoOfAChoice) {
  EXPECT_EQ(Fault("spec:\n  seed: 1\n  seed: 2\n"), "job.yaml:3: spec.seed: is given twice");
  EXPECT_EQ(Fault("spec:\n  convex: {}\n  descent: {}\n"),
            "job.yaml:3: spec.descent: cannot be given together with convex");
}

TEST(JobFile, SaysWhereItIsNoYaml) {
  EXPECT_THAT(Fault("spec:\n  beta: [1\n"), testing::StartsWith("job.yaml:"));
  EXPECT_EQ(Fault(""), "job.yaml: is empty");
}

TEST(JobFile, EndsReadingTextThatIsNoYaml) {
  EXPECT_THAT(Fault(",*a]\nlabels: {k: *c}\n"), testing::StartsWith("job.yaml:"));
}

TEST(JobFile, HoldsOneDocument) {
  EXPECT_EQ(Fault("spec: {beta: 1}\n---\nspec: {beta: 2}\n"),
            "job.yaml:3:1: a second document begins here: a job file holds one job");
  EXPECT_EQ(Fault("---\n---\n"), "job.yaml: is empty");
  const auto job = ParseJob("---\nspec: {beta: 1}\n...\n---\n", "job.yaml");
  ASSERT_TRUE(job.ok()) << job.status();
  EXPECT_EQ(job->spec().beta(), 1);
}

TEST(JobFile, SaysWhenItIsNestedTooDeeply) {
  EXPECT_THAT(Fault("spec: " + std::string(100'000, '[')), HasSubstr(": is nested too deeply"));
}

TEST(JobFile, RefusesALabelGivenTwice) {
  EXPECT_EQ(Fault("labels:\n  a: 1\n  b: 2\n  a: 3\n"), "job.yaml:4: labels.a: is given twice");
}

TEST(JobFile, EchoesOnlyTheBeginningOfALongValue) {
  const std::string digits(5000, '1');
  const std::string key(1000, '1');  // longer ones are none for YAML
  for (const std::string& text : {"spec:\n  seed: " + digits, "spec:\n  beta: x" + digits, key + ": 1",
                                  "spec:\n  loss: " + digits, "labels: {" + key + ": [1]}"}) {
    const std::string fault = Fault(text);
    EXPECT_THAT(fault, HasSubstr("bytes)"));
    EXPECT_LT(fault.size(), 600) << fault;
  }
}

TEST(JobFile, IsAFileOfBoundedSize) {
  EXPECT_EQ(ReadJobFile(testing::TempDir()).status().message(),
            testing::TempDir() + ": is a folder: must be a job file");
  EXPECT_EQ(ReadJobFile("/dev/zero").status().message(), "/dev/zero: is larger than 16 MiB: no job file");
}

TEST(JobFile, IsNotFoundWhereThereIsNone) {
  EXPECT_EQ(ReadJobFile("/no/such/job.yaml").status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace cvxnn::command
