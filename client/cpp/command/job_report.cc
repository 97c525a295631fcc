// SPDX-License-Identifier: Apache-2.0
// Tables and field lists of jobs.
#include "client/cpp/command/job_report.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_replace.h>
#include <absl/time/clock.h>

#include <iostream>

#include "client/cpp/command/enum_text.h"
#include "client/cpp/command/humanize.h"
#include "client/cpp/command/list_output.h"
#include "client/cpp/command/metrics_table.h"
#include "client/cpp/command/table.h"

namespace cvxnn::command {
namespace {

std::string PatternsText(const v1::ConvexTraining& convex) {
  if (!convex.has_patterns() || convex.patterns().has_sampled()) {
    const bool given = convex.patterns().sampled().has_count();
    return absl::StrCat(given ? HumanCount(convex.patterns().sampled().count()) : "100", " sampled");
  }
  if (convex.patterns().has_enumerated()) return "all";
  if (const auto& given = convex.patterns().given(); convex.patterns().has_given()) {
    return given.has_gates() ? absl::StrCat(HumanCount(given.gates().shape().rows()), " given")
                             : absl::StrCat("given by ", given.dataset());
  }
  if (convex.patterns().has_from_model()) return absl::StrCat("of ", convex.patterns().from_model().model());
  const auto* field = v1::Patterns::descriptor()->FindFieldByNumber(convex.patterns().kind_case());
  return field == nullptr ? "" : field->name();
}

std::string RegularizationText(const v1::Job& job) {
  if (job.has_result() && job.result().beta() > 0) return HumanNumber(job.result().beta());
  const v1::JobSpec& spec = job.spec();
  if (spec.has_beta()) return HumanNumber(spec.beta());
  if (spec.has_beta_max_fraction()) return absl::StrCat(HumanNumber(spec.beta_max_fraction()), " of its largest value");
  return "";
}

std::string LabelsText(const v1::Job& job) {
  std::vector<std::string> labels;
  for (const auto& [key, value] : job.labels()) labels.push_back(absl::StrCat(key, "=", value));
  std::sort(labels.begin(), labels.end());
  return absl::StrJoin(labels, ", ");
}

/// Name of the message that the oneof "kind" holds; "" for none.
template <typename Message>
std::string MemberText(const Message& message) {
  const auto* field = Message::descriptor()->FindFieldByNumber(message.kind_case());
  return field == nullptr ? "" : absl::StrReplaceAll(field->name(), {{"_", " "}});
}

/// The values, of many only the first and the last.
template <typename Value, typename Text>
std::string ListText(const google::protobuf::RepeatedField<Value>& values, Text text) {
  constexpr int kMostShown = 8;
  std::vector<std::string> texts;
  for (int i = 0; i < values.size(); ++i) {
    if (values.size() > kMostShown && i == 3) {
      texts.emplace_back("…");
      i = values.size() - 1;
    }
    texts.push_back(text(values[i]));
  }
  return absl::StrCat(absl::StrJoin(texts, ", "),
                      values.size() > kMostShown ? absl::StrCat(" (", values.size(), " values)") : "");
}

void AddDescent(FieldList& fields, const v1::GradientDescent& descent) {
  if (descent.has_neurons()) fields.Add("neurons", HumanCount(descent.neurons()));
  if (descent.has_learning_rate()) fields.Add("learning rate", HumanNumber(descent.learning_rate()));
  if (descent.has_schedule()) fields.Add("schedule", MemberText(descent.schedule()));
  if (descent.schedule().has_warmup()) {
    fields.Add("warm-up", absl::StrCat(HumanCount(descent.schedule().warmup().epochs()), " epochs"));
  }
  if (descent.has_clip_norm()) fields.Add("clip norm", HumanNumber(descent.clip_norm()));
  fields.Add("batch", descent.batch_size() > 0 ? HumanCount(descent.batch_size()) : "full");
  if (descent.trials() > 0) fields.Add("trials", HumanCount(descent.trials()));
  if (descent.has_initialization()) fields.Add("initialization", MemberText(descent.initialization()));
  const v1::Grid& grid = descent.grid();
  fields.Add("grid of rows", ListText(grid.training_rows(), HumanCount));
  fields.Add("grid of neurons", ListText(grid.neurons(), HumanCount));
  fields.Add("grid of learning rates", ListText(grid.learning_rates(), HumanNumber));
  fields.Add("grid of betas", ListText(grid.betas(), HumanNumber));
  if (descent.reports().every_epochs() > 1) {
    fields.Add("reports", absl::StrCat("every ", HumanCount(descent.reports().every_epochs()), " epochs"));
  }
  if (descent.snapshots().has_every_epochs()) {
    fields.Add("snapshots", absl::StrCat("every ", HumanCount(descent.snapshots().every_epochs()), " epochs"));
  } else if (descent.snapshots().has_per_decade()) {
    fields.Add("snapshots", absl::StrCat(HumanCount(descent.snapshots().per_decade()), " per factor of ten epochs"));
  }
  if (descent.keep_best() > 0) fields.Add("models kept", absl::StrCat("the best ", HumanCount(descent.keep_best())));
}

void AddSpec(FieldList& fields, const v1::Job& job) {
  const v1::JobSpec& spec = job.spec();
  fields.Add("data set", spec.dataset());
  fields.Add("method", MethodText(spec));
  if (spec.has_convex()) fields.Add("patterns", PatternsText(spec.convex()));
  if (spec.has_path()) {
    fields.Add("patterns", PatternsText(spec.path().convex()));
    fields.Add("path", absl::StrCat(spec.path().points(), " strengths down to ",
                                    HumanNumber(spec.path().min_fraction()), " of the largest"));
  }
  if (spec.has_descent()) AddDescent(fields, spec.descent());
  fields.Add("loss",
             absl::StrCat(EnumText(spec.loss()), spec.loss_scale() == 0 ? "" : ", ", EnumText(spec.loss_scale())));
  fields.Add("penalty", EnumText(spec.penalty()));
  fields.Add("beta", RegularizationText(job));
  fields.Add("device", spec.device());
  fields.Add("precision", EnumText(job.has_result() ? job.result().precision() : spec.precision()));
  fields.Add("seed", absl::StrCat(spec.seed()));
  std::vector<std::string> limits;
  if (spec.stopping().max_epochs() > 0) {
    limits.push_back(absl::StrCat(HumanCount(spec.stopping().max_epochs()), " epochs"));
  }
  if (spec.stopping().max_seconds() > 0) limits.push_back(absl::StrCat(spec.stopping().max_seconds(), " s"));
  if (spec.stopping().has_tolerance() && !spec.has_descent()) {
    limits.push_back(absl::StrCat("tolerance ", HumanNumber(spec.stopping().tolerance())));
  }
  fields.Add("stops at", absl::StrJoin(limits, ", "));
}

}  // namespace

const v1::TrainedModel* BestModel(const v1::JobResult& result) {
  for (const v1::TrainedModel& model : result.models()) {
    if (!result.best_model().empty() && model.model() == result.best_model()) return &model;
  }
  return nullptr;
}

const v1::EpochMetrics& TellingMetrics(const v1::Job& job) {
  const v1::TrainedModel* best = BestModel(job.result());
  return best != nullptr ? best->metrics() : job.latest();
}

std::string MethodText(const v1::JobSpec& spec) {
  switch (spec.training_case()) {
    case v1::JobSpec::kConvex:
      return absl::StrJoin(
          {std::string("convex"),
           spec.convex().activation() == v1::ACTIVATION_RELU ? std::string("relu") : std::string("gated")},
          " ");
    case v1::JobSpec::kDescent:
      return absl::StrCat("descent ", spec.descent().activation() == v1::ACTIVATION_GATED ? "gated" : "relu", " ",
                          spec.descent().optimizer().kind_case() == v1::Optimizer::KIND_NOT_SET
                              ? "sgd"
                              : MemberText(spec.descent().optimizer()));
    case v1::JobSpec::kPath:
      return "path";
    case v1::JobSpec::TRAINING_NOT_SET:
      break;
  }
  return "";
}

ExitStatus StatusOfEndedJob(const v1::Job& job) {
  if (job.state() == v1::JOB_STATE_SUCCEEDED) return kSuccess;
  return job.state() == v1::JOB_STATE_CANCELLED ? kCancelled : kFailure;
}

void PrintOutcome(const v1::Job& job, std::ostream& out) {
  out << job.name() << " " << EnumText(job.state());
  if (job.has_result()) {
    const v1::JobResult& result = job.result();
    out << absl::StrFormat(" after %s epochs in %.1f s", HumanCount(result.epochs()), result.seconds());
    const std::string why = result.message().empty() ? EnumText(result.termination()) : result.message();
    if (!why.empty()) out << ": " << Printable(why);
  }
  out << "\n";
  if (job.has_error()) {
    out << "  " << absl::StatusCodeToString(static_cast<absl::StatusCode>(job.error().code())) << ": "
        << Printable(job.error().message()) << "\n";
  }
  if (!job.result().models().empty()) PrintModelsTable(job.result(), out);
}

ExitStatus ReportJob(const Context& context, const v1::Job& job) {
  if (context.json()) {
    PrintJson(job);
    return kSuccess;
  }
  if (context.quiet) {
    std::cout << job.name() << "\n";
    return kSuccess;
  }
  FieldList fields;
  fields.Add("name", job.name());
  fields.Add("title", job.display_name());
  fields.Add("state", absl::StrCat(EnumText(job.state()),
                                   job.has_queue_position() ? absl::StrCat(", ", job.queue_position(), " ahead") : ""));
  if (job.attempt() > 1) fields.Add("attempt", absl::StrCat(job.attempt()));
  if (job.priority() != 0) fields.Add("priority", absl::StrCat(job.priority()));
  fields.Add("experiment", job.experiment());
  fields.Add("labels", LabelsText(job));
  AddSpec(fields, job);
  if (job.has_memory()) {
    const v1::MemoryEstimate& memory = job.memory();
    std::string text = absl::StrCat(HumanBytes(memory.dataset_bytes() + memory.host_bytes()), " on the host");
    if (memory.device_bytes() > 0)
      absl::StrAppend(&text, ", ", HumanBytes(memory.device_bytes()), " on ", job.spec().device());
    if (memory.optional_bytes() > 0)
      absl::StrAppend(&text, "; faster with ", HumanBytes(memory.optional_bytes()), " more");
    fields.Add("memory", text);
  }
  fields.Add("created", job.has_create_time() ? HumanTime(job.create_time()) : "");
  fields.Add("started", job.has_start_time() ? HumanTime(job.start_time()) : "");
  fields.Add("ended", job.has_end_time() ? HumanTime(job.end_time()) : "");
  fields.Add("deadline", job.has_deadline() ? HumanTime(job.deadline()) : "");
  fields.Add("deleted at", job.has_expire_time() ? HumanTime(job.expire_time()) : "");
  if (job.has_latest() && !job.has_result()) AddMetrics(fields, job.latest());
  fields.Print(std::cout);
  if (job.has_result() || job.has_error()) {
    std::cout << "\n";
    PrintOutcome(job, std::cout);
  }
  return kSuccess;
}

Table JobsTable(const std::vector<v1::Job>& jobs, absl::Time now) {
  Table table({{"NAME"},
               {"STATE"},
               {"METHOD"},
               {"DATA SET"},
               {"EXPERIMENT"},
               {"EPOCH", Align::kRight},
               {"OBJECTIVE", Align::kRight},
               {"GAP", Align::kRight},
               {"TEST", Align::kRight},
               {"CREATED", Align::kRight}});
  for (const v1::Job& job : jobs) {
    const v1::EpochMetrics& metrics = TellingMetrics(job);
    const bool any = job.has_latest() || job.has_result();
    table.AddRow(
        {job.name(), EnumText(job.state()), MethodText(job.spec()), job.spec().dataset(), job.experiment(),
         any ? HumanCount(metrics.epoch()) : "", metrics.has_objective() ? HumanNumber(metrics.objective()) : "",
         metrics.has_gap() ? HumanSmall(metrics.gap()) : "",
         metrics.has_test_accuracy() ? HumanShare(metrics.test_accuracy()) : "", HumanAge(job.create_time(), now)});
  }
  return table;
}

ExitStatus ReportJobs(const Context& context, const std::vector<v1::Job>& jobs) {
  if (PrintedForScripts(context, jobs)) return kSuccess;
  PrintTable(JobsTable(jobs, absl::Now()), "no jobs match: submit one with cvxnn job submit");
  return kSuccess;
}

}  // namespace cvxnn::command
