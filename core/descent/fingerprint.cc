// SPDX-License-Identifier: Apache-2.0
// See fingerprint.h.
#include "core/descent/fingerprint.h"

#include <ATen/ATen.h>
#include <torch/version.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace cvxnn::descent {
namespace {

/// Of what is in a checkpoint, and of arithmetic that gives other numbers than before.
constexpr int kFormat = 1;
/// Bytes brought to the host at a time.
constexpr std::int64_t kPart = std::int64_t{1} << 26;

std::string Exact(double value) { return absl::StrFormat("%.17g", value); }
std::string Exact(std::int64_t value) { return absl::StrCat(value); }

template <typename Value>
std::string List(const std::vector<Value>& values) {
  std::string text;
  for (const Value value : values) absl::StrAppend(&text, text.empty() ? "" : ", ", Exact(value));
  return text;
}

std::string Numbers(const char* name, const std::vector<double>& values) {
  return absl::StrCat(name, "(", List(values), ")");
}

struct TextOf {
  std::string operator()(const Sgd& o) const { return Numbers("sgd", {o.momentum, o.nesterov ? 1.0 : 0.0}); }
  std::string operator()(const Adam& o) const { return Numbers("adam", {o.beta1, o.beta2, o.epsilon}); }
  std::string operator()(const AdamW& o) const {
    return Numbers("adamw", {o.beta1, o.beta2, o.epsilon, o.weight_decay});
  }
  std::string operator()(const Adagrad& o) const {
    return Numbers("adagrad", {o.rate_decay, o.initial_accumulator, o.epsilon});
  }
  std::string operator()(const Adadelta& o) const { return Numbers("adadelta", {o.rho, o.epsilon}); }
  std::string operator()(const RmsProp& o) const {
    return Numbers("rmsprop", {o.alpha, o.epsilon, o.momentum, o.centered ? 1.0 : 0.0});
  }
  std::string operator()(const Lbfgs& o) const {
    return Numbers("lbfgs", {static_cast<double>(o.history), o.gradient_tolerance, o.change_tolerance});
  }

  std::string operator()(const ConstantRate& /*constant*/) const { return "constant"; }
  std::string operator()(const ReduceOnPlateau& o) const {
    return Numbers("reduce_on_plateau", {o.factor, static_cast<double>(o.patience), o.threshold,
                                         static_cast<double>(o.cooldown), o.minimum_rate});
  }
  std::string operator()(const ExponentialDecay& o) const { return Numbers("exponential", {o.factor}); }
  std::string operator()(const StepDecay& o) const {
    return Numbers("step", {static_cast<double>(o.epochs), o.factor});
  }
  std::string operator()(const CosineAnnealing& o) const {
    return Numbers("cosine", {static_cast<double>(o.epochs), o.minimum_rate});
  }

  std::string operator()(const TorchLinear& /*linear*/) const { return "torch_linear"; }
  std::string operator()(const Kaiming& /*kaiming*/) const { return "kaiming"; }
  std::string operator()(const Gaussian& o) const { return Numbers("gaussian", {o.scale}); }
  std::string operator()(const BalancedGaussian& o) const { return Numbers("balanced", {o.scale}); }
  std::string operator()(const FromModels& /*models*/) const { return "from_models"; }

  std::string operator()(const EveryEpochs& o) const { return absl::StrCat("every ", o.epochs); }
  std::string operator()(const PerDecade& o) const { return absl::StrCat(o.count, " per decade"); }
};

std::string TextOfStart(const std::vector<Network>& start) {
  std::string text;
  for (const Network& network : start) {
    absl::StrAppend(&text, Digest(network.first_layer), " ", Digest(network.second_layer), " ", Digest(network.gates),
                    ";");
  }
  return absl::StrFormat("%d, checksum %016x", start.size(), Checksum(text));
}

}  // namespace

std::string Digest(const at::Tensor& matrix) {
  if (!matrix.defined()) return "none";
  std::uint64_t sum = 0;
  const std::int64_t row_bytes =
      std::max<std::int64_t>(1, matrix.size(1)) * static_cast<std::int64_t>(matrix.element_size());
  const std::int64_t rows = std::max<std::int64_t>(1, kPart / row_bytes);
  for (std::int64_t begin = 0; begin < matrix.size(0); begin += rows) {
    const at::Tensor part = matrix.narrow(0, begin, std::min(rows, matrix.size(0) - begin)).cpu().contiguous();
    sum = 31 * sum + Checksum({static_cast<const char*>(part.data_ptr()), part.nbytes()});
  }
  return absl::StrFormat("%dx%d, checksum %016x", matrix.size(0), matrix.size(1), sum);
}

State DataFingerprint(const Data& data) {
  State state;
  const auto put = [&state](const char* name, std::string text) {
    state[absl::StrCat("run/", name)] = std::move(text);
  };
  put("build", absl::StrCat("LibTorch ", TORCH_VERSION, ", compiler ", __VERSION__));
  put("device", data.features.device().str());
  put("precision", data.features.scalar_type() == at::kFloat ? "float32" : "float64");
  put("train.features", Digest(data.features));
  put("train.targets", Digest(data.targets));
  put("test.features", Digest(data.test_features));
  put("test.targets", Digest(data.test_targets));
  return state;
}

State Fingerprint(const Options& options, const Data& data) {
  State state = DataFingerprint(data);
  const auto put = [&state](const char* name, std::string text) {
    state[absl::StrCat("run/", name)] = std::move(text);
  };
  put("format", absl::StrCat(kFormat));
  put("counting", Exact(static_cast<std::int64_t>(options.counting)));
  put("loss", Name(options.loss));
  put("loss_scale", Name(options.loss_scale));
  put("penalty", Name(options.penalty));
  put("beta", Exact(options.beta));
  put("seed", absl::StrCat(options.seed));
  put("first_trial", Exact(options.first_trial));
  put("max_epochs", Exact(options.max_epochs));
  put("max_seconds", Exact(options.max_seconds));
  put("workspace_bytes", Exact(options.workspace_bytes));
  put("activation", Name(options.activation));
  put("neurons", Exact(options.neurons));
  put("gates", Digest(options.gates));
  put("start", TextOfStart(options.start));
  put("optimizer", std::visit(TextOf(), options.optimizer));
  put("learning_rate", Exact(LearningRate(options)));
  put("schedule", absl::StrCat(std::visit(TextOf(), options.schedule.kind), ", ",
                               Numbers("warmup", {static_cast<double>(options.schedule.warmup.epochs),
                                                  options.schedule.warmup.start_factor})));
  put("clip_norm", options.clip_norm ? Exact(*options.clip_norm) : "none");
  put("batch_size", Exact(options.batch_size));
  put("trials", Exact(options.trials));
  put("initialization", std::visit(TextOf(), options.initialization));
  put("grid.training_rows", List(options.grid.training_rows));
  put("grid.neurons", List(options.grid.neurons));
  put("grid.learning_rates", List(options.grid.learning_rates));
  put("grid.betas", List(options.grid.betas));
  put("reports", absl::StrCat("every ", options.reports.every_epochs, ", ", options.reports.gradient_norm, ", ",
                              options.reports.pattern_statistics));
  put("snapshots", options.snapshots ? std::visit(TextOf(), options.snapshots->spacing) : "none");
  return state;
}

absl::Status CheckFingerprint(const State& state, const State& fingerprint) {
  for (const auto& [name, expected] : fingerprint) {
    const auto found = state.find(name);
    if (found != state.end() && found->second.index() == expected.index() &&
        std::get<std::string>(found->second) == std::get<std::string>(expected)) {
      continue;
    }
    StateReader reader(state, "");
    return absl::FailedPreconditionError(absl::StrCat("the checkpoint is of another run: its ", name.substr(4),
                                                      " is \"", reader.Text(name), "\", not \"",
                                                      std::get<std::string>(expected), "\""));
  }
  return absl::OkStatus();
}

}  // namespace cvxnn::descent
