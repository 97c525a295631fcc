// SPDX-License-Identifier: Apache-2.0
// One thread, poll(2), and a list of connections ordered by age.
#include "server/web/head_gate.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <iterator>
#include <list>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace cvxnn::server {
namespace {

using Clock = std::chrono::steady_clock;

constexpr char kEndOfLine[] = "\r\n";
constexpr char kEndOfHead[] = "\r\n\r\n";
// Whoever was answered may take this long to close; what it still sends is read and dropped. Closing at once would
// make the system discard an answer that the client has not read yet.
constexpr std::chrono::milliseconds kLinger{1000};

std::string Refusal(const char* status) {
  return absl::StrCat("HTTP/1.1 ", status, "\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
}

struct Connection {
  int socket = -1;
  Clock::time_point deadline;
  std::string head;
  bool answered = false;
};

}  // namespace

class HeadGate::Implementation {
 public:
  Implementation(Limits limits, Answer answer)
      : limits_(limits),
        answer_(std::move(answer)),
        wake_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
        thread_([this] { Run(); }) {}

  ~Implementation() {
    ended_ = true;
    Wake();
    thread_.join();
    for (const Connection& connection : arrived_) close(connection.socket);
    close(wake_);
  }

  void Take(int socket) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      arrived_.push_back({socket, Clock::now() + limits_.time, "", false});
    }
    Wake();
  }

 private:
  void Wake() const {
    const std::uint64_t one = 1;
    // Cannot fail but for a counter that is full, and then the thread is awake anyway.
    [[maybe_unused]] const ssize_t written = write(wake_, &one, sizeof(one));
  }

  void Run() {
    while (!ended_) {
      WaitForSomething();
      {
        const std::lock_guard<std::mutex> lock(mutex_);
        connections_.splice(connections_.end(), arrived_);
      }
      const Clock::time_point now = Clock::now();
      for (auto next = connections_.begin(); next != connections_.end();) {
        const auto connection = next++;
        // New connections are read at once: most requests are here as soon as their connection is.
        if (!Serve(&*connection, now)) Close(connection);
      }
      while (connections_.size() > limits_.connections) Close(connections_.begin());
    }
    while (!connections_.empty()) Close(connections_.begin());
  }

  void WaitForSomething() {
    std::vector<pollfd> polled = {{wake_, POLLIN, 0}};
    Clock::time_point first = Clock::time_point::max();
    for (const Connection& connection : connections_) {
      polled.push_back({connection.socket, POLLIN, 0});
      first = std::min(first, connection.deadline);
    }
    int wait = -1;
    if (!connections_.empty()) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(first - Clock::now()).count();
      wait = static_cast<int>(std::max<std::int64_t>(0, left));
    }
    poll(polled.data(), polled.size(), wait);
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t size = read(wake_, &count, sizeof(count));
  }

  // False when the connection is to be closed.
  bool Serve(Connection* connection, Clock::time_point now) {
    std::array<char, 4096> buffer{};
    const ssize_t size = recv(connection->socket, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (size == 0) return false;
    if (size < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) return false;
    if (size > 0 && !connection->answered) {
      connection->head.append(buffer.data(), static_cast<std::size_t>(size));
      const std::size_t end = connection->head.find(kEndOfHead);
      const std::size_t head = end == std::string::npos ? connection->head.size() : end + sizeof(kEndOfHead) - 1;
      if (head > limits_.head_bytes) {
        const std::size_t line = connection->head.find(kEndOfLine);
        const bool long_line = line == std::string::npos || line >= limits_.head_bytes;
        return Send(connection, Refusal(long_line ? "414 URI Too Long" : "431 Request Header Fields Too Large"));
      }
      if (end != std::string::npos) return Send(connection, answer_(connection->head.substr(0, head)));
    }
    if (now < connection->deadline) return true;
    return !connection->answered && Send(connection, Refusal("408 Request Timeout"));
  }

  // Responses are small: what the socket's buffer does not take at once belongs to a client that does not read.
  static bool Send(Connection* connection, const std::string& response) {
    if (response.empty()) return false;
    const ssize_t sent = send(connection->socket, response.data(), response.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent != static_cast<ssize_t>(response.size())) return false;
    connection->answered = true;
    connection->head = std::string();
    connection->deadline = Clock::now() + kLinger;
    return shutdown(connection->socket, SHUT_WR) == 0;
  }

  void Close(std::list<Connection>::iterator connection) {
    close(connection->socket);
    connections_.erase(connection);
  }

  const Limits limits_;
  const Answer answer_;
  const int wake_;
  std::atomic<bool> ended_ = false;
  std::mutex mutex_;
  std::list<Connection> arrived_;      // guarded by mutex_
  std::list<Connection> connections_;  // of the thread alone, oldest first
  std::thread thread_;
};

HeadGate::HeadGate(Limits limits, Answer answer)
    : implementation_(std::make_unique<Implementation>(limits, std::move(answer))) {}
HeadGate::~HeadGate() = default;

void HeadGate::Take(int socket) { implementation_->Take(socket); }

}  // namespace cvxnn::server
