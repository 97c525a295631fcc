// SPDX-License-Identifier: Apache-2.0
// What a client sees of the gate, over pairs of sockets.
#include "server/web/head_gate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <memory>
#include <string>

namespace cvxnn::server {
namespace {

using testing::StartsWith;

std::string Echo(const std::string& head) { return "head of " + std::to_string(head.size()); }

/// The client's end of a connection whose other end the gate has.
class Client {
 public:
  explicit Client(HeadGate* gate) {
    std::array<int, 2> ends{};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()), 0);
    socket_ = ends[0];
    gate->Take(ends[1]);
  }
  ~Client() { close(socket_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// False once nobody reads any more.
  bool Send(const std::string& text) const {
    return send(socket_, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
  }
  /// Everything that comes until the gate has ended its side.
  std::string Receive() const {
    std::string text;
    std::array<char, 256> buffer{};
    for (ssize_t size = 0; (size = recv(socket_, buffer.data(), buffer.size(), 0)) > 0;) {
      text.append(buffer.data(), static_cast<std::size_t>(size));
    }
    return text;
  }

 private:
  int socket_ = -1;
};

TEST(HeadGate, AnswersAHeadThatComesInPieces) {
  HeadGate gate({}, Echo);
  const Client client(&gate);
  for (const char* piece : {"GET / HT", "TP/1.1\r", "\nHost: x\r\n", "\r\n"}) ASSERT_TRUE(client.Send(piece));
  EXPECT_EQ(client.Receive(), "head of 27");
}

TEST(HeadGate, LeavesWhatFollowsTheHead) {
  HeadGate gate({}, Echo);
  const Client client(&gate);
  ASSERT_TRUE(client.Send("GET / HTTP/1.1\r\n\r\nand more"));
  EXPECT_EQ(client.Receive(), "head of 18");
}

TEST(HeadGate, RefusesALineWithoutAnEnd) {
  HeadGate gate({}, Echo);
  const Client client(&gate);
  ASSERT_TRUE(client.Send(std::string(8193, 'a')));
  EXPECT_THAT(client.Receive(), StartsWith("HTTP/1.1 414 "));
}

TEST(HeadGate, RefusesHeadersWithoutAnEnd) {
  HeadGate gate({.head_bytes = 1000}, Echo);
  const Client client(&gate);
  std::string headers = "GET / HTTP/1.1\r\n";
  while (headers.size() < 1001) headers += "x: y\r\n";
  ASSERT_TRUE(client.Send(headers));
  EXPECT_THAT(client.Receive(), StartsWith("HTTP/1.1 431 "));
}

TEST(HeadGate, TakesAHeadOfExactlyTheLimit) {
  HeadGate gate({.head_bytes = 18}, Echo);
  const Client fits(&gate);
  ASSERT_TRUE(fits.Send("GET / HTTP/1.1\r\n\r\n"));
  EXPECT_EQ(fits.Receive(), "head of 18");
  const Client longer(&gate);
  ASSERT_TRUE(longer.Send("GET /a HTTP/1.1\r\n\r\n"));
  EXPECT_THAT(longer.Receive(), StartsWith("HTTP/1.1 431 "));
}

TEST(HeadGate, GivesUpARequestThatDoesNotEnd) {
  HeadGate gate({.time = std::chrono::milliseconds(50)}, Echo);
  const Client client(&gate);
  ASSERT_TRUE(client.Send("GET /h"));
  EXPECT_THAT(client.Receive(), StartsWith("HTTP/1.1 408 "));
}

TEST(HeadGate, ClosesTheOldestWhenThereAreTooMany) {
  HeadGate gate({.connections = 2, .time = std::chrono::hours(1)}, Echo);
  const Client first(&gate);
  const Client second(&gate);
  const Client third(&gate);
  EXPECT_EQ(first.Receive(), "");
  ASSERT_TRUE(second.Send("\r\n\r\n"));
  EXPECT_EQ(second.Receive(), "head of 4");
}

TEST(HeadGate, ClosesWhatWaitsWhenItGoes) {
  auto gate = std::make_unique<HeadGate>(HeadGate::Limits{.time = std::chrono::hours(1)}, Echo);
  const Client client(gate.get());
  gate.reset();
  EXPECT_EQ(client.Receive(), "");
}

}  // namespace
}  // namespace cvxnn::server
