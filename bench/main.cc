// SPDX-License-Identifier: Apache-2.0
// cvxnn-bench: starts a cvxnn-server with an empty data directory and a bare byte stream next to it, measures, prints
// the machine and one table, and leaves nothing behind.
#include <absl/strings/str_format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <functional>
#include <iostream>
#include <set>
#include <string>
#include <vector>

#include "bench/byte_stream.h"
#include "bench/child_process.h"
#include "bench/core_share.h"
#include "bench/measure.h"
#include "bench/must.h"
#include "bench/setup.h"
#include "core/torch/runtime.h"

namespace cvxnn::bench {
namespace {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "cvxnn-bench-XXXXXX").string();
    Require(mkdtemp(pattern.data()) != nullptr, "cannot create " + pattern);
    path_ = pattern;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

void PrintMachine(const v1::ServerInfo& info) {
  std::cout << absl::StrFormat("%s, %d cores used, LibTorch %s, cvxnn %s\n\n", info.devices(0).description(),
                               info.compute_threads(), info.libtorch_version(), info.version());
}

struct Subject {
  const char* name;
  std::function<void(const Setup&, Table*)> measure;
};

const std::vector<Subject>& Subjects() {
  static const std::vector<Subject> subjects = {
      {"upload", MeasureUpload},
      {"download", MeasureDownload},
      {"first-metric", MeasureFirstMetric},
      {"overhead", MeasureOverhead},
      {"notebook", MeasureNotebook},
      {"core", [](const Setup&, Table* table) { MeasureCoreShare(table); }},
  };
  return subjects;
}

std::vector<std::string> SubjectNames() {
  std::vector<std::string> names;
  for (const Subject& subject : Subjects()) names.emplace_back(subject.name);
  return names;
}

void Measure(const Setup& setup, const std::set<std::string>& only, Table* table) {
  for (const Subject& subject : Subjects()) {
    if (!only.empty() && !only.contains(subject.name)) continue;
    std::cerr << "measuring " << subject.name << " …" << std::endl;
    subject.measure(setup, table);
  }
}

void Run(const std::string& bench_program, const std::string& server_program, const std::set<std::string>& only) {
  const Stopwatch watch;
  const TemporaryFolder folder;
  const ChildProcess server(
      {server_program, "--listen", "127.0.0.1:0", "--data-dir", folder.path() + "/server", "--log-level", "off"});
  const ChildProcess byte_stream({bench_program, "--serve-byte-stream"});
  const Setup setup = {Must(client::Client::Connect(server.address())), byte_stream.address(), folder.path()};
  const v1::ServerInfo info = Must(setup.client.GetServerInfo());
  SetComputeThreads(info.compute_threads());

  Table table;
  Measure(setup, only, &table);
  PrintMachine(info);
  table.Print(std::cout);
  std::cout << absl::StrFormat(
      "\n%.0f s in all. Numbers are the best of several runs in turns unless they say median or p50; "
      "core's are medians.\n",
      watch.seconds());
}

int Main(int argc, char** argv) {
  CLI::App app("cvxnn-bench measures cvxnn against what it could at best be and prints one table.");
  std::string server_program;
  std::set<std::string> only;
  bool serve_byte_stream = false;
  app.add_option("--server", server_program, "Path of cvxnn-server (default: next to this program)");
  app.add_option("--only", only, "Subjects to measure (default: all)")->check(CLI::IsMember(SubjectNames()));
  app.add_flag("--serve-byte-stream", serve_byte_stream, "Be the bare byte stream that transfers are compared with");
  CLI11_PARSE(app, argc, argv);
  if (serve_byte_stream) return ServeByteStream();
  const auto self = std::filesystem::read_symlink("/proc/self/exe");
  if (server_program.empty()) server_program = (self.parent_path() / "cvxnn-server").string();
  Run(self.string(), server_program, only);
  return EXIT_SUCCESS;
}

}  // namespace
}  // namespace cvxnn::bench

int main(int argc, char** argv) {
  try {
    cvxnn::WaitPassively(argv);
    cvxnn::KeepFreedMemory();
    return cvxnn::bench::Main(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "cvxnn-bench: %s\n", error.what());
    return EXIT_FAILURE;
  }
}
