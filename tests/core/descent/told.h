// SPDX-License-Identifier: Apache-2.0
// A run with everything it told, and what of a report does not depend on the clock.
#pragma once

#include <gtest/gtest.h>

#include <tuple>
#include <utility>
#include <vector>

#include "tests/core/descent/small_problem.h"

namespace cvxnn::descent {

struct Told {
  std::vector<EpochReport> reports;
  Result result;
};

inline Told Train(const Options& options, const Data& data) {
  Told run;
  Observers observers;
  observers.on_epoch = [&](const EpochReport& report) {
    run.reports.push_back(report);
    return true;
  };
  auto result = RunDescent(options, data, observers);
  EXPECT_TRUE(result.ok()) << result.status();
  if (result.ok()) run.result = *std::move(result);
  return run;
}

inline auto Values(const EpochReport& report) {
  return std::tuple(report.trial, report.epoch, report.objective, report.loss, report.penalty, report.train_accuracy,
                    report.test_accuracy, report.test_loss, report.active_neurons, report.learning_rate,
                    report.gradient_norm, report.changed_patterns, report.distinct_patterns, report.dead_neurons);
}

}  // namespace cvxnn::descent
