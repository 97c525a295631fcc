// SPDX-License-Identifier: Apache-2.0
// Flags into a Job. Ranges are the server's to check: it knows them, and its answer names the field.
#include "client/cpp/command/job_flags.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <absl/time/clock.h>

#include <algorithm>
#include <set>
#include <utility>

#include "client/cpp/command/context.h"
#include "client/cpp/command/echo.h"
#include "client/cpp/command/job_file.h"
#include "client/cpp/command/number_list.h"
#include "client/cpp/command/oneof_flag.h"
#include "client/cpp/command/read_rows.h"
#include "client/cpp/command/time_flag.h"
#include "client/cpp/convert.h"

namespace cvxnn::command {
namespace {

using Integer = std::int64_t;
using v1::ConvexTraining;
using v1::GradientDescent;
using v1::Job;

/// Puts the options that were added since `first` under a heading of the help.
void Group(CLI::App& command, std::size_t first, const char* heading) {
  const std::vector<CLI::Option*> options = command.get_options();
  for (std::size_t i = first; i < options.size(); ++i) options[i]->group(heading);
}

}  // namespace

void JobFlags::AddTo(CLI::App& command) {
  command.add_option("METHOD,--method", method_, "convex, descent or path")
      ->check(CLI::IsMember({"convex", "descent", "path"}));
  command.add_option("-f,--file", file_, "The job message in YAML or JSON (- is standard input); flags override it");
  AddCommon(command);
  std::size_t first = command.get_options().size();
  AddConvex(command);
  Group(command, first, "Convex training");
  first = command.get_options().size();
  AddPath(command);
  Group(command, first, "Regularisation path");
  first = command.get_options().size();
  AddSteps(command);
  Group(command, first, "Steps of gradient descent, and of the penalty solver");
  first = command.get_options().size();
  AddDescent(command);
  Group(command, first, "Gradient descent");
}

void JobFlags::AddCommon(CLI::App& command) {
  common_.Add<std::string>(command, "--dataset", "Data set to train on", [](Job& job, const auto& value) {
    job.mutable_spec()->set_dataset(ResourceName("datasets", value));
  });
  beta_ = common_.Add<double>(command, "--beta", "Regularisation strength, above 0",
                              [](Job& job, const auto& value) { job.mutable_spec()->set_beta(value); });
  beta_max_fraction_ = common_.Add<double>(
      command, "--beta-max-fraction", "Convex: strength as a share of the least one at which the optimum is zero",
      [](Job& job, const auto& value) { job.mutable_spec()->set_beta_max_fraction(value); });
  beta_max_fraction_->excludes(beta_);
  OneOf<v1::Activation>(command.add_option("--activation", activation_, "Default: convex gated, descent relu"));
  common_.AddEnum<v1::Loss>(command, "--loss", "Default squared",
                            [](Job& job, v1::Loss value) { job.mutable_spec()->set_loss(value); });
  common_.AddEnum<v1::LossScale>(command, "--loss-scale", "Default half-sum",
                                 [](Job& job, v1::LossScale value) { job.mutable_spec()->set_loss_scale(value); });
  penalty_ = common_.AddEnum<v1::Penalty>(command, "--penalty", "Default group-l2", [](Job& job, v1::Penalty value) {
    job.mutable_spec()->set_penalty(value);
    // A strength of the job file; one of a flag is refused.
    if (value == v1::PENALTY_NONE) job.mutable_spec()->clear_regularization();
  });
  common_.Add<Integer>(command, "--epochs", "Most epochs (per trial); default 1000", [](Job& job, const auto& value) {
    job.mutable_spec()->mutable_stopping()->set_max_epochs(value);
  });
  common_.Add<double>(
      command, "--max-seconds", "Most seconds of training; default no limit",
      [](Job& job, const auto& value) { job.mutable_spec()->mutable_stopping()->set_max_seconds(value); });
  common_.Add<std::uint64_t>(command, "--seed", "The only source of randomness; default 0",
                             [](Job& job, const auto& value) { job.mutable_spec()->set_seed(value); });
  common_.Add<std::string>(command, "--device", "cpu, cuda or cuda:N; default cpu",
                           [](Job& job, const auto& value) { job.mutable_spec()->set_device(value); });
  common_.AddEnum<v1::Precision>(command, "--precision", "Default by size",
                                 [](Job& job, v1::Precision value) { job.mutable_spec()->set_precision(value); });
  common_.Add<std::int32_t>(command, "--priority", "Jobs of higher priority are next, -1000 to 1000; default 0",
                            [](Job& job, const auto& value) { job.set_priority(value); });
  OnlyMoments(common_.Add<std::string>(
      command, "--deadline", "When the job must have ended: from now, e.g. 2h, or a time, e.g. 2026-03-01T12:00:00Z",
      [](Job& job, const auto& value) { *job.mutable_deadline() = ToMessage(*ParseMoment(value, absl::Now())); }));
  OnlyLengths(common_.Add<std::string>(
      command, "--ttl", "Delete the job this long after its end, e.g. 7d; default as the server says",
      [](Job& job, const auto& value) { *job.mutable_ttl() = ToMessage(*ParseLength(value)); }));
  common_.Add<std::string>(command, "--experiment", "Experiment the job belongs to",
                           [](Job& job, const auto& value) { job.set_experiment(value); });
  AddRepeated(command, "--label,--label-kv", labels_, "Label, KEY=VALUE (repeat for several)");
  common_.Add<std::string>(command, "--name,--title", "Title for people",
                           [](Job& job, const auto& value) { job.set_display_name(value); });
}

void JobFlags::AddConvex(CLI::App& command) {
  CLI::Option* sampled = convex_.Add<Integer>(command, "--patterns", "Activation patterns to sample; default 100",
                                              [](ConvexTraining& convex, const auto& value) {
                                                convex.mutable_patterns()->mutable_sampled()->set_count(value);
                                              });
  CLI::Option* from_model = convex_.Add<std::string>(
      command, "--patterns-from", "Stored model whose activation patterns to take",
      [](ConvexTraining& convex, const auto& value) {
        convex.mutable_patterns()->mutable_from_model()->set_model(ResourceName("models", value));
      });
  CLI::Option* signs = convex_.AddSwitch(
      command, "--output-signs", "With --patterns-from: take the signs of its output weights too (relu)",
      [](ConvexTraining& convex) { convex.mutable_patterns()->mutable_from_model()->set_output_signs(true); });
  signs->needs(from_model);
  from_model->excludes(sampled);
  CLI::Option* kind = command.add_option(
      "--patterns-kind", patterns_kind_,
      absl::StrCat("Any other patterns, NAME[:FIELD=VALUE,…], e.g. convolutional:patch-size=5; one of ",
                   OneofChoices(v1::Patterns::descriptor(), "kind")));
  kind->excludes(sampled)->excludes(from_model);
  CLI::Option* gates = command.add_option(
      "--gates", gates_file_, "File of gates whose patterns to take, one a row, .npy or .csv without a header");
  gates->excludes(sampled)->excludes(from_model)->excludes(kind);
  convex_options_ = {
      sampled,
      from_model,
      signs,
      kind,
      gates,
      convex_.AddEnum<v1::ConvexSolver>(
          command, "--solver",
          "Default by size and tolerance: fista or newton for gated, admm for relu, or interior_point; penalty steps "
          "as descent",
          [](ConvexTraining& convex, v1::ConvexSolver value) { convex.set_solver(value); }),
      convex_.AddEnum<v1::WorkingSet>(
          command, "--working-set",
          "Solve over the few patterns that matter, in rounds (group-l2, weight-decay); default where it pays, never "
          "for relu",
          [](ConvexTraining& convex, v1::WorkingSet value) { convex.set_working_set(value); }),
      convex_.Add<Integer>(
          command, "--refine",
          "Rounds that look for patterns beyond those given (relu); default 10 unless a solver is named; 0 for none",
          [](ConvexTraining& convex, const auto& value) { convex.mutable_refinement()->set_max_rounds(value); }),
      convex_.Add<double>(
          command, "--rho", "What leaving the cones costs by the penalty solver; default 1",
          [](ConvexTraining& convex, const auto& value) { convex.mutable_penalty_method()->set_rho(value); }),
      common_.Add<double>(
          command, "--tolerance", "Relative gap and violation to stop at; default 1e-4, 0: all epochs",
          [](Job& job, const auto& value) { job.mutable_spec()->mutable_stopping()->set_tolerance(value); }),
  };
}

void JobFlags::AddPath(CLI::App& command) {
  path_options_ = {
      path_.Add<std::int32_t>(command, "--points", "Strengths on the path, evenly in their logarithm; default 20",
                              [](v1::RegularizationPath& path, const auto& value) { path.set_points(value); }),
      path_.Add<double>(command, "--min-fraction", "The last strength as a share of the largest; default 0.001",
                        [](v1::RegularizationPath& path, const auto& value) { path.set_min_fraction(value); }),
      path_.AddEnum<v1::PathSelection>(
          command, "--select", "Which model is the best; default by the test part, if there is one",
          [](v1::RegularizationPath& path, v1::PathSelection value) { path.set_selection(value); }),
  };
}

void JobFlags::AddSteps(CLI::App& command) {
  const auto add = [&](CLI::Option* option) { step_options_.push_back(option); };
  add(command.add_option("--optimizer", optimizer_,
                         absl::StrCat("NAME[:FIELD=VALUE,…], e.g. sgd:momentum=0.9; one of ",
                                      OneofChoices(v1::Optimizer::descriptor(), "kind"), "; default sgd")));
  add(steps_.Add<double>(command, "--learning-rate,--lr", "Default 0.01; adam and adamw 0.001, adadelta and lbfgs 1",
                         [](GradientDescent& descent, const auto& value) { descent.set_learning_rate(value); }));
  add(command.add_option("--schedule", schedule_,
                         absl::StrCat("Of the learning rate, NAME[:FIELD=VALUE,…], e.g. step:epochs=30; one of ",
                                      OneofChoices(v1::Schedule::descriptor(), "kind"), "; default constant")));
  add(steps_.Add<Integer>(command, "--warmup", "Epochs over which the rate rises before the schedule; default none",
                          [](GradientDescent& descent, const auto& value) {
                            descent.mutable_schedule()->mutable_warmup()->set_epochs(value);
                          }));
  add(steps_.Add<Integer>(command, "--batch-size", "Rows per step; default 0: all",
                          [](GradientDescent& descent, const auto& value) { descent.set_batch_size(value); }));
}

void JobFlags::AddDescent(CLI::App& command) {
  const auto add = [&](CLI::Option* option) { descent_options_.push_back(option); };
  add(descent_.Add<Integer>(command, "--neurons", "Width of the network; default 100",
                            [](GradientDescent& descent, const auto& value) { descent.set_neurons(value); }));
  add(descent_.Add<double>(command, "--clip-norm", "Longest gradient of a trial; default any",
                           [](GradientDescent& descent, const auto& value) { descent.set_clip_norm(value); }));
  add(descent_.Add<Integer>(command, "--trials", "Independent initialisations; default 1",
                            [](GradientDescent& descent, const auto& value) { descent.set_trials(value); }));
  add(command.add_option(
      "--initialization", initialization_,
      absl::StrCat("NAME[:FIELD=VALUE,…], e.g. gaussian:scale=0.1; one of ",
                   OneofChoices(v1::Initialization::descriptor(), "kind"), "; default torch-linear")));
  add(AddRepeated(command, "--initial-model", initial_models_,
                  "Stored model to go on from: one, or one for each trial (repeat)"));
  add(descent_.Add<Integer>(
      command, "--report-every", "Epochs from one report of a trial to the next; default 1",
      [](GradientDescent& descent, const auto& value) { descent.mutable_reports()->set_every_epochs(value); }));
  add(descent_.AddSwitch(command, "--gradient-norm", "Report the gradient's norm with mini-batches too",
                         [](GradientDescent& descent) { descent.mutable_reports()->set_gradient_norm(true); }));
  add(descent_.AddSwitch(command, "--pattern-statistics", "Report changed, distinct and dead activation patterns",
                         [](GradientDescent& descent) { descent.mutable_reports()->set_pattern_statistics(true); }));
  add(command.add_option("--snapshots", snapshots_,
                         "Keep weights on the way as models: every=K epochs, or per-decade=K evenly in log(epoch)"));
  add(descent_.Add<Integer>(command, "--keep-best",
                            "Models to keep, of the trials with the least objective; default all",
                            [](GradientDescent& descent, const auto& value) { descent.set_keep_best(value); }));
  AddGrid(command);
}

void JobFlags::AddGrid(CLI::App& command) {
  const auto add = [&](const char* name, std::string& text, const char* what) {
    descent_options_.push_back(command.add_option(name, text, absl::StrCat(what, ": ", kListForm)));
  };
  add("--grid-rows", grid_rows_, "Grid over numbers of training rows");
  add("--grid-neurons", grid_neurons_, "Grid over widths");
  add("--grid-learning-rates,--grid-lr", grid_learning_rates_, "Grid over learning rates");
  add("--grid-betas", grid_betas_, "Grid over regularisation strengths, instead of --beta");
}

namespace {

template <typename Values, typename Field>
absl::Status FillGrid(const absl::StatusOr<Values>& values, Field* field) {
  if (!values.ok()) return values.status();
  field->Clear();
  field->Add(values->begin(), values->end());
  return absl::OkStatus();
}

}  // namespace

absl::Status JobFlags::ApplyGrid(GradientDescent& descent) const {
  absl::Status status;
  if (!grid_rows_.empty()) {
    status.Update(FillGrid(ParseIntegers("--grid-rows", grid_rows_), descent.mutable_grid()->mutable_training_rows()));
  }
  if (!grid_neurons_.empty()) {
    status.Update(FillGrid(ParseIntegers("--grid-neurons", grid_neurons_), descent.mutable_grid()->mutable_neurons()));
  }
  if (!grid_learning_rates_.empty()) {
    status.Update(FillGrid(ParseReals("--grid-learning-rates", grid_learning_rates_),
                           descent.mutable_grid()->mutable_learning_rates()));
  }
  if (!grid_betas_.empty()) {
    status.Update(FillGrid(ParseReals("--grid-betas", grid_betas_), descent.mutable_grid()->mutable_betas()));
  }
  return status;
}

absl::Status JobFlags::ApplySnapshots(GradientDescent& descent) const {
  if (snapshots_.empty()) return absl::OkStatus();
  const std::pair<std::string, std::string> halves = absl::StrSplit(snapshots_, absl::MaxSplits('=', 1));
  std::int64_t number = 0;
  if (absl::SimpleAtoi(halves.second, &number) && halves.first == "every") {
    descent.mutable_snapshots()->set_every_epochs(number);
  } else if (absl::SimpleAtoi(halves.second, &number) && halves.first == "per-decade") {
    descent.mutable_snapshots()->set_per_decade(number);
  } else {
    return absl::InvalidArgumentError(
        absl::StrCat("--snapshots ", Echo(snapshots_), ": must be every=K or per-decade=K with a whole number K"));
  }
  return absl::OkStatus();
}

absl::Status JobFlags::ApplySteps(GradientDescent& descent) const {
  steps_.Apply(descent);
  if (!optimizer_.empty()) {
    if (auto status = SetOneof("--optimizer", optimizer_, "kind", descent.mutable_optimizer()); !status.ok()) {
      return status;
    }
  }
  return schedule_.empty() ? absl::OkStatus() : SetOneof("--schedule", schedule_, "kind", descent.mutable_schedule());
}

absl::Status JobFlags::ApplySteps(ConvexTraining& convex) const {
  const auto given = [](const CLI::Option* option) { return option->count() > 0; };
  if (std::none_of(step_options_.begin(), step_options_.end(), given)) return absl::OkStatus();
  // The same fields under the same names, those of a job file first.
  GradientDescent steps;
  v1::PenaltyMethod& method = *convex.mutable_penalty_method();
  if (method.has_optimizer()) *steps.mutable_optimizer() = method.optimizer();
  if (method.has_schedule()) *steps.mutable_schedule() = method.schedule();
  if (absl::Status status = ApplySteps(steps); !status.ok()) return status;
  if (steps.has_optimizer()) *method.mutable_optimizer() = steps.optimizer();
  if (steps.has_schedule()) *method.mutable_schedule() = steps.schedule();
  if (steps.has_learning_rate()) method.set_learning_rate(steps.learning_rate());
  if (steps.batch_size() != 0) method.set_batch_size(steps.batch_size());
  return absl::OkStatus();
}

absl::Status JobFlags::ApplyDescent(GradientDescent& descent) const {
  descent_.Apply(descent);
  if (absl::Status status = ApplySteps(descent); !status.ok()) return status;
  if (absl::Status status = ApplyGrid(descent); !status.ok()) return status;
  if (absl::Status status = ApplySnapshots(descent); !status.ok()) return status;
  if (!initialization_.empty()) {
    if (auto status = SetOneof("--initialization", initialization_, "kind", descent.mutable_initialization());
        !status.ok()) {
      return status;
    }
  }
  if (initial_models_.empty()) return absl::OkStatus();
  auto* models = descent.mutable_initialization()->mutable_from_models();
  models->clear_models();
  for (const std::string& name : initial_models_) models->add_models(ResourceName("models", name));
  return absl::OkStatus();
}

absl::Status JobFlags::ApplyConvex(ConvexTraining& convex) const {
  convex_.Apply(convex);
  if (absl::Status status = ApplySteps(convex); !status.ok()) return status;
  if (!gates_file_.empty()) {
    const absl::StatusOr<data::Matrix> gates = ReadRows(gates_file_, /*has_header=*/false);
    if (!gates.ok()) return gates.status();
    *convex.mutable_patterns()->mutable_given()->mutable_gates() = client::ToTensor(*gates, 0, gates->rows());
  }
  if (patterns_kind_.empty()) return absl::OkStatus();
  return SetOneof("--patterns-kind", patterns_kind_, "kind", convex.mutable_patterns());
}

absl::Status JobFlags::ApplyMethod(Job& job) const {
  v1::JobSpec& spec = *job.mutable_spec();
  // A method that the file has already keeps what the file says of it.
  if (method_ == "convex") spec.mutable_convex();
  if (method_ == "descent") spec.mutable_descent();
  if (method_ == "path") spec.mutable_path();
  if (spec.training_case() == v1::JobSpec::TRAINING_NOT_SET) {
    return absl::InvalidArgumentError("no method: say convex, descent or path, or give a job file");
  }
  if (absl::Status status = CheckMethodFlags(job); !status.ok()) return status;
  const auto activation = EnumValue<v1::Activation>(activation_);
  if (spec.has_convex()) {
    if (absl::Status status = ApplyConvex(*spec.mutable_convex()); !status.ok()) return status;
    if (!activation_.empty()) spec.mutable_convex()->set_activation(activation);
  } else if (spec.has_descent()) {
    if (absl::Status status = ApplyDescent(*spec.mutable_descent()); !status.ok()) return status;
    if (!activation_.empty()) spec.mutable_descent()->set_activation(activation);
  } else {
    path_.Apply(*spec.mutable_path());
    if (absl::Status status = ApplyConvex(*spec.mutable_path()->mutable_convex()); !status.ok()) return status;
    if (!activation_.empty()) spec.mutable_path()->mutable_convex()->set_activation(activation);
  }
  return absl::OkStatus();
}

absl::Status JobFlags::CheckMethodFlags(const Job& job) const {
  const bool descent = job.spec().has_descent();
  for (const CLI::Option* option : descent ? convex_options_ : descent_options_) {
    if (option->count() == 0) continue;
    return absl::InvalidArgumentError(absl::StrCat(option->get_name(), ": ", descent ? "descent" : "convex training",
                                                   " has no such setting, ", descent ? "convex training" : "descent",
                                                   " has"));
  }
  const ConvexTraining& convex = job.spec().has_path() ? job.spec().path().convex() : job.spec().convex();
  for (const CLI::Option* option : step_options_) {
    if (descent || option->count() == 0 || SolverOf(convex) == v1::CONVEX_SOLVER_PENALTY) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(option->get_name(), ": only descent and --solver penalty have such a setting"));
  }
  if (job.spec().has_path()) {
    for (const CLI::Option* option : {beta_, beta_max_fraction_}) {
      if (option->count() == 0) continue;
      return absl::InvalidArgumentError(absl::StrCat(option->get_name(), ": a path has its own strengths"));
    }
    return absl::OkStatus();
  }
  for (const CLI::Option* option : path_options_) {
    if (option->count() == 0) continue;
    return absl::InvalidArgumentError(absl::StrCat(option->get_name(), ": only a path has such a setting"));
  }
  return absl::OkStatus();
}

v1::ConvexSolver JobFlags::SolverOf(ConvexTraining convex) const {
  convex_.Apply(convex);
  return convex.solver();
}

absl::Status JobFlags::CheckPenaltyFlags() const {
  if (penalty_->count() == 0 || EnumValue<v1::Penalty>(penalty_->as<std::string>()) != v1::PENALTY_NONE) {
    return absl::OkStatus();
  }
  for (const CLI::Option* option : {beta_, beta_max_fraction_}) {
    if (option->count() == 0) continue;
    return absl::InvalidArgumentError(absl::StrCat(option->get_name(), ": does not go with --penalty none"));
  }
  return absl::OkStatus();
}

absl::StatusOr<Job> JobFlags::Build() const {
  if (absl::Status status = CheckPenaltyFlags(); !status.ok()) return status;
  Job job;
  if (!file_.empty()) {
    absl::StatusOr<Job> from_file = ReadJobFile(file_);
    if (!from_file.ok()) return from_file.status();
    job = *std::move(from_file);
  }
  common_.Apply(job);
  std::set<std::string> keys;
  for (const std::string& label : labels_) {
    const std::vector<std::string> halves = absl::StrSplit(label, absl::MaxSplits('=', 1));
    if (halves.size() != 2 || halves[0].empty()) {
      return absl::InvalidArgumentError(absl::StrCat("--label ", Echo(label), ": must be KEY=VALUE"));
    }
    if (!keys.insert(halves[0]).second) {
      return absl::InvalidArgumentError(absl::StrCat("--label ", Echo(halves[0]), ": is given twice"));
    }
    (*job.mutable_labels())[halves[0]] = halves[1];
  }
  if (absl::Status status = ApplyMethod(job); !status.ok()) return status;
  return job;
}

}  // namespace cvxnn::command
