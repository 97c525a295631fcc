// SPDX-License-Identifier: Apache-2.0
// Where connections wait until their request has arrived: one thread for all of them, so that clients which send half a
// request and then nothing (or one byte a second, or a line without an end) cost a buffer each and hold up nobody.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

namespace cvxnn::server {

/// Reads the heads of HTTP requests (request line and headers, up to the empty line) and answers them. Thread-safe.
class HeadGate {
 public:
  struct Limits {
    std::size_t head_bytes = 8192;         ///< of request line and headers together; more is refused with 414 or 431
    std::size_t connections = 256;         ///< that wait at the same time; one more, and the oldest is closed
    std::chrono::milliseconds time{5000};  ///< from accepting to the end of the head; later is refused with 408
  };
  /// Gives the whole response to a head, or nothing to close without one. Called on the gate's thread; must be quick.
  using Answer = std::function<std::string(const std::string& head)>;

  HeadGate(Limits limits, Answer answer);
  /// Closes every connection that waits.
  ~HeadGate();
  HeadGate(const HeadGate&) = delete;
  HeadGate& operator=(const HeadGate&) = delete;

  /// Takes over a connected socket: reads its request, answers it and closes it. Never waits.
  void Take(int socket);

 private:
  class Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace cvxnn::server
