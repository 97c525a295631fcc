// SPDX-License-Identifier: Apache-2.0
// The command and the server as processes, for tests that take the command as a person or a script would.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

namespace cvxnn::command {

struct Output {
  int exit_status = -1;
  std::string text;  ///< standard output, then what standard error said
};

/// A process whose standard output is read line by line. Killed when this goes.
class ServerProcess {
 public:
  /// Keeps its data below `folder`; `more` are further flags.
  explicit ServerProcess(const std::filesystem::path& folder, const std::vector<std::string>& more = {}) {
    int ends[2];
    if (pipe(ends) != 0) return;
    pid_ = fork();
    if (pid_ == 0) {
      dup2(ends[1], STDOUT_FILENO);
      close(ends[0]);
      close(ends[1]);
      if (std::freopen((folder / "server.log").c_str(), "w", stderr) == nullptr) _exit(126);
      std::vector<std::string> words = {CVXNN_BINARY_DIR "/cvxnn-server",
                                        "--listen",
                                        "127.0.0.1:0",
                                        "--http",
                                        "127.0.0.1:0",
                                        "--data-dir",
                                        folder / "data",
                                        "--import-root",
                                        folder};
      words.insert(words.end(), more.begin(), more.end());
      std::vector<char*> arguments;
      for (std::string& word : words) arguments.push_back(word.data());
      arguments.push_back(nullptr);
      execv(arguments.front(), arguments.data());
      _exit(127);
    }
    close(ends[1]);
    FILE* lines = fdopen(ends[0], "r");
    std::array<char, 512> line{};
    while (std::fgets(line.data(), line.size(), lines) != nullptr) {
      const std::string text(line.data());
      const std::string words = "listening on ";
      if (text.rfind(words, 0) != 0) continue;  // "http listening on …" is another line
      std::istringstream(text.substr(words.size())) >> address_;
      break;
    }
    std::fclose(lines);
  }
  ~ServerProcess() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  const std::string& address() const { return address_; }

 private:
  pid_t pid_ = -1;
  std::string address_;
};

/// Runs a line of the shell.
inline Output RunLine(const std::string& line) {
  FILE* pipe = popen(line.c_str(), "r");
  Output output;
  std::array<char, 4096> buffer{};
  std::size_t size = 0;
  while ((size = fread(buffer.data(), 1, buffer.size(), pipe)) > 0) output.text.append(buffer.data(), size);
  const int status = pclose(pipe);
  output.exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return output;
}

/// Runs a line of the shell whose process is the command itself (`exec`), sends it one SIGINT once its output holds
/// `cue`, and waits for its end. Not by timeout(1): it signals the process and then its group, so that the command may
/// see Ctrl-C twice, which is to say "at once".
inline Output RunLineInterruptedAt(const std::string& cue, const std::string& line) {
  Output output;
  int ends[2];
  if (pipe(ends) != 0) return output;
  const pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], STDOUT_FILENO);
    close(ends[0]);
    close(ends[1]);
    execl("/bin/sh", "sh", "-c", line.c_str(), nullptr);
    _exit(127);
  }
  close(ends[1]);
  bool interrupted = false;
  std::array<char, 4096> buffer{};
  for (ssize_t size = 0; (size = read(ends[0], buffer.data(), buffer.size())) > 0;) {
    output.text.append(buffer.data(), static_cast<std::size_t>(size));
    if (interrupted || output.text.find(cue) == std::string::npos) continue;
    kill(child, SIGINT);
    interrupted = true;
  }
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  output.exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return output;
}

class Command : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (!std::filesystem::exists(CVXNN_BINARY_DIR "/cvxnn-server") ||
        !std::filesystem::exists(CVXNN_BINARY_DIR "/cvxnn"))
      return;
    folder_ = new std::filesystem::path(std::filesystem::path(testing::TempDir()) /
                                        ("cvxnn_command_" + std::to_string(getpid())));
    std::filesystem::create_directories(*folder_);
    server_ = new ServerProcess(*folder_);
  }
  static void TearDownTestSuite() {
    delete server_;
    if (folder_ != nullptr) std::filesystem::remove_all(*folder_);
    delete folder_;
    server_ = nullptr;
    folder_ = nullptr;
  }
  void SetUp() override {
    if (server_ == nullptr) GTEST_SKIP() << "cvxnn-server or cvxnn is not built in " CVXNN_BINARY_DIR;
    ASSERT_NE(server_->address(), "") << "the server did not say where it listens";
  }

  /// The lines of a text, each parsed.
  static std::vector<nlohmann::json> JsonLines(const std::string& text) {
    std::vector<nlohmann::json> lines;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) lines.push_back(nlohmann::json::parse(line));
    return lines;
  }

  /// Runs `cvxnn` with these arguments in the test's folder, through a shell.
  static Output Run(const std::string& arguments) {
    return RunLine("cd '" + folder_->string() + "' && CVXNN_SERVER=" + server_->address() +
                   " " CVXNN_BINARY_DIR "/cvxnn " + arguments + " 2>&1");
  }

  static std::string Succeed(const std::string& arguments) {
    const Output output = Run(arguments);
    EXPECT_EQ(output.exit_status, 0) << "cvxnn " << arguments << "\n" << output.text;
    return output.text;
  }

  static void WriteFile(const std::string& name, const std::string& text) { std::ofstream(*folder_ / name) << text; }

  /// A table of two classes that a line separates, in a file of this name.
  static void WriteTable(const std::string& name) {
    std::ostringstream text;
    text << "length,width,kind\n";
    for (int i = 0; i < 40; ++i) {
      const double x = 0.1 * i;
      text << x << "," << (i % 2 == 0 ? x + 1 : x - 1) << "," << (i % 2 == 0 ? "oak" : "elm") << "\n";
    }
    WriteFile(name, text.str());
  }

  static inline std::filesystem::path* folder_ = nullptr;
  static inline ServerProcess* server_ = nullptr;
};

}  // namespace cvxnn::command
