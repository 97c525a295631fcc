// SPDX-License-Identifier: Apache-2.0
// The flags of `job submit` that describe a job, put over a job file where one is given.
#pragma once

#include <absl/status/statusor.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "client/cpp/command/flags.h"
#include "cvxnn/v1/job.pb.h"

namespace cvxnn::command {

class JobFlags {
 public:
  /// Adds the flags; this must outlive the parser.
  void AddTo(CLI::App& command);

  /// Reads the job file, if one is named, and puts every flag that was given over it. INVALID_ARGUMENT: a fault of the
  /// file, no method, or a flag that the method does not have.
  absl::StatusOr<v1::Job> Build() const;

 private:
  void AddCommon(CLI::App& command);
  void AddConvex(CLI::App& command);
  void AddPath(CLI::App& command);
  void AddSteps(CLI::App& command);
  void AddDescent(CLI::App& command);
  absl::Status ApplyMethod(v1::Job& job) const;
  absl::Status ApplyConvex(v1::ConvexTraining& convex) const;
  void AddGrid(CLI::App& command);
  absl::Status ApplySteps(v1::GradientDescent& descent) const;
  absl::Status ApplySteps(v1::ConvexTraining& convex) const;
  v1::ConvexSolver SolverOf(v1::ConvexTraining convex) const;
  absl::Status ApplyDescent(v1::GradientDescent& descent) const;
  absl::Status ApplyGrid(v1::GradientDescent& descent) const;
  absl::Status ApplySnapshots(v1::GradientDescent& descent) const;
  absl::Status CheckMethodFlags(const v1::Job& job) const;
  absl::Status CheckPenaltyFlags() const;

  std::string file_;
  std::string method_;
  std::string activation_;
  std::string patterns_kind_;
  std::string gates_file_;
  std::string optimizer_;
  std::string schedule_;
  std::string initialization_;
  std::vector<std::string> initial_models_;
  std::string grid_rows_;
  std::string grid_neurons_;
  std::string grid_learning_rates_;
  std::string grid_betas_;
  std::string snapshots_;
  std::vector<std::string> labels_;
  MessageFlags<v1::Job> common_;
  MessageFlags<v1::ConvexTraining> convex_;
  MessageFlags<v1::RegularizationPath> path_;
  MessageFlags<v1::GradientDescent> steps_;
  MessageFlags<v1::GradientDescent> descent_;
  CLI::Option* beta_ = nullptr;
  CLI::Option* beta_max_fraction_ = nullptr;
  CLI::Option* penalty_ = nullptr;
  std::vector<CLI::Option*> convex_options_;
  std::vector<CLI::Option*> path_options_;
  std::vector<CLI::Option*> step_options_;
  std::vector<CLI::Option*> descent_options_;
};

}  // namespace cvxnn::command
