// SPDX-License-Identifier: Apache-2.0
// See convex_state.h. The state of the solve has its entries below "solve/".
#include "core/training/convex_state.h"

#include <ATen/ATen.h>

#include <cstring>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/convex/solve_state.h"
#include "core/descent/fingerprint.h"

namespace cvxnn::training {
namespace {

using descent::State;

// Changes whenever entries do, or what a solver does with them.
constexpr std::int64_t kConvexFormat = 1;
constexpr char kSolve[] = "solve/";

std::string TextOf(const PenaltyMethod& method) {
  return absl::StrFormat("rho %.17g, %s, rate %.17g, batches of %d", method.rho, descent::Name(method.optimizer),
                         descent::LearningRate(convex::AsMethod(method)), method.batch_size);
}

std::string TextOf(const Refinement& refinement) {
  return absl::StrFormat("%d rounds, %d starts, %d epochs", refinement.max_rounds, refinement.search_starts,
                         refinement.descent_epochs);
}

void SaveRound(const RoundStart& round, State* state) {
  (*state)["round"] = round.round;
  (*state)["round/objective"] = round.objective;
  (*state)["round/before"] = round.before;
  (*state)["round/largest"] = round.largest;
  // A byte for each entry.
  const at::Tensor mask = round.patterns.mask.cpu().contiguous();
  (*state)["round/patterns"] = mask.size(1);
  (*state)["round/mask"] =
      std::string(static_cast<const char*>(mask.data_ptr()), static_cast<std::size_t>(mask.numel()));
  convex::SaveMatrix("round/gates", round.patterns.gates, state);
  convex::SaveMatrix("round/first_layer", round.network.first_layer, state);
  convex::SaveMatrix("round/second_layer", round.network.second_layer, state);
  convex::SaveStart("round/start/", round.start, state);
}

RoundStart LoadRound(const TensorData& data, descent::StateReader* reader) {
  const at::TensorOptions like = data.features.options();
  RoundStart round;
  round.round = reader->Integer("round");
  round.objective = reader->Number("round/objective");
  round.before = reader->Number("round/before");
  round.largest = reader->Number("round/largest");
  const std::int64_t rows = data.features.size(0), patterns = reader->Integer("round/patterns");
  const std::string bytes = reader->Text("round/mask");
  const auto size = static_cast<std::int64_t>(bytes.size());
  if (patterns < 0 || patterns > size || size != rows * patterns) {
    reader->Refuse("round/mask");
    return round;
  }
  const at::Tensor mask = at::empty({rows, patterns}, at::TensorOptions().device(at::kCPU).dtype(at::kBool));
  if (!bytes.empty()) std::memcpy(mask.data_ptr(), bytes.data(), bytes.size());
  round.patterns.mask = mask.to(like.device());
  round.patterns.gates = convex::LoadMatrix("round/gates", like, reader);
  round.network.activation = Activation::kRelu;
  round.network.first_layer = convex::LoadMatrix("round/first_layer", like, reader);
  round.network.second_layer = convex::LoadMatrix("round/second_layer", like, reader);
  round.start = convex::LoadStart("round/start/", like, reader);
  for (const at::Tensor* needed : {&round.patterns.gates, &round.network.first_layer, &round.network.second_layer,
                                   &round.start.positive, &round.start.negative}) {
    if (!needed->defined()) reader->Refuse("round/");
  }
  return round;
}

}  // namespace

State Fingerprint(const Spec& spec, const ConvexTraining& convex, const TensorData& data,
                  const convex::Program& program, const std::string& solver) {
  State state = descent::DataFingerprint({data.features, data.targets, data.test_features, data.test_targets});
  const auto put = [&state](const char* name, std::string text) {
    state[absl::StrCat("run/", name)] = std::move(text);
  };
  put("format", absl::StrCat("convex ", kConvexFormat));
  put("patterns", descent::Digest(program.patterns.mask));
  put("activation", Name(convex.activation));
  put("solver", solver);
  put("seed", absl::StrCat(spec.seed));
  put("loss", Name(spec.loss));
  put("loss_scale", Name(spec.loss_scale));
  put("penalty", Name(spec.penalty));
  put("beta", absl::StrFormat("%.17g, %.17g", spec.beta.value_or(0), spec.beta_max_fraction.value_or(0)));
  put("stopping", absl::StrFormat("%d epochs, tolerance %.17g", spec.stopping.max_epochs, spec.stopping.tolerance));
  put("penalty_method", convex.penalty_method.has_value() ? TextOf(*convex.penalty_method) : "none");
  put("working_set", absl::StrCat(static_cast<int>(convex.working_set)));
  const auto refinement = RefinementOf(spec, convex, data.targets.size(1));
  put("refinement", refinement.has_value() ? TextOf(*refinement) : "none");
  return state;
}

std::string ToBytes(const ConvexState& convex, const State& fingerprint) {
  State state = fingerprint;
  state["reports"] = convex.reports;
  state["seconds"] = convex.seconds;
  state["earlier_epochs"] = convex.earlier_epochs;
  state["solve_began"] = convex.solve_began;
  state["beta"] = convex.beta;
  state["first_objective"] = convex.first_objective;
  if (convex.round.has_value()) SaveRound(*convex.round, &state);
  if (convex.solve.has_value()) {
    for (const auto& [name, value] : *convex.solve) state[kSolve + name] = value;
  }
  return descent::ToBytes(state);
}

absl::StatusOr<ConvexState> ConvexStateFromBytes(const std::string& bytes, const State& fingerprint,
                                                 const TensorData& data) {
  auto state = descent::FromBytes(bytes);
  if (!state.ok()) return state.status();
  if (absl::Status other = descent::CheckFingerprint(*state, fingerprint); !other.ok()) return other;
  descent::StateReader reader(*state, "");
  ConvexState convex;
  convex.reports = reader.Integer("reports");
  convex.seconds = reader.Number("seconds");
  convex.earlier_epochs = reader.Integer("earlier_epochs");
  convex.solve_began = reader.Number("solve_began");
  convex.beta = reader.Number("beta");
  convex.first_objective = reader.Number("first_objective");
  if (reader.Has("round")) convex.round = LoadRound(data, &reader);
  State solve;
  for (const auto& [name, value] : *state) {
    if (absl::StartsWith(name, kSolve)) solve[name.substr(sizeof(kSolve) - 1)] = value;
  }
  if (!solve.empty()) convex.solve = std::move(solve);
  if (!reader.status().ok()) return reader.status();
  return convex;
}

}  // namespace cvxnn::training
