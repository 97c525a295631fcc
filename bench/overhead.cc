// SPDX-License-Identifier: Apache-2.0
// What the service costs on top of core: the same job through CreateJob and WatchJob, and by a call of training::Train
// in this process, in turns. The number of epochs is set so that core alone takes about a second.
#include <absl/strings/str_format.h>
#include <absl/time/clock.h>

#include <algorithm>
#include <vector>

#include "bench/measure.h"
#include "bench/must.h"
#include "bench/setup.h"
#include "bench/watched_job.h"
#include "core/data/generate.h"

namespace cvxnn::bench {
namespace {

constexpr int kRounds = 7;
constexpr int kPilotEpochs = 100;
constexpr double kGoal = 0.02;

data::Dataset SomeRows() {
  data::GeneratorSpec spec;
  spec.generator = data::GaussianGenerator{.rows = 2000, .columns = 100, .labels = data::GaussianLabels::kSign};
  spec.test_rows = 500;
  return Must(data::Generate(spec));
}

v1::JobSpec DescentJob() {
  v1::JobSpec spec;
  spec.set_beta(1e-3);
  spec.mutable_descent()->set_neurons(100);
  spec.mutable_descent()->set_learning_rate(1e-5);
  return spec;
}

v1::JobSpec GatedJob() {
  v1::JobSpec spec;
  spec.set_beta_max_fraction(1e-3);
  spec.mutable_stopping()->set_tolerance(0);
  spec.mutable_convex()->mutable_patterns()->mutable_sampled()->set_count(100);
  // Many short epochs, all alike.
  spec.mutable_convex()->set_solver(v1::CONVEX_SOLVER_FISTA);
  spec.mutable_convex()->set_working_set(v1::WORKING_SET_OFF);
  return spec;
}

// Spinning threads of one process would slow the other.
void LetThreadsSleep() { absl::SleepFor(absl::Milliseconds(200)); }

void MeasureJob(const Setup& setup, const std::string& what, const data::Dataset& dataset, v1::JobSpec spec,
                Table* table) {
  spec.mutable_stopping()->set_max_epochs(kPilotEpochs);
  const DirectRun pilot = RunDirectly(spec, dataset);
  const double set_up = pilot.epochs.front().seconds;
  std::vector<double> epoch;
  for (std::size_t i = 1; i < pilot.epochs.size(); ++i) {
    epoch.push_back(pilot.epochs[i].seconds - pilot.epochs[i - 1].seconds);
  }
  spec.mutable_stopping()->set_max_epochs(
      std::max<std::int64_t>(2, static_cast<std::int64_t>((1 - set_up) / Quantile(epoch, 0.5))));

  std::vector<double> direct_seconds, watched_seconds, training_seconds, ratios;
  std::size_t epochs = 0;
  for (int round = 0; round < kRounds; ++round) {
    LetThreadsSleep();
    const DirectRun direct = RunDirectly(spec, dataset);
    LetThreadsSleep();
    const WatchedJob watched = RunJob(setup.client, spec);
    RequireSame(watched, direct);
    direct_seconds.push_back(direct.seconds);
    watched_seconds.push_back(watched.seconds);
    training_seconds.push_back(watched.job.result().seconds());
    ratios.push_back(watched.seconds / direct.seconds);
    epochs = watched.epochs.size();
  }
  // Medians of neighbours: the machine may be faster in one round than in another.
  const double direct = Quantile(direct_seconds, 0.5), watched = Quantile(watched_seconds, 0.5);
  const double training = Quantile(training_seconds, 0.5), overhead = Quantile(ratios, 0.5) - 1;
  table->Add({absl::StrFormat("%s, %d epochs, CreateJob to end of log", what, epochs),
              absl::StrFormat("%.3f s (median of %d)", watched, kRounds), absl::StrFormat("%.3f s core alone", direct),
              absl::StrFormat("%+.1f%%", 100 * overhead), "< +2%",
              Verdict(overhead < kGoal, absl::StrFormat("training itself %+.0f ms, all around it %.0f ms",
                                                        1e3 * (training - direct), 1e3 * (watched - training)))});
}

}  // namespace

void MeasureOverhead(const Setup& setup, Table* table) {
  const data::Dataset dataset = SomeRows();
  const std::string name = Must(setup.client.CreateDataset(dataset)).name();
  v1::JobSpec descent = DescentJob(), gated = GatedJob();
  descent.set_dataset(name);
  gated.set_dataset(name);
  MeasureJob(setup, "descent job, 2,000×100, m = 100", dataset, descent, table);
  MeasureJob(setup, "convex gated job, 2,000×100, P = 100", dataset, gated, table);
}

}  // namespace cvxnn::bench
