// SPDX-License-Identifier: Apache-2.0
// The predicate and the SQL of a filter pick the same jobs.
#include "server/store/job_filter.h"

#include <gmock/gmock.h>

#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/server/store/store_fixture.h"

namespace cvxnn::server {
namespace {

class JobFilterTest : public StoreTest {
 protected:
  JobFilterTest() {
    StoreDataset("datasets/a");
    StoreDataset("datasets/b");
    int number = 0;
    for (const char* dataset : {"datasets/a", "datasets/b"}) {
      for (const char* experiment : {"", "first", "it's"}) {
        for (const char* label : {"", "x", "y"}) {
          v1::Job job = MakeJob(absl::StrCat("jobs/", number++), dataset);
          job.set_experiment(experiment);
          if (*label != '\0') (*job.mutable_labels())["key"] = label;
          if (number % 2 == 0) (*job.mutable_labels())["even"] = "yes";
          all_.push_back(StoreJob(job));
          if (number % 3 == 0) {
            EndJob(job.name());
            all_.back() = *jobs_->Get(job.name());
          }
        }
      }
    }
  }

  void ExpectAgreement(const v1::JobFilter& filter, std::size_t count) {
    std::vector<std::string> wanted;
    for (auto job = all_.rbegin(); job != all_.rend(); ++job) {
      if (Matches(filter, *job)) wanted.push_back(job->name());
    }
    auto page = jobs_->List(filter, {});
    ASSERT_TRUE(page.ok()) << page.status();
    std::vector<std::string> listed;
    for (const v1::Job& job : page->items) listed.push_back(job.name());
    EXPECT_EQ(listed, wanted) << filter.ShortDebugString();
    EXPECT_EQ(listed.size(), count) << filter.ShortDebugString();
  }

  std::vector<v1::Job> all_;
};

TEST_F(JobFilterTest, EmptyMatchesEverything) { ExpectAgreement({}, 18); }

TEST_F(JobFilterTest, MatchesEachField) {
  v1::JobFilter filter;
  filter.set_dataset("datasets/a");
  ExpectAgreement(filter, 9);
  filter.set_experiment("it's");
  ExpectAgreement(filter, 3);
  filter.Clear();
  filter.add_states(v1::JOB_STATE_SUCCEEDED);
  ExpectAgreement(filter, 6);
  filter.add_states(v1::JOB_STATE_QUEUED);
  ExpectAgreement(filter, 18);
  filter.Clear();
  (*filter.mutable_labels())["key"] = "x";
  ExpectAgreement(filter, 6);
  (*filter.mutable_labels())["even"] = "yes";
  ExpectAgreement(filter, 3);
  (*filter.mutable_labels())["key"] = "z' OR 1=1 --";
  ExpectAgreement(filter, 0);
}

TEST_F(JobFilterTest, CanonicalTextIgnoresOrderAndSeesDifferences) {
  v1::JobFilter one;
  one.add_states(v1::JOB_STATE_QUEUED);
  one.add_states(v1::JOB_STATE_RUNNING);
  v1::JobFilter other;
  other.add_states(v1::JOB_STATE_RUNNING);
  other.add_states(v1::JOB_STATE_QUEUED);
  EXPECT_EQ(CanonicalText(one), CanonicalText(other));
  (*one.mutable_labels())["a"] = "b";
  (*other.mutable_labels())["a"] = "c";
  EXPECT_NE(CanonicalText(one), CanonicalText(other));
}

}  // namespace
}  // namespace cvxnn::server
