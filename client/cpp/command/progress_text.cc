// SPDX-License-Identifier: Apache-2.0
// Progress as text. The line for terminals drops its least important facts until it fits.
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "client/cpp/command/enum_text.h"
#include "client/cpp/command/humanize.h"
#include "client/cpp/command/progress.h"

namespace cvxnn::command {
namespace {

/// A piece of the line; those with the highest `rank` are dropped first.
struct Fact {
  int rank;
  std::string text;
};

std::string Bar(double share, int width, bool unicode) {
  const int filled = static_cast<int>(std::floor(share * width));
  std::string bar;
  for (int i = 0; i < width; ++i) {
    bar += unicode ? (i < filled ? "━" : "╌") : (i < filled ? "=" : "-");
  }
  return unicode ? bar : "[" + bar + "]";
}

void AddOverview(const Progress& progress, std::vector<Fact>* facts) {
  if (const auto best = progress.Best(); best.has_value()) {
    facts->push_back({1, absl::StrCat("best ", HumanNumber(best->second), " (trial ", best->first, ")")});
  }
  const Progress::Overview overview = progress.Survey();
  if (overview.median.has_value()) facts->push_back({2, absl::StrCat("median ", HumanNumber(*overview.median))});
  if (overview.diverged > 0) facts->push_back({2, absl::StrCat(overview.diverged, " diverged")});
}

/// Facts that the line for terminals and the line of a log share, in the order shown. The number of the epoch takes at
/// least `epoch_width` columns.
std::vector<Fact> MetricFacts(const Progress& progress, const v1::EpochMetrics& epoch, int epoch_width) {
  std::vector<Fact> facts;
  if (progress.trials() > 1) {
    const bool many = progress.trials() > kManyTrials;
    facts.push_back({3, absl::StrCat("trial ", epoch.trial(), many ? absl::StrCat("/", progress.trials()) : "")});
  }
  facts.push_back({0, absl::StrFormat("epoch %*d/%d", epoch_width, epoch.epoch(), progress.max_epochs())});
  if (progress.trials() > kManyTrials && progress.started()) {
    AddOverview(progress, &facts);
    return facts;
  }
  if (epoch.has_objective()) facts.push_back({1, absl::StrCat("objective ", HumanNumber(epoch.objective()))});
  if (epoch.has_gap()) facts.push_back({2, absl::StrCat("gap ", HumanSmall(epoch.gap()))});
  if (epoch.has_constraint_violation()) {
    facts.push_back({9, absl::StrCat("violation ", HumanSmall(epoch.constraint_violation()))});
  }
  if (epoch.has_train_accuracy()) {
    facts.push_back({8, absl::StrFormat("train %.1f%%", 100 * epoch.train_accuracy())});
  }
  if (epoch.has_test_accuracy()) {
    facts.push_back({4, absl::StrFormat("test %.1f%%", 100 * epoch.test_accuracy())});
  } else if (epoch.has_test_loss()) {
    facts.push_back({8, absl::StrCat("test loss ", HumanNumber(epoch.test_loss()))});
  }
  return facts;
}

int LineWidth(const std::vector<Fact>& facts) {
  int width = 0;
  for (const Fact& fact : facts) width += DisplayWidth(fact.text) + 2;
  return width - 2;
}

std::string Join(const std::vector<Fact>& facts) {
  std::string line;
  for (const Fact& fact : facts) absl::StrAppend(&line, line.empty() ? "" : "  ", fact.text);
  return line;
}

}  // namespace

std::string RenderProgressLine(const Progress& progress, int width, bool unicode, absl::Duration silence) {
  if (!progress.started()) {
    const std::string state = EnumText(progress.state());
    return ClipToWidth(absl::StrCat(progress.job(), "  ", state.empty() ? "waiting" : state, "  ",
                                    HumanDuration(absl::ToDoubleSeconds(silence))),
                       width);
  }
  const v1::EpochMetrics& epoch = progress.current();
  // What jumps to and fro cannot be read: the bar's width depends on the terminal's alone, and epochs are padded.
  constexpr int kLeastBar = 6;
  constexpr int kMostBar = 24;
  constexpr int kTextFirst = 56;
  const int bar_width = std::min((width - kTextFirst) / 4, kMostBar);
  std::string bar;
  if (bar_width >= kLeastBar) {
    const double share = progress.Share();
    bar = absl::StrFormat("%s %3.0f%%  ", Bar(share, bar_width, unicode), std::floor(100 * share));
  }
  const int epoch_width = static_cast<int>(absl::StrCat(progress.max_epochs()).size());
  std::vector<Fact> facts = MetricFacts(progress, epoch, epoch_width);
  const auto best = progress.Best();
  if (progress.trials() > 1 && progress.trials() <= kManyTrials && best.has_value()) {
    facts.push_back({6, absl::StrCat("best ", HumanNumber(best->second), " (trial ", best->first, ")")});
  }
  if (const auto rate = progress.EpochsPerSecond(); rate.has_value()) {
    facts.push_back({7, absl::StrCat(HumanRate(*rate))});
  }
  const double silent = absl::ToDoubleSeconds(silence);
  facts.push_back({6, HumanDuration(epoch.seconds() + silent)});
  if (const auto left = progress.SecondsLeft(); left.has_value()) {
    const char* bound = progress.may_end_early() ? (unicode ? "≤ " : "<= ") : "";
    facts.push_back({5, absl::StrCat(bound, HumanDuration(std::max(0.0, *left - silent)), " left")});
  }
  facts.insert(facts.begin(), {10, progress.job()});
  while (facts.size() > 1 && DisplayWidth(bar) + LineWidth(facts) > width) {
    facts.erase(
        std::max_element(facts.begin(), facts.end(), [](const Fact& a, const Fact& b) { return a.rank < b.rank; }));
  }
  return ClipToWidth(bar + Join(facts), width);
}

std::string RenderEpochLine(const Progress& progress, const v1::EpochMetrics& epoch) {
  std::vector<Fact> facts = MetricFacts(progress, epoch, 1);
  facts.push_back({0, absl::StrFormat("%.1f s", epoch.seconds())});
  return Join(facts);
}

}  // namespace cvxnn::command
