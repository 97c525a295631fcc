// SPDX-License-Identifier: Apache-2.0
// A server stream that outlives its connections. A factory opens the stream from wherever the reader has got to; when
// the connection breaks, the loop pauses, opens again and goes on. Pauses start small again after every bit of
// progress.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>

#include "client/cpp/retry.h"
#include "client/cpp/timing.h"

namespace cvxnn::client {

/// One connection's worth of messages. One thread reads; destroying it ends the call.
template <typename Message>
class MessageReader {
 public:
  virtual ~MessageReader() = default;
  /// The next message, nothing at a clean end, or why the stream broke. Not to be called again after either.
  virtual absl::StatusOr<std::optional<Message>> Read() = 0;
};

/// What a message meant to its reader.
enum class StreamStep {
  kAlive,     ///< nothing new, but the server is there
  kProgress,  ///< something new: a broken stream would be taken up after it
  kDone,      ///< the last message that was wanted
};

/// How long a broken stream is taken up again.
struct ResumePolicy {
  BackoffOptions backoff;
  /// Give up when no message at all arrived for this long: before the first one …
  absl::Duration connect_patience = absl::Seconds(5);
  /// … and after it.
  absl::Duration outage_patience = absl::Minutes(10);
};

/// A broken connection that will be taken up again after `pause`.
struct Interruption {
  absl::Status status;
  absl::Duration pause;
};

/// Reads until `on_message` answers kDone (then OK), answers an error that is no broken stream, or the stream fails for
/// good; returns that error. A stream that ends before kDone counts as broken. CANCELLED once a stop is requested.
template <typename Message>
absl::Status ReadResumableStream(const std::function<std::unique_ptr<MessageReader<Message>>()>& open,
                                 const std::function<absl::StatusOr<StreamStep>(Message&)>& on_message,
                                 const std::function<void(const Interruption&)>& on_interruption,
                                 const ResumePolicy& policy, const Timing& timing, const std::stop_token& stop) {
  Backoff backoff(policy.backoff, timing.random);
  absl::Duration patience = policy.connect_patience;
  absl::Time last_message = timing.now();
  while (true) {
    absl::Status broken;
    {
      const std::unique_ptr<MessageReader<Message>> reader = open();
      while (broken.ok()) {
        absl::StatusOr<std::optional<Message>> message = reader->Read();
        if (stop.stop_requested()) return absl::CancelledError("stopped by the caller");
        if (!message.ok()) {
          broken = message.status();
        } else if (!message->has_value()) {
          broken = absl::UnavailableError("the server ended the stream early");
        } else {
          last_message = timing.now();
          patience = policy.outage_patience;
          const absl::StatusOr<StreamStep> step = on_message(**message);
          if (!step.ok()) {
            broken = step.status();
          } else if (*step == StreamStep::kDone) {
            return absl::OkStatus();
          } else if (*step == StreamStep::kProgress) {
            backoff.Reset();
          }
        }
      }
    }
    if (!IsBrokenStream(broken)) return broken;
    const absl::Duration pause = backoff.Next();
    if (timing.now() + pause - last_message > patience) return broken;
    if (on_interruption) on_interruption({broken, pause});
    if (!timing.sleep(pause, stop)) return absl::CancelledError("stopped by the caller");
  }
}

}  // namespace cvxnn::client
