// SPDX-License-Identifier: Apache-2.0
// Split products are those of float64, and training by them is the same on one thread and on several, alone and with
// other trials beside it.
#include "core/descent/engines/split_products.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "core/torch/runtime.h"
#include "tests/core/descent/small_problem.h"

namespace cvxnn::descent {
namespace {

constexpr std::int64_t kRows = 23, kTrials = 2, kBatch = 7, kNeurons = 5;

class SplitProductsOf : public testing::TestWithParam<std::int64_t> {};

TEST_P(SplitProductsOf, InputsAreThoseOfFloat64) {
  const std::int64_t inputs = GetParam();
  at::manual_seed(3);
  const at::Tensor features = at::randn({kRows, inputs});
  if (!SplitProducts::Serve(features)) GTEST_SKIP() << "built without oneDNN";
  const at::Tensor matrices = at::randn({kTrials, inputs, kNeurons});
  const at::Tensor back = at::randn({kTrials, kBatch, kNeurons});
  const at::Tensor before = at::randn({kTrials, inputs, kNeurons});
  // More rows a trial than the batch: it begins at the second.
  const at::Tensor rows = at::randint(kRows, {kTrials, kBatch + 2}, at::kLong);

  SplitProducts split(features, kNeurons);
  split.Begin(rows.data_ptr<std::int64_t>() + 1, kBatch + 2, kTrials, kBatch);
  const at::Tensor products = split.Forward(matrices);
  const at::Tensor twice = split.Forward(matrices.mul(2));
  at::Tensor gradients = before.clone();
  split.Backward(back, gradients);

  for (std::int64_t trial = 0; trial < kTrials; ++trial) {
    const at::Tensor batch = features.index_select(0, rows[trial].narrow(0, 1, kBatch)).to(at::kDouble);
    const at::Tensor expected = at::mm(batch, matrices[trial].to(at::kDouble));
    EXPECT_TRUE(at::allclose(products[trial].to(at::kDouble), expected, 1e-4, 1e-4));
    EXPECT_TRUE(at::allclose(twice[trial].to(at::kDouble), expected.mul(2), 1e-4, 2e-4));
    const at::Tensor gradient = before[trial].to(at::kDouble) + at::mm(batch.t(), back[trial].to(at::kDouble));
    EXPECT_TRUE(at::allclose(gradients[trial].to(at::kDouble), gradient, 1e-4, 1e-4));
  }
}

TEST_P(SplitProductsOf, InputsOverRowsThatLieTogetherAreThoseOfFloat64) {
  const std::int64_t inputs = GetParam();
  at::manual_seed(4);
  // More rows than a task takes, and one alone.
  for (const std::int64_t count : {1, 300}) {
    const at::Tensor features = at::randn({count, inputs});
    if (!SplitProducts::Serve(features)) GTEST_SKIP() << "built without oneDNN";
    const at::Tensor matrices = at::randn({kTrials, inputs, kNeurons});
    const at::Tensor back = at::randn({kTrials, count, kNeurons});
    at::Tensor gradients = at::ones({kTrials, inputs, kNeurons});
    const SplitProducts split(features, kNeurons);
    const at::Tensor products = split.ForwardOver(features, matrices);
    split.BackwardOver(features, back, gradients);
    const at::Tensor exact = features.to(at::kDouble).unsqueeze(0).expand({kTrials, -1, -1});
    EXPECT_TRUE(at::allclose(products.to(at::kDouble), at::bmm(exact, matrices.to(at::kDouble)), 1e-4, 1e-3));
    EXPECT_TRUE(
        at::allclose(gradients.to(at::kDouble), at::bmm(exact.transpose(1, 2), back.to(at::kDouble)) + 1, 1e-4, 1e-3));
  }
}

// Two chunks and many, a last chunk of one input, and chunks that no vector divides.
INSTANTIATE_TEST_SUITE_P(Wide, SplitProductsOf, testing::Values(513, 1000, 1024, 3073, 20481));

TEST(SplitProducts, ServeWideFloatsOnACpu) {
  EXPECT_FALSE(SplitProducts::Serve(at::zeros({2, 512})));
  EXPECT_FALSE(SplitProducts::Serve(at::zeros({2, 3072}, at::kDouble)));
}

struct Setting {
  const char* name;
  Activation activation;
};

class SplitTraining : public testing::TestWithParam<Setting> {
 protected:
  SplitTraining() : data_(SmallData(30, 1100, 2, at::kFloat)) {
    options_.optimizer = Adam();
    options_.learning_rate = 1e-3;
    options_.activation = GetParam().activation;
    options_.batch_size = 12;
    options_.neurons = 40;
    options_.beta = 0.01;
    options_.trials = 3;
    options_.max_epochs = 3;
    threads_ = ComputeThreads();
  }
  ~SplitTraining() override { SetComputeThreads(threads_); }

  Result Run(const Options& options) const {
    auto result = RunDescent(options, data_, {});
    EXPECT_TRUE(result.ok()) << result.status();
    return *std::move(result);
  }

  Options options_;
  Data data_;
  int threads_;
};

TEST_P(SplitTraining, IsTheSameOnAnyNumberOfThreads) {
  SetComputeThreads(1);
  const Result one = Run(options_);
  for (const int threads : {2, 3}) {
    SetComputeThreads(threads);
    const Result several = Run(options_);
    for (std::size_t trial = 0; trial < 3; ++trial) {
      EXPECT_TRUE(Same(several.trials[trial].network.first_layer, one.trials[trial].network.first_layer));
    }
  }
}

TEST_P(SplitTraining, OfTrialsTogetherIsThatOfEachAlone) {
  SetComputeThreads(2);
  const Result together = Run(options_);
  for (std::int64_t trial = 0; trial < 3; ++trial) {
    Options alone = options_;
    alone.trials = 1;
    alone.first_trial = trial;
    const Result single = Run(alone);
    const Trial& actual = together.trials[static_cast<std::size_t>(trial)];
    EXPECT_TRUE(Same(actual.network.first_layer, single.trials[0].network.first_layer)) << "trial " << trial;
    EXPECT_EQ(actual.last.objective, single.trials[0].last.objective) << "trial " << trial;
  }
}

INSTANTIATE_TEST_SUITE_P(Networks, SplitTraining,
                         testing::Values(Setting{"relu", Activation::kRelu}, Setting{"gated", Activation::kGated}),
                         [](const auto& setting) { return std::string(setting.param.name); });

}  // namespace
}  // namespace cvxnn::descent
