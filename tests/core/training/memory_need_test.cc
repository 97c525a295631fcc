// SPDX-License-Identifier: Apache-2.0
// The estimate of memory against what the process was seen to take.
#include "core/training/memory_need.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <malloc.h>

#include <fstream>
#include <string>

#include "core/training/train.h"

namespace cvxnn::training {
namespace {

DataSizes SizesOf(const data::Dataset& dataset) {
  DataSizes sizes;
  sizes.rows = dataset.train.features.rows();
  sizes.test_rows = dataset.test.rows();
  sizes.inputs = dataset.train.features.cols();
  sizes.outputs = dataset.train.targets.cols();
  return sizes;
}

data::Dataset RandomDataset(std::int64_t rows, std::int64_t inputs) {
  data::Dataset dataset;
  dataset.description.task = data::Task::kRegression;
  data::RowMajor<double> features(rows, inputs), targets(rows, 1);
  std::uint64_t state = 1;
  const auto next = [&state] {
    state = state * 6364136223846793005U + 1442695040888963407U;
    return static_cast<double>(state >> 11) / 9007199254740992.0 - 0.5;
  };
  for (double* x = features.data(); x != features.data() + features.size(); ++x) *x = next();
  for (double* y = targets.data(); y != targets.data() + targets.size(); ++y) *y = next();
  dataset.train.features = data::Matrix(std::move(features));
  dataset.train.targets = data::Matrix(std::move(targets));
  dataset.test.features = data::Matrix(data::RowMajor<double>(0, inputs));
  dataset.test.targets = data::Matrix(data::RowMajor<double>(0, 1));
  return dataset;
}

// "VmHWM" or "VmRSS" of this process, in bytes.
double FromStatus(const std::string& field) {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    double kilobytes = 0;
    if (word == field + ":" && status >> kilobytes) return 1024 * kilobytes;
  }
  return 0;
}

// Bytes that `spec` took beyond what the process had. 0 where the kernel does not let the mark be set back.
double MeasuredPeak(const Spec& spec, const data::Dataset& dataset) {
  malloc_trim(0);
  std::ofstream("/proc/self/clear_refs") << "5" << std::flush;
  const double before = FromStatus("VmRSS");
  if (FromStatus("VmHWM") > before + (1 << 22)) return 0;
  const auto result = Train(spec, dataset);
  EXPECT_TRUE(result.ok()) << result.status();
  return FromStatus("VmHWM") - before;
}

// Closed forms count what may be alive at once, which allocators and lazy pages make less or somewhat more.
void ExpectNear(const Spec& spec, const data::Dataset& dataset) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer's allocator takes more";
#endif
  const MemoryNeed need = EstimateMemory(spec, SizesOf(dataset));
  EXPECT_EQ(need.device, 0);
  const double measured = MeasuredPeak(spec, dataset);
  if (measured == 0) GTEST_SKIP() << "this kernel does not say what a process took at its peak";
  const double estimated = need.host + need.optional;
  testing::Test::RecordProperty("measured_bytes", std::to_string(measured));
  testing::Test::RecordProperty("estimated_bytes", std::to_string(estimated));
  EXPECT_GE(estimated, 0.8 * measured) << measured;
  EXPECT_LE(estimated, 5 * measured) << measured;
}

Spec ShortSpec() {
  Spec spec;
  spec.beta = 0.1;
  spec.stopping.max_epochs = 3;
  spec.stopping.tolerance = 0;
  return spec;
}

TEST(EstimateMemory, IsNearWhatAdmmTakes) {
  Spec spec = ShortSpec();
  ConvexTraining convex;
  convex.activation = Activation::kRelu;
  convex.solver = ConvexSolver::kAdmm;
  convex.patterns = SampledPatterns{20};
  spec.method = convex;
  const data::Dataset dataset = RandomDataset(3000, 20);
  EXPECT_GT(EstimateMemory(spec, SizesOf(dataset)).optional, 2 * 8 * 3000.0 * 3000.0 - 1);
  ExpectNear(spec, dataset);
}

TEST(EstimateMemory, IsNearWhatFistaTakes) {
  Spec spec = ShortSpec();
  ConvexTraining convex;
  convex.solver = ConvexSolver::kFista;
  convex.patterns = SampledPatterns{2000};
  spec.method = convex;
  const data::Dataset dataset = RandomDataset(2000, 200);
  EXPECT_EQ(EstimateMemory(spec, SizesOf(dataset)).optional, 0);
  ExpectNear(spec, dataset);
}

TEST(EstimateMemory, IsNearWhatDescentTakes) {
  Spec spec = ShortSpec();
  GradientDescent descent;
  descent.neurons = 400;
  descent.trials = 10;
  spec.method = descent;
  ExpectNear(spec, RandomDataset(2000, 100));
}

// On the GPU, the host holds nothing of convex training but its checkpoints.
TEST(EstimateMemory, CountsTheCheckpointsOfEverySolver) {
  const data::Dataset dataset = RandomDataset(300, 20);
  for (const ConvexSolver solver : {ConvexSolver::kFista, ConvexSolver::kAdmm, ConvexSolver::kInteriorPoint,
                                    ConvexSolver::kNewton, ConvexSolver::kPenalty}) {
    for (const Activation activation : {Activation::kGated, Activation::kRelu}) {
      const bool gated_only = solver == ConvexSolver::kFista || solver == ConvexSolver::kNewton;
      if (gated_only && activation == Activation::kRelu) continue;
      SCOPED_TRACE(static_cast<int>(solver));
      Spec spec = ShortSpec();
      spec.precision = Precision::kFloat64;
      spec.stopping.max_epochs = 30;
      ConvexTraining convex;
      convex.activation = activation;
      convex.solver = solver;
      convex.patterns = SampledPatterns{20};
      convex.refinement = Refinement{.max_rounds = 0};
      spec.method = convex;
      double largest = 0;
      Hooks hooks;
      hooks.checkpoint_due = [] { return true; };
      hooks.save_checkpoint = [&](const Checkpoint& checkpoint) {
        largest = std::max(largest, static_cast<double>(checkpoint.state.size()));
      };
      ASSERT_TRUE(Train(spec, dataset, hooks).ok());
      spec.device = "cuda:0";
      const double estimated = EstimateMemory(spec, SizesOf(dataset)).host;
      constexpr double kFingerprint = 4096;
      EXPECT_GE(estimated + kFingerprint, largest);
      EXPECT_LE(estimated, 3 * largest);
    }
  }
}

TEST(EstimateMemory, PutsAGpusShareOnTheGpu) {
  Spec spec = ShortSpec();
  ConvexTraining convex;
  convex.patterns = SampledPatterns{100};
  spec.method = convex;
  spec.device = "cuda:0";
  DataSizes sizes{1000, 500, 30, 2, 4, 8};
  const MemoryNeed need = EstimateMemory(spec, sizes);
  EXPECT_EQ(need.data, 1500.0 * (30 * 4 + 2 * 8));
  EXPECT_LT(need.host, need.device) << "checkpoints alone";
  // At least copies of the data in float32, masks as bytes and the gates.
  EXPECT_GT(need.device, 1500.0 * 32 * 4 + 1500.0 * 100 + 30 * 100 * 4.0);
}

TEST(EstimateMemory, CountsPatternsByTheirKind) {
  Spec spec = ShortSpec();
  ConvexTraining convex;
  convex.solver = ConvexSolver::kFista;
  const DataSizes sizes{100000, 0, 2, 1, 8, 8};
  const auto with = [&](Patterns patterns, const NamedSizes& named = {}) {
    convex.patterns = std::move(patterns);
    spec.method = convex;
    return EstimateMemory(spec, sizes, named).host;
  };
  const double hundred = with(SampledPatterns{100});
  EXPECT_EQ(with(ModelPatterns{"models/m"}, {100, 0, Activation::kRelu}), hundred);
  EXPECT_EQ(with(GivenPatterns{{}, "datasets/gates"}, {100, 0, Activation::kRelu}), hundred);
  EXPECT_EQ(with(EnumeratedPatterns{100}), hundred) << "never more than it may find";
  // 2 (C(49, 0) + C(49, 1)) = 100 patterns of 50 rows of rank 2.
  convex.patterns = EnumeratedPatterns{1000};
  spec.method = convex;
  const double enumerated = EstimateMemory(spec, {50, 0, 2, 1, 8, 8}).host;
  convex.patterns = SampledPatterns{100};
  spec.method = convex;
  EXPECT_EQ(enumerated, EstimateMemory(spec, {50, 0, 2, 1, 8, 8}).host);
}

}  // namespace
}  // namespace cvxnn::training
