// SPDX-License-Identifier: Apache-2.0
// What was acknowledged survives SIGKILL at any moment: a child process stores data sets, jobs and records and says so
// over a pipe; after it was killed everything it said must be there, readable and without a hole.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <set>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "tests/server/store/store_fixture.h"

namespace cvxnn::server {
namespace {

class KillTest : public StoreTest {
 protected:
  // Runs in the child; never returns.
  void StoreForever(int acknowledgements, int round) {
    OpenStores();
    const auto say = [&](const std::string& line) {
      if (write(acknowledgements, line.data(), line.size()) < 0) _exit(1);
    };
    for (int i = 0;; ++i) {
      const std::string id = absl::StrCat(round, "-", i);
      v1::Dataset metadata;
      const std::string dataset = absl::StrCat("datasets/d", id);
      const std::string job_name = absl::StrCat("jobs/j", id);
      metadata.set_name(dataset);
      if (!datasets_->Create(metadata, SmallDataset()).ok()) _exit(2);
      say(absl::StrCat("dataset ", dataset, "\n"));
      auto job = jobs_->Create(MakeCommit(MakeJob(job_name, dataset), {StateEvent(1, {})}), absl::StrCat("r", id));
      if (!job.ok()) _exit(3);
      say(absl::StrCat("job ", job_name, " 1\n"));
      for (std::int64_t last = 1; last < 20; last += 4) {
        JobCommit commit = MakeCommit(job->job, {EpochsEvent(last + 1, last + 4)});
        if (!jobs_->Commit(absl::MakeConstSpan(&commit, 1)).ok()) _exit(4);
        say(absl::StrCat("job ", job_name, " ", last + 4, "\n"));
      }
    }
  }

  void CheckLog(const std::string& job, std::int64_t acknowledged) {
    auto part = jobs_->ReadLog(job, 0, 1000, 100);
    ASSERT_TRUE(part.ok()) << part.status();
    EXPECT_GE(part->job.last_sequence(), acknowledged);
    std::int64_t next = 1;
    for (const auto& event : part->events) {
      EXPECT_EQ(FirstSequence(*event), next);
      next = event->sequence() + 1;
    }
    EXPECT_EQ(next - 1, part->job.last_sequence());
  }
};

TEST_F(KillTest, WhatWasAcknowledgedSurvives) {
  constexpr int kRounds = 12;
  std::size_t facts = 0;
  for (int round = 0; round < kRounds; ++round) {
    // The child opens the directory itself, so this process must not hold its lock.
    jobs_ = nullptr;
    models_ = nullptr;
    datasets_ = nullptr;
    database_ = nullptr;
    std::array<int, 2> ends;
    ASSERT_EQ(pipe(ends.data()), 0);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      close(ends[0]);
      StoreForever(ends[1], round);
    }
    close(ends[1]);
    std::string said;
    std::array<char, 4096> buffer;
    // Another number of bytes each round ends the child at another point of its work.
    const std::size_t enough = 40 + static_cast<std::size_t>(round) * 97;
    while (said.size() < enough) {
      const ssize_t got = read(ends[0], buffer.data(), buffer.size());
      ASSERT_GT(got, 0) << "the child ended by itself";
      said.append(buffer.data(), static_cast<std::size_t>(got));
    }
    usleep(static_cast<unsigned>(round) * 137);
    ASSERT_EQ(kill(child, SIGKILL), 0);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
    for (ssize_t got = 0; (got = read(ends[0], buffer.data(), buffer.size())) > 0;) {
      said.append(buffer.data(), static_cast<std::size_t>(got));
    }
    close(ends[0]);

    OpenStores();
    std::istringstream lines(said.substr(0, said.rfind('\n') + 1));
    for (std::string kind, name; lines >> kind >> name; ++facts) {
      if (kind == "dataset") {
        auto loaded = datasets_->Load(name);
        EXPECT_TRUE(loaded.ok()) << loaded.status();
      } else {
        std::int64_t last = 0;
        lines >> last;
        CheckLog(name, last);
      }
    }
    // No folder without a row, none missing.
    std::size_t folders = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(directory_.path() / "datasets"))
      ++folders;
    EXPECT_EQ(folders, datasets_->List({1000, ""})->items.size());
  }
  EXPECT_GT(facts, 100U);
}

}  // namespace
}  // namespace cvxnn::server
