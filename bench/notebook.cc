// SPDX-License-Identifier: Apache-2.0
// The notebook's network: so small that an epoch takes microseconds, so that records, not numbers, are the work.
#include <absl/strings/str_format.h>
#include <absl/time/clock.h>

#include <vector>

#include "bench/measure.h"
#include "bench/must.h"
#include "bench/setup.h"
#include "bench/watched_job.h"
#include "core/data/generate.h"

namespace cvxnn::bench {
namespace {

constexpr std::int64_t kEpochs = 20'000;
constexpr int kRounds = 5;

}  // namespace

void MeasureNotebook(const Setup& setup, Table* table) {
  data::GeneratorSpec sine;
  sine.generator = data::SineGenerator{.rows = 10, .frequency = 10};
  const data::Dataset dataset = Must(data::Generate(sine));
  v1::JobSpec spec;
  spec.set_dataset(Must(setup.client.CreateDataset(dataset)).name());
  spec.set_loss_scale(v1::LOSS_SCALE_MEAN);
  spec.set_beta(1e-4);
  spec.mutable_stopping()->set_max_epochs(kEpochs);
  spec.mutable_descent()->set_neurons(500);
  spec.mutable_descent()->set_learning_rate(1e-2);

  std::vector<double> watched_seconds, direct_seconds;
  std::size_t fewest = SIZE_MAX;
  std::int64_t messages = 0;
  for (int round = 0; round < kRounds; ++round) {
    absl::SleepFor(absl::Milliseconds(200));
    const DirectRun direct = RunDirectly(spec, dataset);
    const WatchedJob watched = RunJob(setup.client, spec);
    RequireSame(watched, direct);
    fewest = std::min(fewest, watched.epochs.size());
    messages = watched.messages;
    direct_seconds.push_back(direct.seconds);
    watched_seconds.push_back(watched.seconds);
  }
  const double direct = Least(direct_seconds), watched = Least(watched_seconds);
  table->Add({"notebook's network, n = 10, d = 2, m = 500, every epoch kept",
              absl::StrFormat("%.3f s, %d epochs in %d messages", watched, fewest, messages),
              absl::StrFormat("%.3f s core alone", direct), absl::StrFormat("%.2f×", watched / direct), "20,001 epochs",
              Verdict(fewest == kEpochs + 1, absl::StrFormat("%d epochs arrived", fewest))});
}

}  // namespace cvxnn::bench
