// SPDX-License-Identifier: Apache-2.0
// The three ways of showing a watch.
#include "client/cpp/command/watch_display.h"

#include <absl/strings/str_cat.h>

#include <optional>
#include <utility>

#include "client/cpp/command/enum_text.h"
#include "client/cpp/command/humanize.h"
#include "client/cpp/command/job_state.h"
#include "client/cpp/command/message_json.h"
#include "client/cpp/command/terminal.h"

namespace cvxnn::command {
namespace {

class TerminalDisplay final : public WatchDisplay {
 public:
  TerminalDisplay(const v1::Job& job, std::ostream& out, Now now)
      : progress_(job), out_(out), now_(std::move(now)), last_record_(now_()) {}

  void OnEvent(const v1::WatchJobResponse& response) override {
    if (response.has_state_change()) {
      const int attempt = progress_.attempt();
      progress_.Update(response.state_change());
      if (progress_.attempt() > attempt) {
        Note(absl::StrCat("attempt ", progress_.attempt(), ": ", Printable(response.state_change().reason())));
      }
    }
    for (const v1::EpochMetrics& epoch : response.metrics().epochs()) progress_.Update(epoch);
    if (!response.has_heartbeat()) last_record_ = now_();
    constexpr absl::Duration kLeastInterval = absl::Milliseconds(100);
    if (now_() - last_drawn_ >= kLeastInterval) Draw();
  }

  void OnInterruption(const client::Interruption& interruption) override {
    Replace(InterruptionText(interruption));
    out_ << std::flush;
  }

  void Close() override {
    if (progress_.started()) {
      Draw();
      out_ << "\n" << std::flush;
    } else {
      Replace("");
      out_ << std::flush;
    }
  }

 private:
  static int Usable(int width) { return width - 1; }  // a full last column wraps on some terminals

  void Note(const std::string& text) {
    Replace("");
    out_ << text << "\n";
  }

  /// Puts `text` where the line was, which a terminal that became narrower has wrapped meanwhile.
  void Replace(const std::string& text) { Replace(text, TerminalWidth()); }

  /// The width is asked for once a drawing: between two questions it may change.
  void Replace(const std::string& text, int width) {
    const int rows = RowsTaken(drawn_width_, width);
    out_ << "\r";
    if (rows > 1) out_ << "\x1b[" << rows - 1 << "A";
    const std::string line = ClipToWidth(text, Usable(width));
    out_ << line << (rows > 1 ? "\x1b[J" : "\x1b[K");
    drawn_width_ = DisplayWidth(line);
  }

  void Draw() {
    last_drawn_ = now_();
    const int width = TerminalWidth();
    Replace(RenderProgressLine(progress_, Usable(width), TerminalShowsUnicode(), last_drawn_ - last_record_), width);
    out_ << std::flush;
  }

  Progress progress_;
  std::ostream& out_;
  Now now_;
  absl::Time last_record_;
  int drawn_width_ = 0;
  absl::Time last_drawn_ = absl::InfinitePast();
};

class PlainDisplay final : public WatchDisplay {
 public:
  PlainDisplay(const v1::Job& job, bool every_epoch, std::ostream& out, Now now)
      : progress_(job), every_epoch_(every_epoch), out_(out), now_(std::move(now)) {}

  void OnEvent(const v1::WatchJobResponse& response) override {
    if (response.has_state_change()) {
      PrintHeld();
      const v1::StateChange& change = response.state_change();
      progress_.Update(change);
      if (HasEnded(change.state())) return;  // what came of the job is told after the watch
      out_ << progress_.job() << ": " << EnumText(change.state());
      if (change.attempt() > 1) out_ << ", attempt " << change.attempt();
      if (!change.reason().empty()) out_ << " (" << Printable(change.reason()) << ")";
      out_ << "\n" << std::flush;
    }
    for (const v1::EpochMetrics& epoch : response.metrics().epochs()) {
      progress_.Update(epoch);
      held_ = epoch;
      constexpr absl::Duration kLeastInterval = absl::Seconds(1);
      if (every_epoch_ || now_() - last_printed_ >= kLeastInterval) PrintHeld();
    }
  }

  void OnInterruption(const client::Interruption& interruption) override {
    PrintHeld();
    out_ << InterruptionText(interruption) << "\n" << std::flush;
  }

  void Close() override { PrintHeld(); }

 private:
  void PrintHeld() {
    if (!held_.has_value()) return;
    out_ << RenderEpochLine(progress_, *held_) << "\n" << std::flush;
    last_printed_ = now_();
    held_.reset();
  }

  Progress progress_;
  bool every_epoch_;
  std::ostream& out_;
  Now now_;
  std::optional<v1::EpochMetrics> held_;  ///< the last epoch, not yet printed
  absl::Time last_printed_ = absl::InfinitePast();
};

class JsonDisplay final : public WatchDisplay {
 public:
  JsonDisplay(const v1::Job& job, std::int64_t after_sequence, std::ostream& out) : out_(out) {
    if (after_sequence == 0 || job.attempt() <= 1) attempt_ = 1;
  }

  void OnEvent(const v1::WatchJobResponse& response) override {
    if (response.has_state_change()) {
      attempt_ = response.state_change().attempt();
      Print("state", response.sequence(), response.state_change());
    }
    std::int64_t sequence = response.metrics().first_sequence();
    for (const v1::EpochMetrics& epoch : response.metrics().epochs()) Print("epoch", sequence++, epoch);
    out_ << std::flush;
  }

  void OnInterruption(const client::Interruption&) override {}
  void Close() override {}

 private:
  void Print(const char* event, std::int64_t sequence, const google::protobuf::Message& record) {
    nlohmann::ordered_json line = {{"event", event}, {"sequence", sequence}};
    if (attempt_.has_value()) line["attempt"] = *attempt_;
    line.update(MessageToJson(record));
    out_ << JsonLine(line);
  }

  std::ostream& out_;
  std::optional<int> attempt_;
};

}  // namespace

std::string InterruptionText(const client::Interruption& interruption) {
  return absl::StrCat("connection lost, trying again (", Printable(std::string(interruption.status.message())), ")");
}

std::unique_ptr<WatchDisplay> MakeTerminalDisplay(const v1::Job& job, std::ostream& out, Now now) {
  return std::make_unique<TerminalDisplay>(job, out, std::move(now));
}

std::unique_ptr<WatchDisplay> MakePlainDisplay(const v1::Job& job, bool every_epoch, std::ostream& out, Now now) {
  return std::make_unique<PlainDisplay>(job, every_epoch, out, std::move(now));
}

std::unique_ptr<WatchDisplay> MakeJsonDisplay(const v1::Job& job, std::int64_t after_sequence, std::ostream& out) {
  return std::make_unique<JsonDisplay>(job, after_sequence, out);
}

}  // namespace cvxnn::command
