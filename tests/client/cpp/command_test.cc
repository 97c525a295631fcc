// SPDX-License-Identifier: Apache-2.0
// The tour of the command against the real server, as a person or a script would take it: both binaries as processes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace cvxnn::command {
namespace {

using nlohmann::json;
using testing::HasSubstr;
namespace fs = std::filesystem;

struct Output {
  int exit_status = -1;
  std::string text;  ///< standard output, then what standard error said
};

/// A process whose standard output is read line by line. Killed when this goes.
class ServerProcess {
 public:
  explicit ServerProcess(const fs::path& folder) {
    int ends[2];
    if (pipe(ends) != 0) return;
    pid_ = fork();
    if (pid_ == 0) {
      dup2(ends[1], STDOUT_FILENO);
      close(ends[0]);
      close(ends[1]);
      if (std::freopen((folder / "server.log").c_str(), "w", stderr) == nullptr) _exit(126);
      const std::string binary = CVXNN_BINARY_DIR "/cvxnn-server";
      const std::string data = (folder / "data").string();
      const std::string import_root = folder.string();
      execl(binary.c_str(), binary.c_str(), "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--data-dir",
            data.c_str(), "--import-root", import_root.c_str(), nullptr);
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

class Command : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (!fs::exists(CVXNN_BINARY_DIR "/cvxnn-server") || !fs::exists(CVXNN_BINARY_DIR "/cvxnn")) return;
    folder_ = new fs::path(fs::path(testing::TempDir()) / ("cvxnn_command_" + std::to_string(getpid())));
    fs::create_directories(*folder_);
    server_ = new ServerProcess(*folder_);
  }
  static void TearDownTestSuite() {
    delete server_;
    if (folder_ != nullptr) fs::remove_all(*folder_);
    delete folder_;
    server_ = nullptr;
    folder_ = nullptr;
  }
  void SetUp() override {
    if (server_ == nullptr) GTEST_SKIP() << "cvxnn-server or cvxnn is not built in " CVXNN_BINARY_DIR;
    ASSERT_NE(server_->address(), "") << "the server did not say where it listens";
  }

  /// The lines of a text, each parsed.
  static std::vector<json> JsonLines(const std::string& text) {
    std::vector<json> lines;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) lines.push_back(json::parse(line));
    return lines;
  }

  /// Runs `cvxnn` with these arguments in the test's folder, through a shell.
  static Output Run(const std::string& arguments) {
    const std::string line = "cd '" + folder_->string() + "' && CVXNN_SERVER=" + server_->address() +
                             " " CVXNN_BINARY_DIR "/cvxnn " + arguments + " 2>&1";
    FILE* pipe = popen(line.c_str(), "r");
    Output output;
    std::array<char, 4096> buffer{};
    std::size_t size = 0;
    while ((size = fread(buffer.data(), 1, buffer.size(), pipe)) > 0) output.text.append(buffer.data(), size);
    const int status = pclose(pipe);
    output.exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return output;
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

  static inline fs::path* folder_ = nullptr;
  static inline ServerProcess* server_ = nullptr;
};

TEST_F(Command, TellsAboutTheServer) {
  EXPECT_THAT(Succeed("server health"), HasSubstr("serving"));
  EXPECT_THAT(Succeed("server info"), HasSubstr("device cpu"));
  EXPECT_TRUE(json::parse(Succeed("server info --output json")).contains("limits"));
}

TEST_F(Command, BringsATableTrainsAndUsesTheModel) {
  WriteTable("trees.csv");
  EXPECT_THAT(Succeed("dataset create trees.csv --id trees --name Trees --transform select_classes=elm,oak:pm1 "
                      "--transform split=0.25,seed=1 --transform standardize --transform bias"),
              HasSubstr("elm (15), oak (15)"));
  const json dataset = json::parse(Succeed("dataset describe trees --output json"));
  EXPECT_EQ(dataset["features"]["rows"], 30);
  EXPECT_EQ(dataset["test_rows"], 10);
  EXPECT_THAT(Succeed("dataset list"), HasSubstr("datasets/trees"));

  // Convex, watched as lines: first and last epoch, the outcome, the model.
  const std::string convex =
      Succeed("job submit convex --dataset trees --beta 0.01 --patterns 20 --epochs 200 --experiment tour --watch");
  EXPECT_THAT(convex, HasSubstr("epoch 1/200"));
  EXPECT_THAT(convex, HasSubstr("succeeded after"));
  EXPECT_THAT(convex, HasSubstr("MODEL"));

  // Descent with trials, for scripts: every epoch of every trial once, the job last.
  std::istringstream lines(
      Succeed("job submit descent --dataset trees --beta 0.01 --neurons 8 --trials 3 --epochs 20 "
              "--experiment tour --label kind=descent --output json --watch"));
  std::string line;
  json last;
  std::map<int, int> epochs_of_trial;
  while (std::getline(lines, line)) {
    last = json::parse(line);
    if (last.contains("epoch")) ++epochs_of_trial[last["trial"].get<int>()];
  }
  EXPECT_EQ(last["state"], "JOB_STATE_SUCCEEDED");
  EXPECT_EQ(epochs_of_trial.size(), 3);
  for (const auto& [trial, epochs] : epochs_of_trial) EXPECT_EQ(epochs, 21) << "trial " << trial;  // 0 to 20
  ASSERT_EQ(last["result"]["models"].size(), 3);

  EXPECT_THAT(Succeed("job list --experiment tour --state succeeded"), HasSubstr("descent relu sgd"));
  const json listed = json::parse(Succeed("job list --label kind=descent --output json"));
  ASSERT_EQ(listed.size(), 1);
  const std::string job = last["name"];
  EXPECT_THAT(Succeed("job describe " + job), HasSubstr("neurons"));

  // From the middle of the log: nothing before comes again.
  const std::int64_t end = json::parse(Succeed("job describe " + job + " --output json"))["last_sequence"];
  std::istringstream rest(Succeed("job watch " + job + " --output json --from " + std::to_string(end - 5)));
  ASSERT_TRUE(std::getline(rest, line));
  EXPECT_GT(json::parse(line).value("sequence", end), end - 5);

  // The JSON of a job is a job file.
  WriteFile("again.json", Succeed("job describe " + job + " --output json"));
  EXPECT_THAT(Succeed("job submit --file again.json --trials 1 --watch"), HasSubstr("succeeded"));

  const std::string model = last["result"]["best_model"];
  EXPECT_THAT(Succeed("model list"), HasSubstr(model));
  EXPECT_THAT(Succeed("model describe " + model), HasSubstr("8 relu neurons"));
  EXPECT_THAT(Succeed("model download " + model + " -o network.safetensors"), HasSubstr("network.safetensors"));
  EXPECT_GT(fs::file_size(*folder_ / "network.safetensors"), 8 * 3 * 4);
  Succeed("model download " + model + " --format torchscript -o network.pt");
  EXPECT_TRUE(fs::exists(*folder_ / "network.pt"));

  const json evaluated = json::parse(Succeed("model evaluate " + model + " --part test --output json"));
  EXPECT_EQ(evaluated["rows"], 10);
  EXPECT_THAT(Succeed("model predict " + model), HasSubstr("OUTPUT 0"));
  WriteFile("rows.csv", "length,width\n2,4\n2,0\n");
  Succeed("model predict " + model + " --rows rows.csv -o predicted.csv");
  std::ifstream predicted(*folder_ / "predicted.csv");
  ASSERT_TRUE(std::getline(predicted, line));
  EXPECT_EQ(line, "output_0,class");
  ASSERT_TRUE(std::getline(predicted, line));
  EXPECT_THAT(line, testing::AnyOf(testing::EndsWith(",oak"), testing::EndsWith(",elm")));

  EXPECT_EQ(Run("dataset create trees.csv --id trees").exit_status, 1) << "the name is taken";
  Succeed("job delete " + job);
  EXPECT_EQ(Run("job describe " + job).exit_status, 1);
  Succeed("dataset delete trees");
  EXPECT_THAT(Run("dataset describe trees").text, HasSubstr("error: NOT_FOUND"));
}

TEST_F(Command, ImportsFilesOfTheServer) {
  WriteTable("forest.csv");
  EXPECT_THAT(Succeed("dataset import forest.csv --label kind --id forest"), HasSubstr("datasets/forest"));
  EXPECT_THAT(Run("dataset import ../forest.csv").text, HasSubstr("error: PERMISSION_DENIED"));
}

TEST_F(Command, CancelsAJobAndSaysSoByItsExitStatus) {
  Succeed("dataset generate gaussian --rows 200 --cols 20 --label-rule sign --id noise --seed 1");
  const std::string job =
      Succeed("job submit descent --dataset noise --beta 0.1 --learning-rate 1e-6 --epochs 1000000000 --quiet");
  const std::string name = job.substr(0, job.find('\n'));
  ASSERT_EQ(name.rfind("jobs/", 0), 0) << job;
  Output watched;
  std::thread watcher([&] { watched = Run("job watch " + name); });
  while (json::parse(Succeed("job describe " + name + " --output json"))["state"] == "JOB_STATE_QUEUED") {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  Succeed("job cancel " + name);
  watcher.join();
  EXPECT_EQ(watched.exit_status, 3) << watched.text;
  EXPECT_THAT(watched.text, HasSubstr("cancelled"));
}

TEST_F(Command, DetachesOnCtrlCAndLeavesTheJobRunning) {
  Succeed("dataset generate gaussian --rows 200 --cols 20 --label-rule sign --id noise2 --seed 1");
  const std::string job =
      Succeed("job submit descent --dataset noise2 --beta 0.1 --learning-rate 1e-6 --epochs 1000000000 --quiet");
  const std::string name = job.substr(0, job.find('\n'));
  ASSERT_EQ(name.rfind("jobs/", 0), 0) << job;
  const std::string line = "cd '" + folder_->string() + "' && CVXNN_SERVER=" + server_->address() +
                           " timeout --preserve-status -s INT 1.5 " CVXNN_BINARY_DIR "/cvxnn job watch " + name +
                           " 2>&1";
  FILE* pipe = popen(line.c_str(), "r");
  std::string text;
  for (int c = fgetc(pipe); c != EOF; c = fgetc(pipe)) text.push_back(static_cast<char>(c));
  EXPECT_EQ(WEXITSTATUS(pclose(pipe)), 130) << text;
  EXPECT_THAT(text, HasSubstr("goes on"));
  EXPECT_THAT(text, HasSubstr("--from "));
  EXPECT_EQ(json::parse(Succeed("job describe " + name + " --output json"))["state"], "JOB_STATE_RUNNING");
  Succeed("job cancel " + name);
}

TEST_F(Command, GivesScriptsOneObjectPerLineOfAWatch) {
  Succeed("dataset generate two-spirals --rows 40 --id lines --seed 1");
  const std::vector<json> lines = JsonLines(
      Succeed("job submit convex --dataset lines --beta 0.1 --patterns 5 --epochs 3 --tolerance 0 --output json -w"));
  ASSERT_GE(lines.size(), 6);
  EXPECT_EQ(lines.front()["event"], "submitted");
  EXPECT_THAT(lines.front()["name"], testing::StartsWith("jobs/"));
  EXPECT_EQ(lines.back()["event"], "end");
  EXPECT_EQ(lines.back()["name"], lines.front()["name"]);
  std::vector<std::string> states;
  std::vector<int> epochs;
  std::int64_t sequence = 0;
  for (auto line = lines.begin() + 1; line != lines.end() - 1; ++line) {
    EXPECT_EQ((*line)["sequence"], ++sequence);
    EXPECT_EQ((*line)["attempt"], 1);
    if ((*line)["event"] == "state") states.push_back((*line)["state"]);
    if ((*line)["event"] == "epoch") epochs.push_back((*line)["epoch"]);
  }
  EXPECT_THAT(states, testing::ElementsAre("JOB_STATE_QUEUED", "JOB_STATE_RUNNING", "JOB_STATE_SUCCEEDED"));
  EXPECT_THAT(epochs, testing::ElementsAre(1, 2, 3));
}

TEST_F(Command, AnswersScriptsInJsonWhateverHappens) {
  const Output missing = Run("dataset describe nowhere --output json");
  EXPECT_EQ(missing.exit_status, 1);
  EXPECT_EQ(json::parse(missing.text)["error"]["code"], "NOT_FOUND");

  Succeed("dataset generate two-spirals --rows 40 --id one");
  Succeed("dataset generate two-spirals --rows 40 --id two");
  const json refused = json::parse(Run("job submit convex --dataset one --beta -1 --output json").text)["error"];
  EXPECT_EQ(refused["code"], "INVALID_ARGUMENT");
  EXPECT_THAT(refused["message"], HasSubstr("beta"));
  ASSERT_EQ(refused["fields"].size(), 1);
  EXPECT_THAT(refused["fields"][0]["field"], HasSubstr("beta"));

  EXPECT_EQ(json::parse(Run("dataset create nothing.csv --output json").text)["error"]["code"], "NOT_FOUND");
  const Output misspelt = Run("dataset fetch --output=json");
  EXPECT_EQ(misspelt.exit_status, 2);
  EXPECT_EQ(json::parse(misspelt.text)["error"]["code"], "INVALID_ARGUMENT");

  const std::string submit = "job submit descent --dataset one --beta 0.1 --learning-rate 1e-6 --epochs 100000000 ";
  const std::string first = json::parse(Succeed(submit + "--output json"))["name"];
  const std::string second = json::parse(Succeed(submit + "--output json"))["name"];
  const std::vector<json> cancelled = JsonLines(Succeed("job cancel " + second + " " + first + " --output json"));
  ASSERT_EQ(cancelled.size(), 2);
  EXPECT_EQ(cancelled[0]["name"], second);
  EXPECT_EQ(cancelled[1]["name"], first);
  Run("job watch " + first);
  Run("job watch " + second);
  EXPECT_THAT(JsonLines(Succeed("job delete " + first + " " + second + " --output json")),
              testing::ElementsAre(json{{"deleted", first}}, json{{"deleted", second}}));
  EXPECT_THAT(JsonLines(Succeed("dataset delete one two --output json")),
              testing::ElementsAre(json{{"deleted", "datasets/one"}}, json{{"deleted", "datasets/two"}}));
}

TEST_F(Command, WatchesTheJobsOfAnExperiment) {
  Succeed("dataset generate two-spirals --rows 40 --id many --seed 1");
  const std::string submit =
      "job submit convex --dataset many --beta 0.1 --patterns 5 --epochs 20 --experiment many --quiet";
  for (int i = 0; i < 3; ++i) Succeed(submit);
  const std::string lines = Succeed("job watch --experiment many --until-ended");
  EXPECT_THAT(lines, HasSubstr(": succeeded  epoch "));
  std::map<std::string, std::string> last_state;
  for (const json& line : JsonLines(Succeed("job watch --experiment many --until-ended --output json"))) {
    if (line["event"] == "job") last_state[line["name"]] = line["state"];
  }
  EXPECT_EQ(last_state.size(), 3);
  for (const auto& [name, state] : last_state) EXPECT_EQ(state, "JOB_STATE_SUCCEEDED") << name;
  EXPECT_EQ(Run("job watch").exit_status, 2);
  EXPECT_EQ(Run("job watch --all --experiment many").exit_status, 2);
  EXPECT_EQ(Run("job watch --all --every-epoch").exit_status, 2);
}

TEST_F(Command, RefusesFlagsThatWouldBeDropped) {
  WriteTable("forest.data");
  const Output refused = Run("dataset import forest.data --label kind");
  EXPECT_EQ(refused.exit_status, 2);
  EXPECT_THAT(refused.text, HasSubstr("--label: give --format"));
  EXPECT_THAT(Succeed("dataset import forest.data --label kind --format csv --id forest-data"), HasSubstr("elm"));
  EXPECT_THAT(Run("dataset create forest.data --label kind --format npy").text, HasSubstr("--label: does not apply"));
}

TEST_F(Command, KeepsToItsTimeout) {
  const Output late = Run("dataset generate gaussian --rows 200000 --cols 200 --label-rule sign --timeout 0.001");
  EXPECT_EQ(late.exit_status, 1);
  EXPECT_THAT(late.text, HasSubstr("DEADLINE_EXCEEDED"));
}

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
    return text;
  }
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
};

constexpr char kCtrlC = 3;

TEST_F(Command, RedrawsOneLineOnATerminalThatIsResized) {
  Succeed("dataset generate gaussian --rows 200 --cols 20 --label-rule sign --id noise3 --seed 1");
  const std::string name = json::parse(Succeed(
      "job submit descent --dataset noise3 --beta 0.1 --learning-rate 1e-6 --epochs 1000000000 --output json"))["name"];
  Terminal terminal(server_->address(), {"job", "watch", name});
  EXPECT_THAT(terminal.ReadUntil("objective"), testing::Not(HasSubstr("\n")));
  terminal.Resize(30, 40);
  // What was drawn on nearly 100 columns takes three rows of 40: up to the first of them, and away with the rest.
  EXPECT_THAT(terminal.ReadUntil("\x1b[J"), HasSubstr("\r\x1b[2A"));
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

TEST_F(Command, NamesTheFieldThatIsWrong) {
  Succeed("dataset generate two-spirals --rows 50 --id spirals");
  const Output refused = Run("job submit convex --dataset spirals --beta -1");
  EXPECT_EQ(refused.exit_status, 1);
  EXPECT_THAT(refused.text, HasSubstr("error: INVALID_ARGUMENT"));
  EXPECT_THAT(refused.text, HasSubstr("beta"));
  EXPECT_THAT(Succeed("job submit convex --dataset spirals --beta 0.5 --validate-only"), HasSubstr("gated"));
  EXPECT_EQ(Run("job submit convex --dataset nowhere --beta 1").exit_status, 1);
}

TEST_F(Command, RefusesWrongUsageBeforeSendingAnything) {
  EXPECT_EQ(Run("dataset create nothing.csv").exit_status, 2);
  EXPECT_EQ(Run("job submit convex --neurons 3 --dataset spirals").exit_status, 2);
  EXPECT_EQ(Run("dataset fetch").exit_status, 2);
  WriteFile("bad.yaml", "spec:\n  betta: 1\n");
  const Output bad = Run("job submit --file bad.yaml");
  EXPECT_EQ(bad.exit_status, 2);
  EXPECT_THAT(bad.text, HasSubstr("bad.yaml:2: spec.betta: no such field; did you mean beta?"));
}

}  // namespace
}  // namespace cvxnn::command
