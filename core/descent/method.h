// SPDX-License-Identifier: Apache-2.0
// How gradient descent starts and steps, as plain structs: specs and the server use them too, so no tensors here. Each
// optimiser agrees step by step with the class of that name in torch.optim and has its defaults. ranges.h says what is
// allowed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/network/loss.h"

namespace cvxnn::descent {

/// Stochastic gradient descent; on the full batch and without momentum it is gradient descent itself.
struct Sgd {
  double momentum = 0;    ///< share μ of the last step kept, no dampening
  bool nesterov = false;  ///< looks ahead along the momentum, which must then be > 0
};

/// Kingma & Ba 2015, bias-corrected.
struct Adam {
  double beta1 = 0.9;     ///< decay of the gradient's mean
  double beta2 = 0.999;   ///< decay of the gradient's square
  double epsilon = 1e-8;  ///< added to the root of the square
};

/// Loshchilov & Hutter 2019: Adam, and before each step every weight shrinks by learning_rate · weight_decay.
struct AdamW {
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0.01;
};

/// Duchi, Hazan & Singer 2011.
struct Adagrad {
  double rate_decay = 0;           ///< step t uses learning_rate / (1 + (t − 1)·rate_decay)
  double initial_accumulator = 0;  ///< what the sums of squares start from
  double epsilon = 1e-10;          ///< added to the root of the sum
};

/// Zeiler 2012.
struct Adadelta {
  double rho = 0.9;       ///< decay of both running squares
  double epsilon = 1e-6;  ///< added under both roots
};

/// Tieleman & Hinton 2012.
struct RmsProp {
  double alpha = 0.99;    ///< decay of the gradient's square
  double epsilon = 1e-8;  ///< added to the root of the square
  double momentum = 0;    ///< share of the last step kept
  bool centered = false;  ///< subtracts the square of the gradient's running mean
};

/// Limited-memory BFGS with a strong-Wolfe line search (Nocedal & Wright 2006, algorithms 3.5, 3.6 and 7.4), as
/// torch.optim.LBFGS(max_iter=1, line_search_fn="strong_wolfe"): an epoch is one direction with its line search, which
/// takes one to 26 passes over the data, and the pass that every epoch ends with. Full batch only.
struct Lbfgs {
  std::int64_t history = 100;        ///< pairs (step, change of gradient) remembered
  double gradient_tolerance = 1e-7;  ///< a trial is done when no entry of its gradient is larger
  /// … or when its slope along the direction is above −this, or a step changed no weight or the objective by more.
  double change_tolerance = 1e-9;
};

using Optimizer = std::variant<Sgd, Adam, AdamW, Adagrad, Adadelta, RmsProp, Lbfgs>;

/// The rate stays as it is.
struct ConstantRate {};

/// As torch.optim.lr_scheduler.ReduceLROnPlateau on the train objective, for each trial by itself: the rate is
/// multiplied by `factor` when `patience` + 1 epochs in a row did not lower the least objective by a share `threshold`.
struct ReduceOnPlateau {
  double factor = 0.1;
  std::int64_t patience = 10;  ///< epochs
  double threshold = 1e-4;     ///< relative
  std::int64_t cooldown = 0;   ///< epochs after a reduction in which none is counted
  double minimum_rate = 0;     ///< the rate never falls below this
};

/// learning_rate · factor^(epochs done).
struct ExponentialDecay {
  double factor = 0;  ///< must be set
};

/// The rate is multiplied by `factor` every `epochs` epochs.
struct StepDecay {
  std::int64_t epochs = 0;  ///< must be set
  double factor = 0.1;
};

/// Half a period of a cosine from learning_rate to `minimum_rate` over `epochs` epochs (Loshchilov & Hutter 2017,
/// without restarts); minimum_rate from then on.
struct CosineAnnealing {
  std::int64_t epochs = 0;  ///< must be set
  double minimum_rate = 0;
};

/// Over the first `epochs` epochs the rate rises in equal steps from start_factor · learning_rate to learning_rate, as
/// torch.optim.lr_scheduler.LinearLR; then the schedule begins.
struct LinearWarmup {
  std::int64_t epochs = 0;  ///< 0: no warm-up
  double start_factor = 1.0 / 3;
};

/// How the learning rate changes from epoch to epoch.
struct Schedule {
  std::variant<ConstantRate, ReduceOnPlateau, ExponentialDecay, StepDecay, CosineAnnealing> kind;
  LinearWarmup warmup;
};

/// As torch.nn.Linear without bias: U(-1/√fan_in, 1/√fan_in); fan_in is d for the first layer, m for the second.
struct TorchLinear {};
/// He et al. 2015, as torch.nn.init.kaiming_normal_: N(0, 2/fan_in) for both layers.
struct Kaiming {};
/// N(0, scale²) for both layers.
struct Gaussian {
  double scale = 1;
};
/// As Gaussian, and then each neuron is rescaled so that ‖u_j‖ is the norm of α_j that the penalty uses (ℓ2 without a
/// penalty); the outputs are those of the Gaussian network.
struct BalancedGaussian {
  double scale = 1;
};
/// Stored networks: one for all trials, or one for each. Whoever runs descent resolves the names into Options::start.
struct FromModels {
  std::vector<std::string> models;
};

using Initialization = std::variant<TorchLinear, Kaiming, Gaussian, BalancedGaussian, FromModels>;

/// Several settings trained by one run: every combination of the values given, each with Method::trials trials. An
/// empty list stands for the one value said elsewhere. Numbers of trials run through training_rows slowest, then
/// neurons, learning_rates, betas, and the trials of a combination fastest. Trial t of every combination uses the
/// random stream (seed, t), so combinations of equal sizes start from equal weights, and with mini-batches see equal
/// orders.
struct Grid {
  std::vector<std::int64_t> training_rows;  ///< the first so many training rows; empty: all
  std::vector<std::int64_t> neurons;        ///< instead of Method::neurons
  std::vector<double> learning_rates;       ///< instead of Method::learning_rate
  std::vector<double> betas;                ///< instead of the run's β
};

/// What is reported of a trial, and how often. Between two reports an epoch costs no more than its steps.
struct Reports {
  std::int64_t every_epochs = 1;    ///< epoch 0, every k-th and the last epoch of a trial
  bool gradient_norm = false;       ///< with mini-batches too, where it costs a backward pass over all rows a report
  bool pattern_statistics = false;  ///< how many patterns changed, are distinct, are dead
};

/// Epoch 0 and every k-th.
struct EveryEpochs {
  std::int64_t epochs = 1;
};
/// Epoch 0 and about so many for each factor of ten, evenly in log(epoch): 10^(i/k) rounded, without repeats.
struct PerDecade {
  std::int64_t count = 10;
};

/// Weights to be kept on the way.
struct Snapshots {
  std::variant<EveryEpochs, PerDecade> spacing;
};

/// What one trial of a Grid is given.
struct TrialSetting {
  std::int64_t training_rows = 0;  ///< n
  std::int64_t neurons = 0;        ///< m
  double learning_rate = 0;        ///< before the schedule
  double beta = 0;                 ///< 0 without a penalty
};

/// What a spec says of descent apart from loss, penalty and when to stop.
struct Method {
  Activation activation = Activation::kRelu;  ///< with FromModels it is theirs
  std::int64_t neurons = 100;                 ///< m; with FromModels it is theirs
  Optimizer optimizer;
  /// Multiplies the gradient of the objective at the chosen loss scale: with LossScale::kHalfSum or kSum the gradient
  /// grows with the number of rows, so a rate that suits kMean must be divided by about n. Absent: DefaultLearningRate.
  std::optional<double> learning_rate;
  Schedule schedule;
  /// The gradient of a trial longer than this (ℓ2 over all its weights) is scaled down to it. Absent: never.
  std::optional<double> clip_norm;
  /// Rows per step, >= 0; 0 or >= n means full batch, one step an epoch. Otherwise every epoch goes once through all
  /// rows in a new random order, without replacement, and its last batch may be smaller. A step follows the gradient of
  /// (n/b)·(loss of the batch's b rows at the scale of n rows) + penalty: its mean over batches is the gradient of the
  /// objective. For LossScale::kMean that is the mean over the batch, as in PyTorch.
  std::int64_t batch_size = 0;
  std::int64_t trials = 1;  ///< T independent initialisations; trial t uses the random stream (seed, t)
  Initialization initialization;
  Grid grid;
  Reports reports;
  std::optional<Snapshots> snapshots;
};

/// The default of torch.optim: 1e-2 for SGD, Adagrad and RMSprop, 1e-3 for Adam and AdamW, 1 for Adadelta and L-BFGS.
double DefaultLearningRate(const Optimizer& optimizer);

/// The learning rate before the schedule.
double LearningRate(const Method& method);

/// "sgd", "adam", "adamw", "adagrad", "adadelta", "rmsprop" or "lbfgs".
std::string Name(const Optimizer& optimizer);

}  // namespace cvxnn::descent
