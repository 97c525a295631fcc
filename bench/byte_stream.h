// SPDX-License-Identifier: Apache-2.0
// A bare gRPC byte stream in both directions: no checks, no disk, every chunk copied once into its message.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "byte_stream.grpc.pb.h"

namespace cvxnn::bench {

/// Serves on a free loopback port, says "listening on ADDRESS" on stdout, and ends with SIGTERM. Gives the exit status.
int ServeByteStream();

/// The other end of it. Not thread-safe.
class ByteStreamClient {
 public:
  explicit ByteStreamClient(const std::string& address);
  /// Sends `bytes` in chunks; returns once the server has counted them all.
  void Send(std::span<const char> bytes, std::int64_t chunk_bytes);
  /// Receives so many bytes and drops them.
  void Receive(std::int64_t total_bytes, std::int64_t chunk_bytes);

 private:
  std::unique_ptr<ByteStream::Stub> stub_;
};

}  // namespace cvxnn::bench
