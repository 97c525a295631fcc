// SPDX-License-Identifier: Apache-2.0
// The tour of the command against the real server, as a person or a script would take it: both binaries as processes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
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
