// SPDX-License-Identifier: Apache-2.0
// One event is turned into bytes once, however many ask for it.
#include "server/api/event_encodings.h"

#include <grpcpp/support/proto_buffer_reader.h>
#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace cvxnn::server {
namespace {

std::shared_ptr<v1::WatchJobResponse> MakeEvent(std::int64_t sequence) {
  auto event = std::make_shared<v1::WatchJobResponse>();
  event->set_sequence(sequence);
  event->mutable_metrics()->set_first_sequence(sequence);
  event->mutable_metrics()->add_epochs()->set_epoch(sequence);
  return event;
}

std::string Text(const grpc::ByteBuffer& bytes) {
  grpc::Slice slice;
  EXPECT_TRUE(bytes.DumpToSingleSlice(&slice).ok());
  return {reinterpret_cast<const char*>(slice.begin()), slice.size()};
}

TEST(EventEncodings, AreMadeOnceForAllWhoAsk) {
  EventEncodings encodings;
  const EventEncodings::Event event = MakeEvent(7);
  {
    std::vector<std::jthread> watchers;
    for (int i = 0; i < 8; ++i) {
      watchers.emplace_back([&] { EXPECT_EQ(Text(*encodings.Get(event)), event->SerializeAsString()); });
    }
  }
  EXPECT_EQ(encodings.made(), 1);
}

TEST(EventEncodings, ForgetTheOldest) {
  EventEncodings encodings;
  const EventEncodings::Event first = MakeEvent(1);
  encodings.Get(first);
  for (int i = 2; i <= 1000; ++i) {
    // Objects that are gone may leave their address to later ones.
    const EventEncodings::Event event = MakeEvent(i);
    EXPECT_EQ(Text(*encodings.Get(event)), event->SerializeAsString());
  }
  EXPECT_EQ(encodings.made(), 1000);
  EXPECT_LT(first.use_count(), 2);
  EXPECT_EQ(Text(*encodings.Get(first)), first->SerializeAsString());
  EXPECT_EQ(encodings.made(), 1001);
}

}  // namespace
}  // namespace cvxnn::server
