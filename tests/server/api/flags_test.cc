// SPDX-License-Identifier: Apache-2.0
// What the flags of cvxnn-server accept, and how they refuse.
#include "server/flags.h"

#include <gmock/gmock.h>
#include <sys/wait.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include "server/processors.h"
#include "tests/server/api/server_fixture.h"

namespace cvxnn::server {
namespace {

using testing::HasSubstr;

/// Empty when the line is understood, else what is said about it.
std::string Parse(const std::string& line, Flags* flags) {
  CLI::App app;
  AddFlags(&app, flags);
  try {
    app.parse(line);
  } catch (const CLI::ParseError& error) {
    return error.what();
  }
  return "";
}

std::string Fault(const std::string& line) {
  Flags flags;
  return Parse(line, &flags);
}

TEST(Flags, BoundTheThreads) {
  Flags flags;
  EXPECT_EQ(Parse("--threads " + std::to_string(MostThreads()), &flags), "");
  EXPECT_EQ(flags.threads, MostThreads());
  EXPECT_GE(MostThreads(), 16);
  EXPECT_LE(MostThreads(), std::max(16, 4 * UsableProcessors()));
  EXPECT_EQ(Fault("--threads 4096000"), "--threads: \"4096000\": must be 1 to " + std::to_string(MostThreads()));
  EXPECT_THAT(Fault("--threads 0"), HasSubstr("must be 1 to"));
}

TEST(Flags, RefuseNumbersOutOfRangeAndWhatIsNone) {
  EXPECT_EQ(Fault("--drain-seconds nan"), "--drain-seconds: \"nan\": must be 0 to 86400");
  EXPECT_THAT(Fault("--drain-seconds=-1"), HasSubstr("must be 0 to 86400"));
  EXPECT_THAT(Fault("--drain-seconds inf"), HasSubstr("must be 0 to 86400"));
  EXPECT_EQ(Fault("--call-niceness 20"), "--call-niceness: \"20\": must be 0 to 19");
  EXPECT_EQ(Fault("--jobs-per-device 65"), "--jobs-per-device: \"65\": must be 1 to 64");
  EXPECT_THAT(Fault("--max-dataset-bytes 0"), HasSubstr("must be 1 to 1125899906842624"));
  EXPECT_THAT(Fault("--max-dataset-bytes 18446744073709551616"), HasSubstr("must be 1 to 1125899906842624"));
  EXPECT_THAT(Fault("--resident-bytes=-1"), HasSubstr("must be 0 to"));
  EXPECT_THAT(Fault("--max-queued-jobs 1.5"), HasSubstr("must be 1 to"));
  EXPECT_THAT(Fault("--max-queued-jobs 0x10"), HasSubstr("must be 1 to"));
  EXPECT_LT(Fault("--threads " + std::string(5000, '1')).size(), 200);
}

TEST(CompleteFlags, KeepsJobsForEverUnlessTold) {
  TemporaryFolder folder;
  Flags flags;
  flags.server.data_dir = folder.path();
  ASSERT_TRUE(CompleteFlags(&flags).ok());
  EXPECT_EQ(flags.server.limits.job_retention, absl::InfiniteDuration());
  ASSERT_EQ(Parse("--job-retention-seconds 86400", &flags), "");
  ASSERT_TRUE(CompleteFlags(&flags).ok());
  EXPECT_EQ(flags.server.limits.job_retention, absl::Hours(24));
}

TEST(Flags, AreReadInDecimal) {
  Flags flags;
  EXPECT_EQ(Parse("--max-queued-jobs 010 --jobs-per-device 08 --drain-seconds 0.125", &flags), "");
  EXPECT_EQ(flags.server.limits.max_queued_jobs, 10);
  EXPECT_EQ(flags.server.limits.running_jobs_per_device, 8);
  EXPECT_EQ(flags.drain_seconds, 0.125);
}

// As Parse, with a file of settings.
std::string ParseWithFile(const TemporaryFolder& folder, const std::string& settings, const std::string& line,
                          Flags* flags) {
  const std::string file = folder.path() + "/server.toml";
  std::ofstream(file) << settings;
  CLI::App app;
  AddFlags(&app, flags);
  AddOtherSources(&app);
  try {
    app.parse("--config " + file + " " + line);
  } catch (const CLI::ParseError& error) {
    return UsageFault(app, error);
  }
  return "";
}

TEST(Flags, ComeFromAFileAndTheEnvironmentToo) {
  const TemporaryFolder folder;
  Flags flags;
  setenv("CVXNN_DRAIN_SECONDS", "3", /*overwrite=*/1);
  setenv("CVXNN_CHECKPOINT_SECONDS", "4", /*overwrite=*/1);
  setenv("CVXNN_JOBS_PER_DEVICE", "5", /*overwrite=*/1);
  EXPECT_EQ(ParseWithFile(folder, "listen = \"127.0.0.1:4\"\ndrain-seconds = 6\njobs-per-device = 7\ninsecure = true\n",
                          "--jobs-per-device 8", &flags),
            "");
  EXPECT_EQ(flags.server.listen, "127.0.0.1:4");
  EXPECT_TRUE(flags.server.security.insecure);
  EXPECT_EQ(flags.checkpoint_seconds, 4) << "the environment alone";
  EXPECT_EQ(flags.drain_seconds, 6) << "a file goes before the environment";
  EXPECT_EQ(flags.server.limits.running_jobs_per_device, 8) << "a flag goes before both";
  for (const char* name : {"CVXNN_DRAIN_SECONDS", "CVXNN_CHECKPOINT_SECONDS", "CVXNN_JOBS_PER_DEVICE"}) unsetenv(name);
}

TEST(Flags, OfAFileAreCheckedAsThoseOfTheCommandLine) {
  const TemporaryFolder folder;
  Flags flags;
  EXPECT_THAT(ParseWithFile(folder, "jobs-per-device = 65\n", "", &flags), HasSubstr("must be 1 to 64"));
  EXPECT_EQ(ParseWithFile(folder, "jobs-per-devise = 6\n", "", &flags),
            folder.path() +
                "/server.toml: jobs-per-devise: no such setting; the settings are the flags of --help, without --");
  EXPECT_THAT(ParseWithFile(folder, "[server]\nlisten = \"127.0.0.1:4\"\n", "", &flags),
              HasSubstr("/server.toml: [server]: no such setting"));
  EXPECT_THAT(ParseWithFile(folder, "new-token = \"a:admin\"\n", "", &flags), HasSubstr("new-token"));
}

// Exit status of the program with these flags; `said` gets what it said on stderr.
int RunProgram(const std::string& flags, std::string* said) {
  const TemporaryFolder folder;
  const std::string output = folder.path() + "/said";
  const int status = std::system((CVXNN_BINARY_DIR "/cvxnn-server " + flags + " 2> " + output).c_str());
  std::ifstream file(output);
  said->assign(std::istreambuf_iterator<char>(file), {});
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(Flags, ThatAreWrongEndTheProgramWithTwo) {
  std::string said;
  EXPECT_EQ(RunProgram("--nosuch", &said), kUsageStatus);
  EXPECT_EQ(said, "cvxnn-server: The following argument was not expected: --nosuch\nSee cvxnn-server --help\n");
  EXPECT_EQ(RunProgram("", &said), kUsageStatus);
  EXPECT_EQ(said, "cvxnn-server: --data-dir is required\n");
  EXPECT_EQ(RunProgram("--data-dir /nosuch --listen 0.0.0.0:0", &said), 1) << "understood, and refused";
}

TEST(CompleteFlags, WantsAnImportRootThatIsThere) {
  const TemporaryFolder folder;
  Flags flags;
  flags.server.data_dir = folder.path();
  for (const std::string& root : {folder.path() + "/nosuch", std::string("/dev/null")}) {
    flags.server.import_root = root;
    const absl::Status status = CompleteFlags(&flags);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(status.message(), "--import-root = \"" + root + "\": must be a folder that is there");
  }
  flags.server.import_root = folder.path();
  EXPECT_TRUE(CompleteFlags(&flags).ok());
}

TEST(CompleteFlags, SizesByTheMachineWhatNoFlagHasSet) {
  Flags flags;
  EXPECT_EQ(CompleteFlags(&flags).message(), "--data-dir is required");
  flags.server.data_dir = "/tmp";
  flags.threads = 3;
  ASSERT_TRUE(CompleteFlags(&flags).ok());
  EXPECT_EQ(flags.server.compute_threads, 3);
  EXPECT_GE(flags.server.limits.max_dataset_bytes, std::int64_t{1} << 28);
  EXPECT_GT(flags.server.resident_bytes, 0);
}

}  // namespace
}  // namespace cvxnn::server
