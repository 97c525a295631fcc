// SPDX-License-Identifier: Apache-2.0
// Watching many jobs over a connection that breaks, falls silent, or only beats.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/client/cpp/fake_server.h"

namespace cvxnn::client {
namespace {

using testing::ElementsAre;

v1::WatchJobsResponse Told(const std::string& name) {
  v1::WatchJobsResponse response;
  response.mutable_job()->set_name(name);
  return response;
}

v1::WatchJobsResponse Synchronized() {
  v1::WatchJobsResponse response;
  response.mutable_synchronized();
  return response;
}

v1::WatchJobsResponse Heartbeat() {
  v1::WatchJobsResponse response;
  response.mutable_heartbeat();
  return response;
}

class WatchJobs : public testing::Test {
 protected:
  /// Watches until `enough` events came.
  absl::Status Watch(std::size_t enough, WatchJobsOptions options = {}) {
    options.on_interruption = [this](const Interruption& interruption) {
      events_.push_back("interrupted: " + std::string(interruption.status.message()));
    };
    return server_.Connect().WatchJobs(options, [&](const v1::WatchJobsResponse& response) {
      events_.push_back(response.has_job()            ? response.job().name()
                        : response.has_synchronized() ? "synchronized"
                                                      : "heartbeat");
      return events_.size() < enough;
    });
  }

  FakeServer server_;
  std::vector<std::string> events_;
};

TEST_F(WatchJobs, PassesOnEveryEventUntilTheCallbackHasEnough) {
  server_.jobs.told = {{Told("jobs/1"), Told("jobs/2"), Synchronized(), Heartbeat(), Told("jobs/1")}};
  EXPECT_EQ(Watch(5), absl::OkStatus());
  EXPECT_THAT(events_, ElementsAre("jobs/1", "jobs/2", "synchronized", "heartbeat", "jobs/1"));
}

TEST_F(WatchJobs, SendsWhatWasAskedFor) {
  server_.jobs.told = {{Synchronized()}};
  WatchJobsOptions options;
  options.filter.set_experiment("first");
  options.heartbeat_interval = absl::Milliseconds(2500);
  EXPECT_EQ(Watch(1, options), absl::OkStatus());
  ASSERT_EQ(server_.jobs.jobs_watched.size(), 1);
  const v1::WatchJobsRequest& asked = server_.jobs.jobs_watched[0];
  EXPECT_EQ(asked.filter().experiment(), "first");
  EXPECT_EQ(asked.heartbeat_interval().seconds(), 2);
  EXPECT_EQ(asked.heartbeat_interval().nanos(), 500'000'000);
  EXPECT_EQ(asked.min_interval().nanos(), 250'000'000);
}

TEST_F(WatchJobs, IsToldEverythingAgainAfterACut) {
  server_.jobs.told = {{Told("jobs/1")}, {Told("jobs/1"), Synchronized()}};
  EXPECT_EQ(Watch(4), absl::OkStatus());
  EXPECT_THAT(events_, ElementsAre("jobs/1", "interrupted: cut", "jobs/1", "synchronized"));
}

TEST_F(WatchJobs, NoticesThatHeartbeatsStayAway) {
  server_.jobs.told = {{Told("jobs/1"), Heartbeat()}};
  WatchJobsOptions options;
  options.heartbeat_interval = absl::Milliseconds(100);
  EXPECT_EQ(Watch(4, options), absl::OkStatus());
  EXPECT_THAT(events_, ElementsAre("jobs/1", "heartbeat", "interrupted: no message for 300ms", "jobs/1"));
}

TEST_F(WatchJobs, StopsWhenAskedInTheMidstOfSilence) {
  server_.jobs.told = {{Synchronized()}};
  std::stop_source source;
  WatchJobsOptions options;
  options.stop = source.get_token();
  const absl::Status status = server_.Connect().WatchJobs(options, [&](const v1::WatchJobsResponse&) {
    source.request_stop();
    return true;
  });
  EXPECT_EQ(status.code(), absl::StatusCode::kCancelled);
}

}  // namespace
}  // namespace cvxnn::client
