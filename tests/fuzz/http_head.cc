// SPDX-License-Identifier: Apache-2.0
// Bytes sent to the HTTP port: it answers or closes, and answers the next.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/web/http_server.h"
#include "tests/fuzz/fuzz_target.h"

namespace {

std::string Exchange(int port, std::string_view request) {
  using cvxnn::fuzz::Promise;
  const int connection = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  Promise(connect(connection, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0, "the port accepts");
  (void)send(connection, request.data(), request.size(), MSG_NOSIGNAL);
  shutdown(connection, SHUT_WR);
  std::string answer;
  char buffer[4096];
  for (ssize_t got = 0; (got = recv(connection, buffer, sizeof buffer, 0)) > 0;) {
    answer.append(buffer, static_cast<std::size_t>(got));
  }
  // Closed by a reset: tens of thousands of connections a minute would leave no port free.
  const linger none{1, 0};
  setsockopt(connection, SOL_SOCKET, SO_LINGER, &none, sizeof none);
  close(connection);
  return answer;
}

}  // namespace

CVXNN_FUZZ_TARGET(http_head) {
  using namespace cvxnn;
  static const auto server = *server::HttpServer::Start("127.0.0.1:0", {.ready = [] { return true; },
                                                                        .metrics = [] { return std::string("a 1\n"); },
                                                                        .metrics_content_type = "text/plain"});
  static const int port = std::stoi(server->address().substr(server->address().rfind(':') + 1));
  const std::string answer = Exchange(port, input);
  fuzz::Promise(answer.empty() || answer.rfind("HTTP/1.", 0) == 0, "an answer is one of HTTP");
  static int exchanges = 0;
  if (++exchanges % 64 == 0) {
    fuzz::Promise(Exchange(port, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n").rfind("HTTP/1.1 200", 0) == 0,
                  "others are answered");
  }
}
