// SPDX-License-Identifier: Apache-2.0
// JobSpec to training::Spec and back; the ranges are those that proto/cvxnn/v1/job_spec.proto states.
#include "server/translate/job_spec.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <variant>

#include "core/descent/ranges.h"
#include "core/training/limits.h"
#include "server/translate/capabilities.h"
#include "server/translate/choose.h"
#include "server/translate/descent_spec.h"
#include "server/translate/resource_name.h"
#include "server/translate/tensor.h"
#include "server/translate/violations.h"

namespace cvxnn::server {
namespace {

using training::ConvexTraining;
using training::GradientDescent;
using training::RegularizationPath;
using training::Spec;

constexpr std::int64_t kMostKept = 20000;
constexpr std::int64_t kMostGateBytes = std::int64_t{1} << 20;

bool Positive(double value) { return std::isfinite(value) && value > 0; }
bool InUnitInterval(double value) { return value >= 0 && value < 1; }

training::StoppingRule Stopping(const v1::StoppingRule& from, Violations* violations) {
  training::StoppingRule rule;
  if (from.max_epochs() != 0) rule.max_epochs = from.max_epochs();
  rule.max_seconds = from.max_seconds();
  if (from.has_tolerance()) rule.tolerance = from.tolerance();
  violations->Require(rule.max_epochs >= 1 && rule.max_epochs <= training::kMaxEpochs, "stopping.max_epochs",
                      from.max_epochs(), "must be 1 to 1000000000, or 0 for the default of 1000");
  violations->Require(std::isfinite(rule.max_seconds) && rule.max_seconds >= 0, "stopping.max_seconds",
                      from.max_seconds(), "must be finite and >= 0");
  violations->Require(InUnitInterval(rule.tolerance), "stopping.tolerance", from.tolerance(),
                      "must be at least 0 and below 1");
  return rule;
}

training::GivenPatterns Given(const v1::GivenPatterns& from, const std::string& path, Violations* violations) {
  training::GivenPatterns to;
  switch (from.gates_from_case()) {
    case v1::GivenPatterns::kGates: {
      const auto bytes = static_cast<std::int64_t>(from.gates().data().size());
      violations->Require(bytes <= kMostGateBytes, path + ".gates", absl::StrCat(bytes, " bytes"),
                          "must be at most 1 MiB: upload more as a data set");
      auto gates = MatrixFromTensor(from.gates(), path + ".gates");
      if (gates.ok()) {
        to.gates = *std::move(gates);
      } else {
        violations->Wrong(path + ".gates", std::string(gates.status().message()));
      }
      break;
    }
    case v1::GivenPatterns::kDataset:
      CheckResourceName("datasets", from.dataset(), path + ".dataset", violations);
      to.dataset = from.dataset();
      break;
    case v1::GivenPatterns::GATES_FROM_NOT_SET:
      violations->Wrong(path, "required: set gates or dataset");
  }
  return to;
}

training::Patterns PatternsFromProto(const v1::Patterns& from, const std::string& path, Violations* violations) {
  if (from.has_from_model()) {
    CheckResourceName("models", from.from_model().model(), path + "from_model.model", violations);
    return training::ModelPatterns{from.from_model().model(), from.from_model().output_signs()};
  }
  if (from.has_given()) return Given(from.given(), path + "given", violations);
  if (from.has_convolutional()) {
    training::ConvolutionalPatterns patches;
    if (from.convolutional().count() != 0) patches.count = from.convolutional().count();
    patches.patch_size = from.convolutional().patch_size();
    violations->Require(patches.count >= 1 && patches.count <= training::kMaxPatterns, path + "convolutional.count",
                        patches.count, "must be 1 to 1000000, or 0 for the default of 100");
    violations->Require(patches.patch_size >= 1, path + "convolutional.patch_size", patches.patch_size,
                        "must be 1 to the shorter side of the images");
    return patches;
  }
  if (from.has_enumerated()) {
    training::EnumeratedPatterns all;
    if (from.enumerated().max_count() != 0) all.max_count = from.enumerated().max_count();
    violations->Require(all.max_count >= 1 && all.max_count <= training::kMaxPatterns, path + "enumerated.max_count",
                        all.max_count, "must be 1 to 1000000, or 0 for the default of 100000");
    return all;
  }
  training::SampledPatterns sampled;
  if (from.sampled().has_count()) sampled.count = from.sampled().count();
  violations->Require(sampled.count >= 1 && sampled.count <= training::kMaxPatterns, path + "sampled.count",
                      sampled.count, "must be 1 to 1000000");
  sampled.columns_per_gate = from.sampled().columns_per_gate();
  violations->Require(sampled.columns_per_gate >= 0, path + "sampled.columns_per_gate", sampled.columns_per_gate,
                      "must be 1 to the columns of the data set, or 0 for all");
  return sampled;
}

struct PatternsToProto {
  v1::Patterns* to;

  void operator()(const training::SampledPatterns& sampled) const {
    to->mutable_sampled()->set_count(sampled.count);
    to->mutable_sampled()->set_columns_per_gate(sampled.columns_per_gate);
  }
  void operator()(const training::ConvolutionalPatterns& patches) const {
    to->mutable_convolutional()->set_count(patches.count);
    to->mutable_convolutional()->set_patch_size(static_cast<std::int32_t>(patches.patch_size));
  }
  void operator()(const training::EnumeratedPatterns& all) const {
    to->mutable_enumerated()->set_max_count(all.max_count);
  }
  void operator()(const training::GivenPatterns& given) const {
    if (given.dataset.empty()) {
      *to->mutable_given()->mutable_gates() = TensorFromMatrix(given.gates);
    } else {
      to->mutable_given()->set_dataset(given.dataset);
    }
  }
  void operator()(const training::ModelPatterns& from) const {
    to->mutable_from_model()->set_model(from.model);
    to->mutable_from_model()->set_output_signs(from.output_signs);
  }
};

training::Refinement RefinementFromProto(const v1::Refinement& from, const std::string& path, Violations* violations) {
  training::Refinement to;
  if (from.has_max_rounds()) to.max_rounds = from.max_rounds();
  if (from.search_starts() != 0) to.search_starts = from.search_starts();
  if (from.has_descent_epochs()) to.descent_epochs = from.descent_epochs();
  violations->Require(to.max_rounds >= 0 && to.max_rounds <= training::kMaxRefinementRounds, path + "max_rounds",
                      to.max_rounds, "must be 0 to 1000");
  violations->Require(to.search_starts >= 1 && to.search_starts <= training::kMaxSearchStarts, path + "search_starts",
                      to.search_starts, "must be 1 to 100000, or 0 for the default of 256");
  violations->Require(to.descent_epochs >= 0 && to.descent_epochs <= training::kMaxRefinementEpochs,
                      path + "descent_epochs", to.descent_epochs, "must be 0 to 1000000");
  return to;
}

void CheckWorkingSet(const v1::ConvexTraining& from, const ConvexTraining& to, const std::string& path,
                     Violations* violations) {
  if (to.working_set != training::WorkingSet::kOn) return;
  if (to.solver == training::ConvexSolver::kPenalty) {
    violations->Invalid(path + "working_set", ValueName(from.working_set()),
                        absl::StrCat("must be off or unspecified with ", ValueName(from.solver())));
  }
}

ConvexTraining Convex(const v1::ConvexTraining& from, const std::string& path, Violations* violations) {
  ConvexTraining to;
  to.activation = Choose(kConvexActivations, from.activation(), path + "activation", violations);
  to.solver = Choose(kConvexSolvers, from.solver(), path + "solver", training::ConvexSolver::kAuto, violations);
  to.working_set =
      Choose(kWorkingSets, from.working_set(), path + "working_set", training::WorkingSet::kAuto, violations);
  if (from.has_refinement()) {
    to.refinement = RefinementFromProto(from.refinement(), path + "refinement.", violations);
  }
  if (from.patterns().from_model().output_signs() && to.activation == Activation::kGated) {
    violations->Wrong(path + "patterns.from_model.output_signs", "must be false with ACTIVATION_GATED");
  }
  if (from.has_penalty_method() && to.solver != training::ConvexSolver::kPenalty) {
    violations->Wrong(path + "penalty_method", "must be absent for solvers other than CONVEX_SOLVER_PENALTY");
  } else if (to.solver == training::ConvexSolver::kPenalty) {
    to.penalty_method = PenaltyMethodFromProto(from.penalty_method(), path + "penalty_method.", violations);
  }
  const int kind = from.patterns().kind_case();
  if (kind != v1::Patterns::KIND_NOT_SET &&
      !IsBuilt(v1::Patterns::descriptor(), kPatterns, kind, path + "patterns", violations)) {
    return to;
  }
  to.patterns = PatternsFromProto(from.patterns(), path + "patterns.", violations);
  if (to.solver == training::ConvexSolver::kFista && to.activation == Activation::kRelu) {
    violations->Invalid(path + "solver", ValueName(from.solver()),
                        "must be another or unspecified with ACTIVATION_RELU, whose program has cones");
  }
  if (to.solver == training::ConvexSolver::kNewton && to.activation == Activation::kRelu) {
    violations->Invalid(path + "solver", ValueName(from.solver()),
                        "must be another or unspecified with ACTIVATION_RELU: it is for gated networks");
  }
  CheckWorkingSet(from, to, path, violations);
  return to;
}

RegularizationPath Path(const v1::RegularizationPath& from, Violations* violations) {
  RegularizationPath to;
  to.convex = Convex(from.convex(), "path.convex.", violations);
  if (from.points() != 0) to.points = from.points();
  if (from.min_fraction() != 0) to.min_fraction = from.min_fraction();
  to.selection =
      Choose(kPathSelections, from.selection(), "path.selection", training::PathSelection::kAuto, violations);
  violations->Require(to.points >= 2 && to.points <= training::kMostPathPoints, "path.points", from.points(),
                      "must be 2 to 1000, or 0 for the default of 20");
  violations->Require(to.min_fraction > 0 && to.min_fraction < 1, "path.min_fraction", from.min_fraction(),
                      "must be above 0 and below 1, or 0 for the default of 0.001");
  return to;
}

// β, or its share of β_max, or neither: what the penalty and the kind of training allow.
void Regularization(const v1::JobSpec& from, bool convex, Spec* to, Violations* violations) {
  const char* const by_convex = "set beta (> 0) or beta_max_fraction (above 0, at most 1)";
  const bool grid = from.descent().grid().betas_size() > 0;
  if (from.has_path() && (to->penalty == Penalty::kNone || to->penalty == Penalty::kRidge)) {
    violations->Invalid("penalty", ValueName(from.penalty()), "has no largest beta, where a path begins");
  }
  if (to->penalty == Penalty::kNone) {
    if (from.has_beta()) violations->Invalid("beta", from.beta(), "must be absent with PENALTY_NONE");
    if (from.has_beta_max_fraction()) {
      violations->Invalid("beta_max_fraction", from.beta_max_fraction(), "must be absent with PENALTY_NONE");
    }
    if (grid) violations->Wrong("descent.grid.betas", "must be absent with PENALTY_NONE");
    return;
  }
  if (from.has_path()) {
    if (from.has_beta()) violations->Invalid("beta", from.beta(), "must be absent with path");
    if (from.has_beta_max_fraction()) {
      violations->Invalid("beta_max_fraction", from.beta_max_fraction(), "must be absent with path");
    }
    return;
  }
  switch (from.regularization_case()) {
    case v1::JobSpec::kBeta:
      violations->Require(Positive(from.beta()), "beta", from.beta(), "must be finite and > 0");
      violations->Require(convex || from.beta() <= descent::kMaxBeta || !Positive(from.beta()), "beta", from.beta(),
                          "must be at most 1e+30 for descent");
      if (grid) violations->Invalid("beta", from.beta(), "must be absent with descent.grid.betas");
      to->beta = from.beta();
      break;
    case v1::JobSpec::kBetaMaxFraction:
      violations->Require(from.beta_max_fraction() > 0 && from.beta_max_fraction() <= 1, "beta_max_fraction",
                          from.beta_max_fraction(), "must be above 0 and at most 1");
      violations->Require(convex, "beta_max_fraction", from.beta_max_fraction(),
                          "is for convex training only; set beta (> 0)");
      violations->Require(to->penalty != Penalty::kRidge, "beta_max_fraction", from.beta_max_fraction(),
                          "must be absent with PENALTY_RIDGE, under which no beta makes zero optimal; set beta (> 0)");
      to->beta_max_fraction = from.beta_max_fraction();
      break;
    case v1::JobSpec::REGULARIZATION_NOT_SET:
      if (grid) return;
      violations->Wrong("beta",
                        absl::StrCat("required: ", convex ? by_convex : "set beta (> 0)", ", or penalty PENALTY_NONE"));
  }
}

}  // namespace

// What the loss and the penalty leave of solvers and working sets.
void CheckMethodFitsProgram(const Spec& spec, const ConvexTraining& method, const std::string& path,
                            Violations* violations) {
  const bool blocks = spec.penalty == Penalty::kGroupL2 || spec.penalty == Penalty::kWeightDecay;
  if (method.solver == training::ConvexSolver::kNewton && (spec.loss != Loss::kSquared || !blocks)) {
    violations->Invalid(path + "solver", ValueName(v1::CONVEX_SOLVER_NEWTON),
                        "is for LOSS_SQUARED with PENALTY_GROUP_L2, or PENALTY_WEIGHT_DECAY of one output");
  }
  if (method.working_set == training::WorkingSet::kOn && !blocks) {
    violations->Invalid(path + "working_set", ValueName(v1::WORKING_SET_ON),
                        "is for PENALTY_GROUP_L2 and PENALTY_WEIGHT_DECAY, under which whole blocks are zero");
  }
}

Spec SpecFromProto(const v1::JobSpec& from, Violations* violations) {
  Spec to;
  CheckResourceName("datasets", from.dataset(), "dataset", violations);
  const int kind = from.training_case();
  const bool descent = kind == v1::JobSpec::kDescent;
  to.loss = Choose(kLosses, from.loss(), "loss", violations);
  to.loss_scale = Choose(kLossScales, from.loss_scale(), "loss_scale", violations);
  to.precision = Choose(kPrecisions, from.precision(), "precision", training::Precision::kAuto, violations);
  to.penalty = descent ? Choose(kDescentPenalties, from.penalty(), "penalty", violations)
                       : Choose(kConvexPenalties, from.penalty(), "penalty", violations);
  Regularization(from, !descent, &to, violations);
  if (!from.device().empty()) to.device = from.device();
  to.seed = from.seed();
  to.stopping = Stopping(from.stopping(), violations);
  if (kind == v1::JobSpec::TRAINING_NOT_SET) {
    violations->Wrong("training", "required: set convex, descent or path");
  } else if (IsBuilt(v1::JobSpec::descriptor(), kTrainings, kind, "training", violations)) {
    if (descent) {
      auto method = DescentFromProto(from.descent(), violations);
      if (method.snapshots && violations->empty()) {
        descent::CheckSnapshots(method, to.stopping.max_epochs,
                                [&](const std::string& field, const std::string& value, const std::string& allowed) {
                                  violations->InvalidText("descent." + field, value, "must be " + allowed);
                                });
      }
      to.method = std::move(method);
      to.keep_best = from.descent().keep_best();
      violations->Require(to.keep_best >= 0 && to.keep_best <= kMostKept, "descent.keep_best", to.keep_best,
                          absl::StrCat("must be 1 to ", kMostKept, ", or 0 to keep all"));
    } else if (kind == v1::JobSpec::kPath) {
      to.method = Path(from.path(), violations);
    } else {
      to.method = Convex(from.convex(), "convex.", violations);
    }
  }
  const ConvexTraining* method = training::ConvexOf(to);
  if (method != nullptr && method->solver == training::ConvexSolver::kFista && to.loss == Loss::kHinge) {
    violations->Invalid(from.has_path() ? "path.convex.solver" : "convex.solver", ValueName(v1::CONVEX_SOLVER_FISTA),
                        "must be CONVEX_SOLVER_ADMM or unspecified with LOSS_HINGE, which has a kink");
  }
  if (method != nullptr) CheckMethodFitsProgram(to, *method, from.has_path() ? "path.convex." : "convex.", violations);
  return to;
}

absl::StatusOr<Spec> SpecFromProto(const v1::JobSpec& spec, const std::string& prefix) {
  Violations violations(prefix);
  Spec result = SpecFromProto(spec, &violations);
  if (!violations.empty()) return violations.ToStatus();
  return result;
}

namespace {

// Targets of a regression task may or may not be -1 or +1: training looks.
void CheckLossFits(Loss loss, const v1::Dataset& dataset, Violations* violations) {
  const auto task = dataset.task();
  const bool one_hot = task == v1::TASK_MULTICLASS, plus_minus = task == v1::TASK_BINARY;
  const std::string name = ValueName(Reverse(kLosses, loss));
  if (loss == Loss::kCrossEntropy && !one_hot) {
    violations->Invalid("loss", name,
                        absl::StrCat("needs one-hot targets, a data set of TASK_MULTICLASS; this is of ",
                                     ValueName(task), plus_minus ? "; LOSS_LOGISTIC fits" : ""));
  } else if (loss != Loss::kCrossEntropy && loss != Loss::kSquared && one_hot) {
    violations->Invalid("loss", name,
                        "needs targets -1 or +1, a data set of TASK_BINARY; this is of TASK_MULTICLASS; "
                        "LOSS_CROSS_ENTROPY fits");
  }
}

}  // namespace

void CheckSpecFits(const Spec& spec, const v1::Dataset& dataset, Violations* violations) {
  CheckLossFits(spec.loss, dataset, violations);
  const ConvexTraining* method = training::ConvexOf(spec);
  const bool convex = method != nullptr;
  if (const auto* patches = convex ? std::get_if<training::ConvolutionalPatterns>(&method->patterns) : nullptr) {
    const auto& image = dataset.image_shape();
    const std::int64_t longest = std::min<std::int64_t>(image.height(), image.width());
    violations->Require(
        patches->patch_size <= longest, "convex.patterns.convolutional.patch_size", patches->patch_size,
        dataset.has_image_shape() ? absl::StrCat("must be 1 to ", longest) : std::string("needs a data set of images"));
  }
  if (const auto* descent = std::get_if<GradientDescent>(&spec.method)) {
    const std::int64_t rows = dataset.features().rows();
    for (const std::int64_t asked : descent->grid.training_rows) {
      violations->Require(asked <= rows, "descent.grid.training_rows", asked,
                          absl::StrCat("must be 1 to ", rows, ", the training rows of the data set"));
    }
  }
  if (const auto* sampled = convex ? std::get_if<training::SampledPatterns>(&method->patterns) : nullptr) {
    const std::int64_t inputs = dataset.features().cols();
    violations->Require(sampled->columns_per_gate <= inputs, "convex.patterns.sampled.columns_per_gate",
                        sampled->columns_per_gate,
                        absl::StrCat("must be 1 to ", inputs, ", the columns of the data set, or 0 for all"));
  }
  const auto* given = convex ? std::get_if<training::GivenPatterns>(&method->patterns) : nullptr;
  if (given != nullptr && given->dataset.empty()) {
    const std::int64_t inputs = dataset.features().cols();
    violations->Require(given->gates.cols() == inputs, "convex.patterns.given.gates.shape.cols", given->gates.cols(),
                        absl::StrCat("must be ", inputs, ", the columns of the data set"));
  }
  if (const auto* path = std::get_if<RegularizationPath>(&spec.method)) {
    const bool tested = dataset.test_rows() > 0,
               by_accuracy = path->selection == training::PathSelection::kTestAccuracy;
    const bool fits = by_accuracy ? tested && dataset.task() != v1::TASK_REGRESSION
                                  : tested || path->selection != training::PathSelection::kTestLoss;
    violations->Require(fits, "path.selection", ValueName(Reverse(kPathSelections, path->selection)),
                        by_accuracy ? "needs a data set with a test part and classes" : "needs a test part");
  }
}

namespace {

void ConvexToProto(const ConvexTraining& convex, v1::ConvexTraining* to) {
  to->set_activation(Reverse(kConvexActivations, convex.activation));
  to->set_solver(Reverse(kConvexSolvers, convex.solver));
  to->set_working_set(Reverse(kWorkingSets, convex.working_set));
  std::visit(PatternsToProto{to->mutable_patterns()}, convex.patterns);
  if (const auto& refinement = convex.refinement; refinement.has_value()) {
    to->mutable_refinement()->set_max_rounds(refinement->max_rounds);
    to->mutable_refinement()->set_search_starts(refinement->search_starts);
    to->mutable_refinement()->set_descent_epochs(refinement->descent_epochs);
  }
  if (convex.penalty_method.has_value()) *to->mutable_penalty_method() = PenaltyMethodToProto(*convex.penalty_method);
}

}  // namespace

v1::JobSpec SpecToProto(const Spec& from, const std::string& dataset) {
  v1::JobSpec to;
  to.set_dataset(dataset);
  to.set_loss_scale(Reverse(kLossScales, from.loss_scale));
  if (from.beta.has_value()) to.set_beta(*from.beta);
  if (from.beta_max_fraction.has_value()) to.set_beta_max_fraction(*from.beta_max_fraction);
  to.set_device(from.device);
  to.set_precision(Reverse(kPrecisions, from.precision));
  to.set_seed(from.seed);
  to.mutable_stopping()->set_max_epochs(from.stopping.max_epochs);
  to.mutable_stopping()->set_max_seconds(from.stopping.max_seconds);
  to.mutable_stopping()->set_tolerance(from.stopping.tolerance);
  if (const auto* convex = std::get_if<ConvexTraining>(&from.method)) {
    to.set_loss(Reverse(kLosses, from.loss));
    to.set_penalty(Reverse(kConvexPenalties, from.penalty));
    ConvexToProto(*convex, to.mutable_convex());
    return to;
  }
  if (const auto* path = std::get_if<RegularizationPath>(&from.method)) {
    to.set_loss(Reverse(kLosses, from.loss));
    to.set_penalty(Reverse(kConvexPenalties, from.penalty));
    ConvexToProto(path->convex, to.mutable_path()->mutable_convex());
    to.mutable_path()->set_points(path->points);
    to.mutable_path()->set_min_fraction(path->min_fraction);
    to.mutable_path()->set_selection(Reverse(kPathSelections, path->selection));
    return to;
  }
  const auto& descent = std::get<GradientDescent>(from.method);
  to.set_loss(Reverse(kLosses, from.loss));
  to.set_penalty(Reverse(kDescentPenalties, from.penalty));
  *to.mutable_descent() = DescentToProto(descent);
  to.mutable_descent()->set_keep_best(from.keep_best);
  return to;
}

}  // namespace cvxnn::server
