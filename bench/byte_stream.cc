// SPDX-License-Identifier: Apache-2.0
// Both ends of the bare stream: the server with gRPC's callback API as cvxnn-server uses it, the client with the
// synchronous one as the client library does for uploads.
#include "bench/byte_stream.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <signal.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>

#include "bench/must.h"

namespace cvxnn::bench {
namespace {

class SinkCall final : public grpc::ServerReadReactor<Bytes> {
 public:
  explicit SinkCall(Count* count) : count_(*count) { StartRead(&bytes_); }
  void OnReadDone(bool ok) override {
    if (!ok) return Finish(grpc::Status::OK);
    count_.set_bytes(count_.bytes() + static_cast<std::int64_t>(bytes_.data().size()));
    StartRead(&bytes_);
  }
  void OnDone() override { delete this; }

 private:
  Count& count_;
  Bytes bytes_;
};

class SourceCall final : public grpc::ServerWriteReactor<Bytes> {
 public:
  explicit SourceCall(const SourceRequest& request)
      : left_(request.total_bytes()), source_(static_cast<std::size_t>(request.chunk_bytes()), 'x') {
    Next();
  }
  void OnWriteDone(bool ok) override { ok ? Next() : Finish(grpc::Status::CANCELLED); }
  void OnDone() override { delete this; }

 private:
  void Next() {
    if (left_ == 0) return Finish(grpc::Status::OK);
    const auto size = std::min(left_, static_cast<std::int64_t>(source_.size()));
    bytes_.mutable_data()->assign(source_, 0, static_cast<std::size_t>(size));
    left_ -= size;
    StartWrite(&bytes_);
  }

  std::int64_t left_;
  const std::string source_;
  Bytes bytes_;
};

class Service final : public ByteStream::CallbackService {
  grpc::ServerReadReactor<Bytes>* Sink(grpc::CallbackServerContext*, Count* count) override {
    return new SinkCall(count);
  }
  grpc::ServerWriteReactor<Bytes>* Source(grpc::CallbackServerContext*, const SourceRequest* request) override {
    return new SourceCall(*request);
  }
};

}  // namespace

int ServeByteStream() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  Service service;
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&service);
  const auto server = builder.BuildAndStart();
  if (server == nullptr) return EXIT_FAILURE;
  std::cout << "listening on 127.0.0.1:" << port << std::endl;
  int signal = 0;
  sigwait(&signals, &signal);
  server->Shutdown();
  return EXIT_SUCCESS;
}

ByteStreamClient::ByteStreamClient(const std::string& address)
    : stub_(ByteStream::NewStub(grpc::CreateChannel(address, grpc::InsecureChannelCredentials()))) {}

void ByteStreamClient::Send(std::span<const char> bytes, std::int64_t chunk_bytes) {
  grpc::ClientContext context;
  Count count;
  const auto writer = stub_->Sink(&context, &count);
  Bytes message;
  bool open = true;
  for (std::size_t offset = 0; open && offset < bytes.size();) {
    const std::size_t size = std::min(static_cast<std::size_t>(chunk_bytes), bytes.size() - offset);
    message.mutable_data()->assign(bytes.data() + offset, size);
    open = writer->Write(message);
    offset += size;
  }
  writer->WritesDone();
  const grpc::Status status = writer->Finish();
  Require(status.ok() && count.bytes() == static_cast<std::int64_t>(bytes.size()),
          "bare byte stream: " + status.error_message());
}

void ByteStreamClient::Receive(std::int64_t total_bytes, std::int64_t chunk_bytes) {
  grpc::ClientContext context;
  SourceRequest request;
  request.set_total_bytes(total_bytes);
  request.set_chunk_bytes(chunk_bytes);
  const auto reader = stub_->Source(&context, request);
  Bytes message;
  std::int64_t received = 0;
  while (reader->Read(&message)) received += static_cast<std::int64_t>(message.data().size());
  const grpc::Status status = reader->Finish();
  Require(status.ok() && received == total_bytes, "bare byte stream: " + status.error_message());
}

}  // namespace cvxnn::bench
