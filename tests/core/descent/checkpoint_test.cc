// SPDX-License-Identifier: Apache-2.0
// A run that goes on from a checkpoint is the run that was not interrupted, bit by bit; bytes that are no checkpoint of
// this run are refused.
#include "core/descent/checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <tuple>

#include "tests/core/descent/told.h"

namespace cvxnn::descent {
namespace {

using testing::HasSubstr;

/// Optimiser, mini-batches, neurons.
using ResumeCase = std::tuple<const char*, bool, std::int64_t>;

Optimizer OptimizerNamed(const std::string& name) {
  if (name == "sgd") return Sgd();
  if (name == "momentum") return Sgd{.momentum = 0.5};
  if (name == "adam") return Adam();
  if (name == "adamw") return AdamW{.weight_decay = 1e-101};
  if (name == "adagrad") return Adagrad{.rate_decay = 0.1};
  if (name == "adadelta") return Adadelta();
  if (name == "lbfgs") return Lbfgs{.history = 2};
  return RmsProp{.momentum = 0.5, .centered = true};
}

/// A grid of two batches; in each the trials of the second learning rate diverge at once (those of L-BFGS stall).
Options OptionsOf(const ResumeCase& test, bool plateau) {
  const auto& [optimizer, mini_batches, neurons] = test;
  Options options;
  options.optimizer = OptimizerNamed(optimizer);
  if (mini_batches) options.batch_size = neurons < 100 ? 7 : 20;
  options.schedule.kind = CosineAnnealing{5, 1e-5};
  if (plateau) options.schedule.kind = ReduceOnPlateau{.patience = 0, .threshold = 0.3, .cooldown = 1};
  options.schedule.warmup = {2, 0.5};
  options.grid = {{}, {neurons, neurons + 1}, {1e-3, 1e100}, {}};
  options.trials = 2;
  options.beta = 0.01;
  options.max_epochs = 7;
  options.reports.every_epochs = 2;
  options.reports.pattern_statistics = neurons < 100;
  options.counting = Counting::kSign;
  return options;
}

void ExpectSameReports(const std::vector<EpochReport>& reports, const EpochReport* expected, std::size_t count) {
  ASSERT_EQ(reports.size(), count);
  for (std::size_t i = 0; i < count; ++i) EXPECT_EQ(Values(reports[i]), Values(expected[i])) << i;
}

void ExpectSameTrials(const Result& result, const Result& expected) {
  EXPECT_EQ(result.ending, expected.ending);
  EXPECT_EQ(result.epochs, expected.epochs);
  ASSERT_EQ(result.trials.size(), expected.trials.size());
  for (std::size_t t = 0; t < result.trials.size(); ++t) {
    SCOPED_TRACE(testing::Message() << "trial " << t);
    EXPECT_TRUE(Same(result.trials[t].network.first_layer, expected.trials[t].network.first_layer));
    EXPECT_TRUE(Same(result.trials[t].network.second_layer, expected.trials[t].network.second_layer));
    EXPECT_EQ(result.trials[t].network.gates.defined(), expected.trials[t].network.gates.defined());
    EXPECT_EQ(Values(result.trials[t].last), Values(expected.trials[t].last));
    EXPECT_EQ(result.trials[t].diverged_at, expected.trials[t].diverged_at);
    EXPECT_EQ(result.trials[t].stalled, expected.trials[t].stalled);
    EXPECT_EQ(result.trials[t].setting.neurons, expected.trials[t].setting.neurons);
  }
}

/// A run that is stopped each time it was asked `patience` times, and resumed each time.
struct Interrupted {
  Interrupted(const Options& options, const Data& data, int patience) { Run(options, data, patience); }

  void Run(const Options& options, const Data& data, int patience) {
    std::string state;
    for (bool ended = false; !ended && attempts < 1000; ++attempts) {
      int asked = 0;
      bool stopped = false;
      Observers observers;
      observers.on_epoch = [&](const EpochReport& report) {
        reports.push_back(report);
        return true;
      };
      observers.should_stop = [&] { return stopped = ++asked > patience; };
      observers.checkpoint_due = [&] { return stopped; };
      std::string saved;
      observers.save_checkpoint = [&](Checkpoint checkpoint) {
        saved = std::move(checkpoint.state);
        EXPECT_EQ(checkpoint.reports, static_cast<std::int64_t>(reports.size()));
      };
      auto run = RunDescent(options, data, observers, attempts == 0 ? nullptr : &state);
      ASSERT_TRUE(run.ok()) << run.status();
      ended = run->ending != Ending::kStopped;
      EXPECT_EQ(saved.empty(), ended);
      state = std::move(saved);
      result = *std::move(run);
    }
  }

  std::vector<EpochReport> reports;
  Result result;
  int attempts = 0;
};

class Resumed : public testing::TestWithParam<ResumeCase> {
 protected:
  static void ExpectTheWholeRun(const Options& options, const Data& data);
  static void ExpectTheWholeRunFromWithinEpochs(const Options& options, const Data& data);
};

void Resumed::ExpectTheWholeRun(const Options& options, const Data& data) {
  std::vector<Checkpoint> checkpoints;
  std::vector<EpochReport> reports;
  Observers observers;
  observers.on_epoch = [&](const EpochReport& report) {
    reports.push_back(report);
    return true;
  };
  const Told whole = Train(options, data);
  observers.checkpoint_due = [] { return true; };
  observers.save_checkpoint = [&](Checkpoint checkpoint) { checkpoints.push_back(std::move(checkpoint)); };
  ASSERT_TRUE(RunDescent(options, data, observers).ok());
  ExpectSameReports(reports, whole.reports.data(), whole.reports.size());
  EXPECT_EQ(checkpoints.size(), 2 * 7U) << "after each epoch from 0 of both batches but the last";
  for (std::size_t i = 0; i < checkpoints.size(); i += 3) {
    SCOPED_TRACE(testing::Message() << "checkpoint " << i);
    reports.clear();
    Observers rest;
    rest.on_epoch = observers.on_epoch;
    const auto resumed = RunDescent(options, data, rest, &checkpoints[i].state);
    ASSERT_TRUE(resumed.ok()) << resumed.status();
    const auto told = static_cast<std::size_t>(checkpoints[i].reports);
    ExpectSameReports(reports, whole.reports.data() + told, whole.reports.size() - told);
    ExpectSameTrials(*resumed, whole.result);
  }
}

void Resumed::ExpectTheWholeRunFromWithinEpochs(const Options& options, const Data& data) {
  const Told whole = Train(options, data);
  // A line search that is left begins anew, and asks before each of up to 26 evaluations.
  const bool lbfgs = std::holds_alternative<Lbfgs>(options.optimizer);
  const Interrupted run(options, data, lbfgs ? 40 : 5);
  EXPECT_GT(run.attempts, 2);
  ExpectSameReports(run.reports, whole.reports.data(), whole.reports.size());
  ExpectSameTrials(run.result, whole.result);
}

TEST_P(Resumed, IsTheRunThatWasNotInterrupted) {
  const Data data = SmallData(24, 5, 2);
  for (const bool plateau : {false, true}) {
    SCOPED_TRACE(plateau ? "plateau" : "cosine");
    ExpectTheWholeRun(OptionsOf(GetParam(), plateau), data);
    ExpectTheWholeRunFromWithinEpochs(OptionsOf(GetParam(), plateau), data);
  }
}

// 1,900 neurons are beyond the small engine.
INSTANTIATE_TEST_SUITE_P(FullBatch, Resumed,
                         testing::Combine(testing::Values("sgd", "momentum", "adam", "adamw", "adagrad", "adadelta",
                                                          "rmsprop", "lbfgs"),
                                          testing::Values(false), testing::Values<std::int64_t>(6, 1900)));
INSTANTIATE_TEST_SUITE_P(MiniBatches, Resumed,
                         testing::Combine(testing::Values("sgd", "momentum", "adam", "adamw", "adagrad", "adadelta",
                                                          "rmsprop"),
                                          testing::Values(true), testing::Values<std::int64_t>(6, 1900)));

TEST(Resumed, WithGatesInFloat32IsTheRunThatWasNotInterrupted) {
  Options options = OptionsOf({"adam", true, 6}, true);
  options.activation = Activation::kGated;
  const Data data = SmallData(24, 5, 2, at::kFloat);
  const Told whole = Train(options, data);
  const Interrupted run(options, data, 9);
  ExpectSameReports(run.reports, whole.reports.data(), whole.reports.size());
  ExpectSameTrials(run.result, whole.result);
  EXPECT_TRUE(Same(run.result.trials[3].network.gates, whole.result.trials[3].network.gates));
}

TEST(Resumed, CountsTheSecondsOfEarlierAttempts) {
  Options options = OptionsOf({"adam", false, 6}, false);
  const Data data = SmallData(24, 5, 2);
  std::string state;
  Observers observers;
  observers.checkpoint_due = [&] { return state.empty(); };
  observers.save_checkpoint = [&](Checkpoint checkpoint) { state = std::move(checkpoint.state); };
  options.max_seconds = 1000;
  ASSERT_TRUE(RunDescent(options, data, observers).ok());
  auto parsed = FromBytes(state);
  ASSERT_TRUE(parsed.ok());
  (*parsed)["seconds"] = 999.0;
  state = ToBytes(*parsed);
  const auto resumed = RunDescent(options, data, {}, &state);
  ASSERT_TRUE(resumed.ok());
  EXPECT_GE(resumed->trials[0].last.seconds, 999);
  (*parsed)["seconds"] = 1000.0;
  state = ToBytes(*parsed);
  const auto over = RunDescent(options, data, {}, &state);
  ASSERT_TRUE(over.ok());
  EXPECT_EQ(over->ending, Ending::kTimeLimit);
}

/// The state after the fourth epoch of the second batch.
std::string StateOf(const Options& options, const Data& data) {
  std::string state;
  int asked = 0;
  Observers observers;
  observers.checkpoint_due = [&] { return ++asked == 12; };
  observers.save_checkpoint = [&](Checkpoint checkpoint) { state = std::move(checkpoint.state); };
  EXPECT_TRUE(RunDescent(options, data, observers).ok());
  return state;
}

class Checkpoints : public testing::TestWithParam<const char*> {
 protected:
  Checkpoints() : options_(OptionsOf({GetParam(), false, 6}, true)), state_(StateOf(options_, data_)) {}

  absl::StatusCode CodeOf(std::string state) const { return RunDescent(options_, data_, {}, &state).status().code(); }

  Data data_ = SmallData(24, 5, 2);
  Options options_;
  std::string state_;
};
INSTANTIATE_TEST_SUITE_P(Of, Checkpoints, testing::Values("adam", "lbfgs"));

TEST_P(Checkpoints, ThatWereCutOffAreDataLoss) {
  ASSERT_EQ(CodeOf(state_), absl::StatusCode::kOk);
  for (std::size_t size = 0; size < state_.size(); size += size < 100 ? 1 : 97) {
    ASSERT_EQ(CodeOf(state_.substr(0, size)), absl::StatusCode::kDataLoss) << size;
  }
  EXPECT_EQ(CodeOf(state_ + "x"), absl::StatusCode::kDataLoss);
}

TEST_P(Checkpoints, WithAFlippedBitAreDataLoss) {
  for (std::size_t place = 0; place < state_.size(); place += place < 100 ? 1 : 53) {
    std::string damaged = state_;
    damaged[place] = static_cast<char>(damaged[place] ^ (1 << (place % 8)));
    ASSERT_EQ(CodeOf(damaged), absl::StatusCode::kDataLoss) << place;
  }
}

// What a checksum does not catch: entries that are missing or are something else.
TEST_P(Checkpoints, WithWrongEntriesAreRefused) {
  const auto state = FromBytes(state_);
  ASSERT_TRUE(state.ok());
  const auto options = at::TensorOptions().device(at::kCPU);
  const State::mapped_type others[] = {std::int64_t{-1},
                                       std::int64_t{1} << 40,
                                       0.5,
                                       "text",
                                       at::zeros({2}, options.dtype(at::kDouble)),
                                       at::full({3}, 1 << 20, options.dtype(at::kLong))};
  for (const auto& [name, value] : *state) {
    State without = *state;
    without.erase(name);
    EXPECT_NE(CodeOf(ToBytes(without)), absl::StatusCode::kInternal) << name;
    for (const State::mapped_type& other : others) {
      State wrong = *state;
      wrong[name] = other;
      const absl::StatusCode code = CodeOf(ToBytes(wrong));
      if (other.index() == value.index()) {
        EXPECT_NE(code, absl::StatusCode::kInternal) << name;
      } else {
        EXPECT_THAT(code, testing::AnyOf(absl::StatusCode::kDataLoss, absl::StatusCode::kFailedPrecondition)) << name;
      }
    }
  }
}

TEST_P(Checkpoints, OfAnotherRunSayWhatDiffers) {
  const std::pair<const char*, std::function<void(Options&, Data&)>> changes[] = {
      {"its seed is \"0\", not \"5\"", [](Options& o, Data&) { o.seed = 5; }},
      {"its optimizer is ",
       [](Options& o, Data&) {
         const bool adam = std::holds_alternative<Adam>(o.optimizer);
         o.optimizer = adam ? Optimizer(Adam{.beta1 = 0.8}) : Optimizer(Lbfgs{.history = 3});
       }},
      {"its trials is \"2\", not \"3\"", [](Options& o, Data&) { o.trials = 3; }},
      {"its grid.neurons is \"6, 7\", not \"7, 6\"",
       [](Options& o, Data&) {
         o.grid.neurons = {7, 6};
       }},
      {"its grid.learning_rates is ", [](Options& o, Data&) { o.grid.learning_rates[0] *= 1 + 1e-15; }},
      {"its schedule is ", [](Options& o, Data&) { o.schedule.kind = ConstantRate(); }},
      {"its max_epochs is \"7\", not \"8\"", [](Options& o, Data&) { o.max_epochs = 8; }},
      {"its reports is ", [](Options& o, Data&) { o.reports.every_epochs = 3; }},
      {"its loss is \"squared\", not \"hinge\"",
       [](Options& o, Data& d) {
         o.loss = Loss::kHinge;
         d.targets = at::ones_like(d.targets);
         d.test_targets = at::ones_like(d.test_targets);
       }},
      {"its train.features is ", [](Options&, Data& d) { d.features[23][4] += 1e-9; }},
      {"its test.targets is ", [](Options&, Data& d) { d.test_targets[0][0] += 1e-9; }},
      {"its precision is \"float64\", not \"float32\"", [](Options&, Data& d) { d = SmallData(24, 5, 2, at::kFloat); }},
  };
  for (const auto& [message, change] : changes) {
    Options options = options_;
    Data data = SmallData(24, 5, 2);
    change(options, data);
    std::string state = state_;
    const absl::Status status = RunDescent(options, data, {}, &state).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << message;
    if (std::string(message).find("precision") == std::string::npos &&
        std::string(message).find("loss") == std::string::npos) {
      EXPECT_THAT(std::string(status.message()),
                  HasSubstr(std::string("the checkpoint is of another run: ") + message));
    }
  }
}

TEST(State, TellsTensorsOfAnySizeFromWhatIsNone) {
  const auto options = at::TensorOptions().device(at::kCPU).dtype(at::kDouble);
  State state;
  state["matrix"] = Wavy(3, 4, 0.1);
  state["row"] = at::zeros({4}, options);
  state["number"] = 0.5;
  StateReader reader(state, "");
  EXPECT_TRUE(Same(reader.TensorOfAnySize("matrix", 2, options), std::get<at::Tensor>(state["matrix"])));
  EXPECT_EQ(reader.TensorOfAnySize("row", 1, options).size(0), 4);
  EXPECT_TRUE(reader.status().ok()) << reader.status();
  const std::tuple<const char*, std::int64_t, at::ScalarType> wrong[] = {
      {"row", 2, at::kDouble}, {"matrix", 2, at::kFloat}, {"number", 2, at::kDouble}, {"nothing", 2, at::kDouble}};
  for (const auto& [name, dimensions, type] : wrong) {
    StateReader refusing(state, "");
    EXPECT_FALSE(refusing.TensorOfAnySize(name, dimensions, options.dtype(type)).defined()) << name;
    EXPECT_EQ(refusing.status().code(), absl::StatusCode::kDataLoss) << name;
    EXPECT_THAT(std::string(refusing.status().message()), HasSubstr(name));
  }
}

TEST(State, ComesBackFromItsBytes) {
  const auto options = at::TensorOptions().device(at::kCPU);
  State state;
  state["integer"] = std::int64_t{-5};
  state["number"] = 0.1;
  state["text"] = std::string("a\0b", 3);
  state["empty"] = at::empty({0, 7}, options.dtype(at::kFloat));
  state["matrix"] = Wavy(3, 4, 0.1).t();
  state["cube"] = Wavy(2, 6, 0.2, at::kFloat).view({2, 3, 2});
  state["tall"] = at::empty({70, 0}, options.dtype(at::kDouble));  // nothing follows
  const auto back = FromBytes(ToBytes(state));
  ASSERT_TRUE(back.ok()) << back.status();
  ASSERT_EQ(back->size(), state.size());
  StateReader reader(*back, "");
  EXPECT_EQ(reader.Integer("integer"), -5);
  EXPECT_EQ(reader.Number("number"), 0.1);
  EXPECT_EQ(reader.Text("text"), std::string("a\0b", 3));
  for (const char* name : {"empty", "matrix", "cube", "tall"}) {
    const at::Tensor& expected = std::get<at::Tensor>(state[name]);
    EXPECT_TRUE(Same(reader.TensorLike(name, expected), expected)) << name;
  }
  EXPECT_TRUE(reader.status().ok());
  reader.Number("integer");
  reader.Number("nothing");
  EXPECT_EQ(reader.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(reader.status().message()), HasSubstr("integer is not what it should be"));
}

}  // namespace
}  // namespace cvxnn::descent
