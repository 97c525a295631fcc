// SPDX-License-Identifier: Apache-2.0
// Retries, pauses and resumable streams on a clock that only moves when someone sleeps.
#include "client/cpp/retry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

#include "client/cpp/resumable_stream.h"
#include "client/cpp/status.h"
#include "cvxnn/rpc/error_details.pb.h"

namespace cvxnn::client {
namespace {

using testing::ElementsAre;

/// Time that passes only in sleeps, which are written down. Pauses are not shortened.
struct StillClock {
  absl::Time time = absl::UnixEpoch();
  std::vector<absl::Duration> pauses;

  Timing timing() {
    return {[this] { return time; },
            [this](absl::Duration pause, const std::stop_token& stop) {
              time += pause;
              pauses.push_back(pause);
              return !stop.stop_requested();
            },
            [] { return 0.0; }};
  }
};

constexpr BackoffOptions kBackoff = {absl::Seconds(1), absl::Seconds(5), 2.0};

TEST(Backoff, GrowsToItsMaximumAndStartsAgain) {
  Backoff backoff(kBackoff, [] { return 0.0; });
  EXPECT_EQ(backoff.Next(), absl::Seconds(1));
  EXPECT_EQ(backoff.Next(), absl::Seconds(2));
  EXPECT_EQ(backoff.Next(), absl::Seconds(4));
  EXPECT_EQ(backoff.Next(), absl::Seconds(5));
  backoff.Reset();
  EXPECT_EQ(backoff.Next(), absl::Seconds(1));
}

TEST(Backoff, IsShortenedByAtMostAHalf) {
  Backoff backoff(kBackoff, [] { return 0.999; });
  EXPECT_GT(backoff.Next(), absl::Milliseconds(500));
}

TEST(RetryUnary, TriesUnavailableAgainAndNothingElse) {
  StillClock clock;
  int calls = 0;
  const auto unavailable = RetryUnary({3, kBackoff}, clock.timing(), {}, [&](int attempt) {
    EXPECT_EQ(attempt, ++calls);
    return absl::UnavailableError("");
  });
  EXPECT_TRUE(absl::IsUnavailable(unavailable));
  EXPECT_EQ(calls, 3);
  EXPECT_THAT(clock.pauses, ElementsAre(absl::Seconds(1), absl::Seconds(2)));

  calls = 0;
  EXPECT_TRUE(absl::IsInternal(RetryUnary({3, kBackoff}, clock.timing(), {}, [&](int) {
    ++calls;
    return absl::InternalError("");
  })));
  EXPECT_EQ(calls, 1);
}

/// A connection that gives these numbers and then this status.
class Script final : public MessageReader<int> {
 public:
  Script(std::deque<int> messages, absl::Status end) : messages_(std::move(messages)), end_(std::move(end)) {}
  absl::StatusOr<std::optional<int>> Read() override {
    if (messages_.empty()) {
      if (end_.ok()) return std::optional<int>();
      return end_;
    }
    const int message = messages_.front();
    messages_.pop_front();
    return message;
  }

 private:
  std::deque<int> messages_;
  absl::Status end_;
};

/// Counts to 5 over connections of `step` messages each; negative numbers are heartbeats.
struct Counter {
  int next = 1;
  std::deque<Script> connections;
  int opened = 0;

  absl::Status Read(const ResumePolicy& policy, StillClock& clock, const std::stop_token& stop = {}) {
    return ReadResumableStream<int>(
        [this]() -> std::unique_ptr<MessageReader<int>> {
          ++opened;
          if (connections.empty()) return std::make_unique<Script>(std::deque<int>{}, absl::UnavailableError("down"));
          auto script = std::make_unique<Script>(std::move(connections.front()));
          connections.pop_front();
          return script;
        },
        [this](int& message) -> absl::StatusOr<StreamStep> {
          if (message < 0) return StreamStep::kAlive;
          if (message != next) return absl::DataLossError("out of order");
          return ++next > 5 ? StreamStep::kDone : StreamStep::kProgress;
        },
        nullptr, policy, clock.timing(), stop);
  }
};

TEST(ReadResumableStream, StartsSmallPausesAgainAfterProgress) {
  StillClock clock;
  Counter counter;
  counter.connections.emplace_back(std::deque<int>{1}, absl::UnavailableError(""));
  counter.connections.emplace_back(std::deque<int>{}, absl::UnavailableError(""));
  counter.connections.emplace_back(std::deque<int>{}, absl::UnavailableError(""));
  counter.connections.emplace_back(std::deque<int>{2, 3}, absl::OkStatus());
  counter.connections.emplace_back(std::deque<int>{4, 5}, absl::OkStatus());
  EXPECT_EQ(counter.Read({.backoff = kBackoff}, clock), absl::OkStatus());
  EXPECT_THAT(clock.pauses, ElementsAre(absl::Seconds(1), absl::Seconds(2), absl::Seconds(4), absl::Seconds(1)));
}

TEST(ReadResumableStream, DoesNotTakeHeartbeatsForProgress) {
  StillClock clock;
  Counter counter;
  for (int i = 0; i < 3; ++i) counter.connections.emplace_back(std::deque<int>{-1}, absl::UnavailableError(""));
  counter.connections.emplace_back(std::deque<int>{1, 2, 3, 4, 5}, absl::OkStatus());
  EXPECT_EQ(counter.Read({.backoff = kBackoff}, clock), absl::OkStatus());
  EXPECT_THAT(clock.pauses, ElementsAre(absl::Seconds(1), absl::Seconds(2), absl::Seconds(4)));
}

TEST(ReadResumableStream, IsImpatientBeforeTheFirstMessageOnly) {
  const ResumePolicy policy = {kBackoff, absl::Seconds(3), absl::Seconds(60)};
  StillClock clock;
  Counter never;
  EXPECT_EQ(never.Read(policy, clock), absl::UnavailableError("down"));
  EXPECT_THAT(clock.pauses, ElementsAre(absl::Seconds(1), absl::Seconds(2)));

  StillClock patient_clock;
  Counter once;
  once.connections.emplace_back(std::deque<int>{1}, absl::UnavailableError(""));
  EXPECT_EQ(once.Read(policy, patient_clock), absl::UnavailableError("down"));
  EXPECT_GT(patient_clock.time - absl::UnixEpoch(), absl::Seconds(50));
}

TEST(ReadResumableStream, EndsAtAnErrorOfTheReader) {
  StillClock clock;
  Counter counter;
  counter.connections.emplace_back(std::deque<int>{1, 3}, absl::OkStatus());
  EXPECT_EQ(counter.Read({.backoff = kBackoff}, clock), absl::DataLossError("out of order"));
  EXPECT_EQ(counter.opened, 1);
}

TEST(ToAbslStatus, KeepsCodeMessageAndDetails) {
  rpc::BadRequest bad;
  auto* violation = bad.add_field_violations();
  violation->set_field("job.spec.beta");
  violation->set_description("-1: must be > 0");
  rpc::Status details;
  auto* any = details.add_details();
  any->set_type_url("type.googleapis.com/google.rpc.BadRequest");
  any->set_value(bad.SerializeAsString());
  const absl::Status status =
      ToAbslStatus(grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "bad job", details.SerializeAsString()));
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message(), "bad job");
  ASSERT_EQ(FieldViolations(status).size(), 1);
  EXPECT_EQ(FieldViolations(status)[0].field, "job.spec.beta");
  EXPECT_THAT(DetailLines(status), ElementsAre("job.spec.beta: -1: must be > 0"));
}

TEST(ToAbslStatus, SurvivesDetailsThatAreNone) {
  const absl::Status status = ToAbslStatus(grpc::Status(grpc::StatusCode::INTERNAL, "m", "\xff\xff garbage"));
  EXPECT_EQ(status, absl::InternalError("m"));
  EXPECT_TRUE(DetailLines(status).empty());
}

TEST(DetailLines, LeaveOutWhatTheMessageSays) {
  rpc::BadRequest bad;
  bad.add_field_violations()->set_description("must be > 0");
  absl::Status status = absl::InvalidArgumentError("beta = -1: must be > 0");
  status.SetPayload("type.googleapis.com/google.rpc.BadRequest", absl::Cord(bad.SerializeAsString()));
  EXPECT_TRUE(DetailLines(status).empty());
}

}  // namespace
}  // namespace cvxnn::client
