// SPDX-License-Identifier: Apache-2.0
// Reads the wire format of WatchJobResponse just so far as it needs; see watcher.h.
#include "bench/load/watcher.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include <algorithm>

#include "cvxnn/v1/job_service.pb.h"

namespace cvxnn::bench {
namespace {

using google::protobuf::internal::WireFormatLite;
constexpr auto kSlowPause = std::chrono::milliseconds(100);
constexpr char kWatchJob[] = "/cvxnn.v1.JobService/WatchJob";

grpc::ByteBuffer Bytes(const std::string& text) {
  const grpc::Slice slice(text);
  return {&slice, 1};
}

// The first field with this number of a message, as a varint; 0 when it is not there.
std::uint64_t FirstVarint(const std::string& message, int number) {
  google::protobuf::io::CodedInputStream input(reinterpret_cast<const std::uint8_t*>(message.data()),
                                               static_cast<int>(message.size()));
  while (const std::uint32_t tag = input.ReadTag()) {
    if (WireFormatLite::GetTagFieldNumber(tag) == number) {
      std::uint64_t value = 0;
      return input.ReadVarint64(&value) ? value : 0;
    }
    if (!WireFormatLite::SkipField(&input, tag)) return 0;
  }
  return 0;
}

}  // namespace

double Now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

std::shared_ptr<grpc::Channel> OwnConnection(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

Watcher::Watcher(const std::string& address, const std::string& job, Pace pace, bool timed)
    : pace_(pace), timed_(timed), stub_(OwnConnection(address)) {
  v1::WatchJobRequest request;
  request.set_name(job);
  request_ = Bytes(request.SerializeAsString());
  context_.set_wait_for_ready(true);
  stub_.PrepareBidiStreamingCall(&context_, kWatchJob, grpc::StubOptions(), this);
  StartWriteLast(&request_, grpc::WriteOptions());
  StartRead(&message_);
  AddHold();  // so that a stalled stream is not done while nothing is outstanding
  StartCall();
}

void Watcher::LetGo() {
  pace_ = Pace::kQuick;
  if (waiting_.exchange(false)) StartRead(&message_);
}

void Watcher::OnReadDone(bool ok) {
  if (!ok) return RemoveHold();
  Count(message_);
  Next();
}

void Watcher::Next() {
  switch (pace_.load()) {
    case Pace::kQuick:
      return StartRead(&message_);
    case Pace::kSlow:
      return alarm_.Set(std::chrono::system_clock::now() + kSlowPause, [this](bool) { StartRead(&message_); });
    case Pace::kStalled:
      waiting_ = true;
      // Let go in between?
      if (pace_ == Pace::kQuick && waiting_.exchange(false)) StartRead(&message_);
  }
}

void Watcher::Count(const grpc::ByteBuffer& message) {
  grpc::Slice slice;
  if (!message.DumpToSingleSlice(&slice).ok()) return;
  ++messages_;
  const std::string bytes(reinterpret_cast<const char*>(slice.begin()), slice.size());
  if (timed_) {
    v1::WatchJobResponse event;
    if (event.ParseFromString(bytes) && event.has_metrics()) {
      lags_.push_back(Now() - event.metrics().epochs().rbegin()->seconds());
    }
  }
  google::protobuf::io::CodedInputStream input(reinterpret_cast<const std::uint8_t*>(bytes.data()),
                                               static_cast<int>(bytes.size()));
  std::int64_t sequence = 0, first = 0;
  while (const std::uint32_t tag = input.ReadTag()) {
    const int number = WireFormatLite::GetTagFieldNumber(tag);
    if (number == v1::WatchJobResponse::kSequenceFieldNumber) {
      std::uint64_t value = 0;
      input.ReadVarint64(&value);
      sequence = static_cast<std::int64_t>(value);
      continue;
    }
    std::string inner;
    if (!WireFormatLite::ReadBytes(&input, &inner)) return;
    if (number == v1::WatchJobResponse::kMetricsFieldNumber) {
      first = static_cast<std::int64_t>(FirstVarint(inner, v1::MetricsBatch::kFirstSequenceFieldNumber));
    } else if (number == v1::WatchJobResponse::kStateChangeFieldNumber) {
      first = sequence;
    } else if (number == v1::WatchJobResponse::kEndFieldNumber) {
      ended_ = true;
    }
  }
  if (first == 0) return;
  missing_ += first - last_ - 1;
  records_ += sequence - first + 1;
  last_ = sequence;
}

}  // namespace cvxnn::bench
