// SPDX-License-Identifier: Apache-2.0
// The three ways of showing many jobs.
#include "client/cpp/command/jobs_display.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>

#include <algorithm>
#include <sstream>
#include <utility>

#include "client/cpp/command/enum_text.h"
#include "client/cpp/command/humanize.h"
#include "client/cpp/command/job_report.h"
#include "client/cpp/command/job_state.h"
#include "client/cpp/command/message_json.h"
#include "client/cpp/command/terminal.h"

namespace cvxnn::command {
namespace {

class TerminalJobsDisplay final : public JobsDisplay {
 public:
  TerminalJobsDisplay(std::ostream& out, Now now, SizeOfTerminal size)
      : out_(out), now_(std::move(now)), size_(std::move(size)) {}

  void OnChange(const JobBoard& board, const JobBoard::Change&) override {
    note_.clear();
    constexpr absl::Duration kLeastInterval = absl::Milliseconds(100);
    if (board.synchronized() && now_() - last_drawn_ >= kLeastInterval) Draw(board);
  }

  void OnInterruption(const JobBoard& board, const client::Interruption& interruption) override {
    note_ = InterruptionText(interruption);
    Draw(board);
  }

  void Close(const JobBoard& board) override {
    note_.clear();
    if (board.synchronized() || !board.Sorted().empty()) {
      Draw(board);
      out_ << "\n" << std::flush;
    } else {
      out_ << ToFirstRow(size_()) << "\x1b[J" << std::flush;
    }
  }

 private:
  std::vector<std::string> Lines(const JobBoard& board, const TerminalSize& size) const {
    const std::vector<v1::Job> jobs = board.Sorted();
    constexpr int kOtherLines = 3;  // header, sum, and one that stays free
    const auto shown = std::min(jobs.size(), static_cast<std::size_t>(std::max(1, size.rows - kOtherLines)));
    std::ostringstream text;
    if (shown > 0) {
      Table table = JobsTable({jobs.begin(), jobs.begin() + static_cast<std::ptrdiff_t>(shown)}, now_());
      table.Narrow(size.columns - 1, {"CREATED", "EXPERIMENT", "DATA SET", "METHOD", "GAP", "TEST"});
      table.Print(text);
    }
    std::vector<std::string> lines = absl::StrSplit(text.str(), '\n', absl::SkipEmpty());
    lines.push_back(note_.empty() ? SumText(jobs, jobs.size() - shown) : note_);
    for (std::string& line : lines) line = ClipToWidth(std::move(line), size.columns - 1);
    return lines;
  }

  static std::string SumText(const std::vector<v1::Job>& jobs, std::size_t hidden) {
    const auto count = [&](auto matches) { return std::count_if(jobs.begin(), jobs.end(), matches); };
    const auto running = count([](const v1::Job& job) { return job.state() == v1::JOB_STATE_RUNNING; });
    const auto ended = count([](const v1::Job& job) { return HasEnded(job.state()); });
    const auto paused = count([](const v1::Job& job) { return job.state() == v1::JOB_STATE_PAUSED; });
    return absl::StrCat(running, " running, ", static_cast<std::int64_t>(jobs.size()) - running - paused - ended,
                        " queued, ", paused > 0 ? absl::StrCat(paused, " paused, ") : "", ended, " ended",
                        hidden > 0 ? absl::StrCat("; ", hidden, " not shown") : "");
  }

  /// Moves the cursor to the first row of what was drawn, which a terminal that became narrower has wrapped meanwhile.
  std::string ToFirstRow(const TerminalSize& size) const {
    int rows = 0;
    for (const std::string& line : drawn_) rows += RowsTaken(DisplayWidth(line), size.columns);
    return rows > 1 ? absl::StrCat("\r\x1b[", rows - 1, "A") : "\r";
  }

  void Draw(const JobBoard& board) {
    last_drawn_ = now_();
    const TerminalSize size = size_();
    std::string text = ToFirstRow(size);
    drawn_ = Lines(board, size);
    for (std::size_t i = 0; i < drawn_.size(); ++i) absl::StrAppend(&text, i > 0 ? "\n" : "", drawn_[i], "\x1b[K");
    out_ << text << "\x1b[J" << std::flush;
  }

  std::ostream& out_;
  Now now_;
  SizeOfTerminal size_;
  absl::Time last_drawn_ = absl::InfinitePast();
  std::vector<std::string> drawn_;  ///< the cursor stands behind the last of these
  std::string note_;                ///< about the connection, in place of the sum
};

std::string LineOf(const v1::Job& job) {
  std::string line = absl::StrCat(job.name(), ": ", EnumText(job.state()));
  if (job.attempt() > 1) absl::StrAppend(&line, ", attempt ", job.attempt());
  if (job.has_latest()) absl::StrAppend(&line, "  ", RenderEpochLine(Progress(job), TellingMetrics(job)));
  if (job.has_error()) absl::StrAppend(&line, "  ", Printable(job.error().message()));
  return line;
}

class PlainJobsDisplay final : public JobsDisplay {
 public:
  explicit PlainJobsDisplay(std::ostream& out) : out_(out) {}

  void OnChange(const JobBoard& board, const JobBoard::Change& change) override {
    for (const std::string& name : change.changed) out_ << LineOf(board.job(name)) << "\n";
    for (const std::string& name : change.gone) out_ << name << ": deleted\n";
    out_ << std::flush;
  }
  void OnInterruption(const JobBoard&, const client::Interruption& interruption) override {
    out_ << InterruptionText(interruption) << "\n" << std::flush;
  }
  void Close(const JobBoard&) override {}

 private:
  std::ostream& out_;
};

class JsonJobsDisplay final : public JobsDisplay {
 public:
  explicit JsonJobsDisplay(std::ostream& out) : out_(out) {}

  void OnChange(const JobBoard& board, const JobBoard::Change& change) override {
    for (const std::string& name : change.changed) {
      nlohmann::ordered_json line = {{"event", "job"}};
      line.update(MessageToJson(board.job(name)));
      out_ << JsonLine(line);
    }
    for (const std::string& name : change.gone) out_ << JsonLine({{"event", "deleted"}, {"name", name}});
    if (!std::exchange(told_synchronized_, board.synchronized()) && board.synchronized()) {
      out_ << JsonLine({{"event", "synchronized"}});
    }
    out_ << std::flush;
  }
  void OnInterruption(const JobBoard& board, const client::Interruption&) override {
    told_synchronized_ = board.synchronized();
  }
  void Close(const JobBoard&) override {}

 private:
  std::ostream& out_;
  bool told_synchronized_ = false;
};

}  // namespace

std::unique_ptr<JobsDisplay> MakeTerminalJobsDisplay(std::ostream& out, Now now, SizeOfTerminal size) {
  return std::make_unique<TerminalJobsDisplay>(out, std::move(now), std::move(size));
}

std::unique_ptr<JobsDisplay> MakePlainJobsDisplay(std::ostream& out) { return std::make_unique<PlainJobsDisplay>(out); }

std::unique_ptr<JobsDisplay> MakeJsonJobsDisplay(std::ostream& out) { return std::make_unique<JsonJobsDisplay>(out); }

}  // namespace cvxnn::command
