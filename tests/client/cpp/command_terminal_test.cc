// SPDX-License-Identifier: Apache-2.0
// The command on a terminal.
#include <pty.h>
#include <sys/ioctl.h>

#include <cstdio>

#include "client/cpp/command/humanize.h"
#include "tests/client/cpp/command_fixture.h"

namespace cvxnn::command {
namespace {

using nlohmann::json;
using testing::HasSubstr;

/// `cvxnn` on a terminal of its own, of 100 columns and 30 rows at first.
class Terminal {
 public:
  Terminal(const std::string& server, const std::vector<std::string>& arguments) {
    const winsize size{30, 100, 0, 0};
    pid_ = forkpty(&terminal_, nullptr, nullptr, &size);
    if (pid_ != 0) return;
    setenv("CVXNN_SERVER", server.c_str(), 1);
    setenv("TERM", "xterm", 1);
    std::vector<char*> words = {const_cast<char*>("cvxnn")};
    for (const std::string& argument : arguments) words.push_back(const_cast<char*>(argument.c_str()));
    words.push_back(nullptr);
    execv(CVXNN_BINARY_DIR "/cvxnn", words.data());
    _exit(127);
  }
  ~Terminal() { close(terminal_); }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  /// Reads until the text holds `words` (answers what came since the last call), or the process has ended.
  std::string ReadUntil(const std::string& words) {
    std::string text;
    std::array<char, 4096> buffer{};
    while (text.find(words) == std::string::npos || words.empty()) {
      const ssize_t size = read(terminal_, buffer.data(), buffer.size());
      if (size <= 0) break;
      text.append(buffer.data(), static_cast<std::size_t>(size));
    }
    transcript_ += text;
    return text;
  }
  /// All that was read.
  const std::string& transcript() const { return transcript_; }
  void Resize(unsigned short rows, unsigned short columns) {
    const winsize size{rows, columns, 0, 0};
    ioctl(terminal_, TIOCSWINSZ, &size);
  }
  void Type(char key) { ASSERT_EQ(write(terminal_, &key, 1), 1); }
  int Wait() {
    int status = 0;
    waitpid(pid_, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

 private:
  pid_t pid_ = -1;
  int terminal_ = -1;
  std::string transcript_;
};

constexpr char kCtrlC = 3;

// Of a transcript's end before `erased`: the line drawn last, and how far up the cursor went from it to begin anew.
struct Redrawn {
  std::string line;
  int rows_up = 0;
};
Redrawn LastRedrawnBefore(const std::string& transcript, const std::string& erased) {
  const std::size_t end = transcript.find(erased);
  const std::size_t begin = transcript.rfind("\r\x1b[", end);
  const std::size_t line_begin = transcript.rfind('\r', begin - 1) + 1;
  Redrawn redrawn{transcript.substr(line_begin, begin - line_begin), 0};
  redrawn.line.resize(redrawn.line.find("\x1b[K"));
  EXPECT_EQ(std::sscanf(transcript.c_str() + begin, "\r\x1b[%dA", &redrawn.rows_up), 1);
  return redrawn;
}

TEST_F(Command, RedrawsOneLineOnATerminalThatIsResized) {
  Succeed("dataset generate gaussian --rows 200 --cols 20 --label-rule sign --id noise3 --seed 1");
  const std::string name = json::parse(Succeed(
      "job submit descent --dataset noise3 --beta 0.1 --learning-rate 1e-6 --epochs 1000000000 --output json"))["name"];
  Terminal terminal(server_->address(), {"job", "watch", name});
  EXPECT_THAT(terminal.ReadUntil("objective"), testing::Not(HasSubstr("\n")));
  terminal.Resize(30, 40);
  // What was drawn on up to 100 columns takes more rows of 40: up to the first of them, and away with the rest.
  terminal.ReadUntil("\x1b[J");
  const Redrawn redrawn = LastRedrawnBefore(terminal.transcript(), "\x1b[J");
  EXPECT_GT(redrawn.rows_up, 0);
  EXPECT_EQ(redrawn.rows_up, (DisplayWidth(redrawn.line) - 1) / 40) << redrawn.line;
  const std::string line = terminal.ReadUntil("\x1b[K");
  EXPECT_LT(line.size(), 3 * 40);
  terminal.Type(kCtrlC);
  EXPECT_THAT(terminal.ReadUntil(""), HasSubstr("detached: " + name + " goes on"));
  EXPECT_EQ(terminal.Wait(), 130);
  Succeed("job cancel " + name);
}

TEST_F(Command, ShowsManyJobsAsATableThatChangesInPlace) {
  Succeed("dataset generate gaussian --rows 200 --cols 20 --label-rule sign --id noise4 --seed 1");
  const std::string submit =
      "job submit descent --dataset noise4 --beta 0.1 --learning-rate 1e-6 --epochs 1000000000 --experiment live ";
  const std::string first = json::parse(Succeed(submit + "--output json"))["name"];
  const std::string second = json::parse(Succeed(submit + "--output json"))["name"];
  Terminal terminal(server_->address(), {"job", "watch", "--experiment", "live"});
  terminal.ReadUntil("1 running, 1 queued, 0 ended");
  Succeed("job cancel " + second);
  EXPECT_THAT(terminal.ReadUntil("1 running, 0 queued, 1 ended"), HasSubstr("\r\x1b[3A"));
  terminal.Type(kCtrlC);
  terminal.ReadUntil("");
  EXPECT_EQ(terminal.Wait(), 130);
  Succeed("job cancel " + first);
}

}  // namespace
}  // namespace cvxnn::command
