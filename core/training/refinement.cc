// SPDX-License-Identifier: Apache-2.0
// Search, descend, solve; see refinement.h.
#include "core/training/refinement.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/convex/embed.h"
#include "core/convex/reconstruct.h"
#include "core/convex/violators.h"
#include "core/data/random.h"
#include "core/descent/descent.h"
#include "core/network/loss_function.h"

namespace cvxnn::training {
namespace {

// A direction whose value is above β by this share, or ten times the tolerance, is worth a round: what it can gain is
// of the order of the square.
constexpr double kLeastExcess = 1e-3;
constexpr double kToleranceMultiple = 10;
// With a tolerance of 0, the least share by which a round lowers the objective.
constexpr double kLeastGain = 1e-6;
// Violators added in a round, and their neurons' penalty as a share of the network's.
constexpr std::int64_t kMostViolators = 64;
constexpr double kViolatorShare = 1e-4;
// Without descent the program is solved from these neurons, which must not raise the objective.
constexpr double kTinyShare = 1e-12;
// Neurons below this share of the largest are left out of the next program.
constexpr double kNegligible = 1e-8;

double Objective(const Spec& spec, const convex::Program& program, const Network& network) {
  return LossValue(program.loss, program.loss_scale, Forward(network, program.features), program.targets) +
         PenaltyValue(spec.penalty, program.beta, network);
}

class Refiner {
 public:
  Refiner(const Spec& spec, const Refinement& refinement, const TensorData& data, const convex::Program& program,
          const std::function<bool()>& should_stop)
      : spec_(spec), refinement_(refinement), data_(data), program_(program), should_stop_(should_stop) {}

  absl::StatusOr<Refined> Run(const convex::Solution& first, const SolveRound& solve) {
    Refined refined{program_, first, 0, false, 0};
    Keep(convex::Reconstruct(program_, first));
    return Rounds(1, std::move(refined), solve);
  }

  absl::StatusOr<Refined> Resume(RoundStart from, const SolveRound& solve) {
    network_ = from.network;
    objective_ = from.objective;
    program_.patterns = from.patterns;
    Refined refined;
    refined.largest = from.largest;
    auto more = SolveAndJudge(from, solve, &refined);
    if (!more.ok()) return more.status();
    return *more ? Rounds(from.round + 1, std::move(refined), solve) : refined;
  }

 private:
  absl::StatusOr<Refined> Rounds(std::int64_t first, Refined refined, const SolveRound& solve) {
    for (std::int64_t round = first;; ++round) {
      auto violators = Search(round);
      if (absl::IsCancelled(violators.status())) return refined;
      if (!violators.ok()) return violators.status();
      refined.largest = violators->largest / HalfSumBeta();
      refined.searched = violators->outputs.size(0) == 0;
      if (refined.searched || round > refinement_.max_rounds) return refined;

      RoundStart from;
      from.round = round;
      from.before = objective_;
      from.largest = refined.largest;
      if (auto status = Descend(*violators); !status.ok()) return status;
      auto embedded = convex::Embed(program_.features, network_, should_stop_);
      if (absl::IsCancelled(embedded.status())) return refined;
      if (!embedded.ok()) return embedded.status();
      program_.patterns = std::move(embedded->patterns);
      from.patterns = program_.patterns;
      from.start = std::move(embedded->start);
      from.network = network_;
      from.objective = objective_;
      auto more = SolveAndJudge(from, solve, &refined);
      if (!more.ok()) return more.status();
      if (!*more) return refined;
    }
  }

  // The rest of a round; whether another one is to follow.
  absl::StatusOr<bool> SolveAndJudge(const RoundStart& from, const SolveRound& solve, Refined* refined) {
    auto solution = solve(program_, from);
    if (!solution.ok()) return solution.status();
    refined->program = program_;
    refined->solution = *std::move(solution);
    refined->rounds = from.round;
    Keep(convex::Reconstruct(program_, refined->solution));
    if (should_stop_() || !refined->solution.trouble.empty()) return false;
    // What was found made no difference: near an optimum that is known to a tolerance, values above β are rounding.
    refined->searched =
        from.before - objective_ <= std::max(spec_.stopping.tolerance, kLeastGain) * std::abs(objective_);
    return !refined->searched;
  }

  double HalfSumBeta() const {
    return program_.beta / HalfSumMultiple(program_.loss_scale, static_cast<double>(program_.features.size(0)));
  }

  // Takes the network if it is the best so far.
  void Keep(const Network& network) {
    const double objective = Objective(spec_, program_, network);
    if (network_.first_layer.defined() && !(objective <= objective_)) return;
    network_ = network;
    objective_ = objective;
  }

  absl::StatusOr<convex::Violators> Search(std::int64_t round) const {
    const at::Tensor& x = program_.features;
    const at::Tensor outputs = Forward(network_, x);
    const at::Tensor dual = FunctionOf(program_.loss).Gradient(outputs, program_.targets).mul(-0.5);
    data::RandomStream stream = data::StreamOf(spec_.seed, data::StreamPurpose::kPatternSearch, /*trial=*/0, round);
    at::Tensor starts =
        at::empty({refinement_.search_starts, x.size(1)}, at::TensorOptions().dtype(at::kDouble).device(at::kCPU));
    std::generate_n(starts.data_ptr<double>(), starts.numel(), [&stream] { return stream.Normal(); });
    starts = at::cat({starts.t().to(x.options()), network_.first_layer}, 1);
    const double excess = std::max(kLeastExcess, kToleranceMultiple * spec_.stopping.tolerance);
    return convex::FindViolators(x, dual, starts, (1 + excess) * HalfSumBeta(), kMostViolators, should_stop_);
  }

  // The best network with a small neuron for each violator.
  Network Extended(const convex::Violators& violators) const {
    const std::int64_t count = violators.outputs.size(0);
    // β‖u‖|α| of a balanced neuron is its share of the penalty.
    const double penalty = PenaltyValue(spec_.penalty, program_.beta, network_);
    const double scale = penalty > 0 ? penalty : objective_;
    const double product = (refinement_.descent_epochs > 0 ? kViolatorShare : kTinyShare) * scale /
                           (program_.beta * static_cast<double>(std::max<std::int64_t>(1, count)));
    Network extended = network_;
    at::Tensor second = at::zeros({count, network_.outputs()}, network_.second_layer.options());
    second.scatter_(1, violators.outputs.unsqueeze(1), violators.signs.mul(std::sqrt(product)).unsqueeze(1));
    extended.first_layer = at::cat({network_.first_layer, violators.directions.mul(std::sqrt(product))}, 1);
    extended.second_layer = at::cat({network_.second_layer, second});
    return extended;
  }

  absl::Status Descend(const convex::Violators& violators) {
    Network start = Extended(violators);
    descent::Options options;
    options.activation = Activation::kRelu;
    options.neurons = start.neurons();
    options.optimizer = descent::Lbfgs();
    options.loss = program_.loss;
    options.loss_scale = program_.loss_scale;
    options.penalty = spec_.penalty;
    options.beta = program_.beta;
    options.max_epochs = refinement_.descent_epochs;
    options.reports.every_epochs = std::max<std::int64_t>(1, refinement_.descent_epochs);
    start.first_layer = start.first_layer.contiguous();
    start.second_layer = start.second_layer.contiguous();
    options.start = {start};
    const descent::Data rows{data_.features, data_.targets, {}, {}};
    auto result = descent::RunDescent(options, rows, {{}, should_stop_});
    if (!result.ok()) return result.status();
    Keep(WithoutNegligible(Balanced(result->trials.at(0).network, spec_.penalty)));
    // The violators' patterns are for the next program even if descent got nowhere.
    if (refinement_.descent_epochs == 0) network_ = start;
    return absl::OkStatus();
  }

  static Network WithoutNegligible(const Network& network) {
    const at::Tensor sizes =
        network.first_layer.norm(2, at::IntArrayRef{0}).mul_(network.second_layer.norm(2, at::IntArrayRef{1}));
    if (sizes.numel() == 0) return network;
    const at::Tensor kept = sizes.gt(sizes.max().mul(kNegligible)).nonzero().squeeze(1);
    Network rest = network;
    rest.first_layer = network.first_layer.index_select(1, kept);
    rest.second_layer = network.second_layer.index_select(0, kept);
    return rest;
  }

  const Spec& spec_;
  const Refinement& refinement_;
  const TensorData& data_;
  convex::Program program_;
  const std::function<bool()>& should_stop_;
  Network network_;
  double objective_ = 0;
};

}  // namespace

std::optional<Refinement> RefinementOf(const Spec& spec, const ConvexTraining& convex, std::int64_t outputs) {
  if (convex.activation != Activation::kRelu) return std::nullopt;
  if (std::holds_alternative<EnumeratedPatterns>(convex.patterns)) return std::nullopt;
  const auto* from = std::get_if<ModelPatterns>(&convex.patterns);
  if (from != nullptr && from->output_signs) return std::nullopt;
  if (convex.refinement.has_value()) {
    return convex.refinement->max_rounds > 0 ? convex.refinement : std::nullopt;
  }
  const bool group = spec.penalty == Penalty::kGroupL2 || (spec.penalty == Penalty::kWeightDecay && outputs == 1);
  if (convex.solver != ConvexSolver::kAuto || !group || spec.loss == Loss::kHinge) return std::nullopt;
  return Refinement();
}

absl::StatusOr<Refined> Refine(const Spec& spec, const Refinement& refinement, const TensorData& data,
                               const convex::Program& program, const convex::Solution& first, const SolveRound& solve,
                               const std::function<bool()>& should_stop) {
  return Refiner(spec, refinement, data, program, should_stop).Run(first, solve);
}

absl::StatusOr<Refined> ResumeRefinement(const Spec& spec, const Refinement& refinement, const TensorData& data,
                                         const convex::Program& program, RoundStart from, const SolveRound& solve,
                                         const std::function<bool()>& should_stop) {
  return Refiner(spec, refinement, data, program, should_stop).Resume(std::move(from), solve);
}

}  // namespace cvxnn::training
