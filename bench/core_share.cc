// SPDX-License-Identifier: Apache-2.0
// The flops counted are those that the formulas need: an epoch of FISTA is one product with F and one with Fᵀ, 4ndP; an
// epoch of descent is a forward and a backward product over all batches, 4ndm, and the objective over all rows, 2ndm.
#include "bench/core_share.h"

#include <ATen/ATen.h>
#include <absl/strings/str_format.h>

#include <vector>

#include "bench/measure.h"
#include "bench/must.h"
#include "core/data/random.h"
#include "core/training/train.h"

namespace cvxnn::bench {
namespace {

constexpr std::int64_t kRows = 10'000;
constexpr std::int64_t kCols = 3072;
constexpr std::int64_t kWidth = 100;  // patterns, or neurons

data::Dataset RandomImages() {
  data::RandomStream random(1);
  data::RowMajor<float> features(kRows, kCols), targets(kRows, 1);
  for (Eigen::Index i = 0; i < features.size(); ++i) features.data()[i] = static_cast<float>(2 * random.Uniform() - 1);
  for (Eigen::Index i = 0; i < kRows; ++i) targets(i, 0) = i % 2 == 0 ? 1.0F : -1.0F;
  data::Dataset dataset;
  dataset.train = {data::Matrix(std::move(features)), data::Matrix(std::move(targets))};
  dataset.description.task = data::Task::kBinary;
  dataset.description.class_names = {"0", "1"};
  return dataset;
}

/// Median seconds of one epoch.
double EpochSeconds(const training::Spec& spec, const data::Dataset& dataset) {
  std::vector<double> ends;
  const auto observer = [&](const training::EpochMetrics& metrics) {
    ends.push_back(metrics.seconds);
    return training::Continue::kYes;
  };
  OnOwnThread([&] { Must(training::Train(spec, dataset, {observer, {}})); });
  std::vector<double> seconds;
  for (std::size_t i = 1; i < ends.size(); ++i) seconds.push_back(ends[i] - ends[i - 1]);
  return Quantile(seconds, 0.5);
}

/// Median seconds of a product X·V (n×d by d×P) and a product Xᵀ·R (d×n by n×P).
double ProductPairSeconds(const at::Tensor& features) {
  const auto options = features.options();
  const at::Tensor weights = at::ones({kCols, kWidth}, options);
  const at::Tensor residuals = at::ones({kRows, kWidth}, options);
  std::vector<double> seconds;
  for (int round = 0; round < 12; ++round) {
    const Stopwatch watch;
    at::mm(features, weights);
    at::mm(features.t(), residuals);
    seconds.push_back(watch.seconds());
  }
  return Quantile(seconds, 0.5);
}

training::Spec Fista() {
  training::Spec spec;
  spec.beta_max_fraction = 1e-3;
  spec.precision = training::Precision::kFloat32;
  spec.stopping = {.max_epochs = 15, .tolerance = 0};
  spec.method = training::ConvexTraining{.patterns = training::SampledPatterns{kWidth},
                                         .solver = training::ConvexSolver::kFista,
                                         .working_set = training::WorkingSet::kOff};
  return spec;
}

training::Spec MiniBatches() {
  training::Spec spec;
  spec.beta = 1e-3;
  spec.precision = training::Precision::kFloat32;
  spec.stopping = {.max_epochs = 8};
  training::GradientDescent descent;
  descent.neurons = kWidth;
  descent.learning_rate = 1e-7;
  descent.batch_size = 100;
  spec.method = descent;
  return spec;
}

void AddRow(const std::string& what, double flops, double epoch, double products, Table* table) {
  const auto speed = [&](double seconds) {
    return absl::StrFormat("%.0f ms, %.0f GFLOP/s", 1e3 * seconds, flops / seconds * 1e-9);
  };
  table->Add({what, speed(epoch), speed(products) + " plain at::mm", absl::StrFormat("%.0f%%", 100 * products / epoch),
              "", ""});
}

}  // namespace

void MeasureCoreShare(Table* table) {
  data::Dataset dataset = RandomImages();
  const at::Tensor features =
      at::from_blob(dataset.train.features.mutable_data(), {kRows, kCols}, at::dtype(at::kFloat).device(at::kCPU));
  const double pass = 2.0 * kRows * kCols * kWidth;

  double pair = ProductPairSeconds(features);
  AddRow("core: epoch of gated FISTA, 10,000×3,072, P = 100", 2 * pass, EpochSeconds(Fista(), dataset), pair, table);
  pair = ProductPairSeconds(features);
  AddRow("core: epoch of descent, 10,000×3,072, m = 100, batches of 100", 3 * pass,
         EpochSeconds(MiniBatches(), dataset), 1.5 * pair, table);
}

}  // namespace cvxnn::bench
