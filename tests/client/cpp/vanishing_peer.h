// SPDX-License-Identifier: Apache-2.0
// A way to a server that can be cut without a word, like a cable: bytes go to and fro until Vanish, and none after it,
// while both connections stay open.
#pragma once

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <thread>

namespace cvxnn::client {

/// Takes one connection. Needs a server on 127.0.0.1 at `port`.
class VanishingPeer {
 public:
  explicit VanishingPeer(int server_port) : server_port_(server_port), listener_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address = Loopback(0);
    bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof(address));
    listen(listener_, 1);
    socklen_t size = sizeof(address);
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    pump_ = std::thread([this] { Pump(); });
  }
  ~VanishingPeer() {
    done_ = true;
    pump_.join();
    close(listener_);
  }
  VanishingPeer(const VanishingPeer&) = delete;
  VanishingPeer& operator=(const VanishingPeer&) = delete;

  int port() const { return port_; }
  void Vanish() { vanished_ = true; }

 private:
  static sockaddr_in Loopback(int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    return address;
  }

  bool WaitFor(int descriptor) const {
    constexpr int kPollMs = 5;
    pollfd entry{descriptor, POLLIN, 0};
    return poll(&entry, 1, kPollMs) == 1;
  }

  void Pump() {
    while (!done_ && !WaitFor(listener_)) {
    }
    if (done_) return;
    const int client = accept(listener_, nullptr, nullptr);
    const int server = socket(AF_INET, SOCK_STREAM, 0);
    const sockaddr_in address = Loopback(server_port_);
    connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
    bool open = true;
    while (!done_) {
      if (vanished_ || !open) {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
        continue;
      }
      open = Forward(client, server) && Forward(server, client);
    }
    close(client);
    close(server);
  }

  /// Passes on what is there; false once the connection has ended.
  bool Forward(int from, int to) const {
    if (!WaitFor(from) || vanished_) return true;
    std::array<char, 65536> bytes{};
    const ssize_t size = read(from, bytes.data(), bytes.size());
    return size > 0 && write(to, bytes.data(), static_cast<std::size_t>(size)) == size;
  }

  int server_port_;
  int listener_;
  int port_ = 0;
  std::atomic<bool> vanished_ = false;
  std::atomic<bool> done_ = false;
  std::thread pump_;
};

}  // namespace cvxnn::client
