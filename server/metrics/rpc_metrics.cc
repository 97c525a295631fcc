// SPDX-License-Identifier: Apache-2.0
// See rpc_metrics.h.
#include "server/metrics/rpc_metrics.h"

#include <absl/strings/str_replace.h>
#include <absl/strings/strip.h>
#include <absl/time/clock.h>
#include <absl/time/time.h>
#include <google/protobuf/descriptor.h>
#include <prometheus/counter.h>
#include <prometheus/histogram.h>

#include <array>
#include <string>

namespace cvxnn::server {
namespace {

using grpc::experimental::InterceptionHookPoints;
using grpc::experimental::ServerRpcInfo;
using prometheus::Counter;
using prometheus::Family;
using prometheus::Histogram;
using prometheus::Labels;

// go-grpc-prometheus' default, those of Prometheus' own clients. Unit: seconds.
const Histogram::BucketBoundaries kBuckets = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};

// Codes as go spells them, by number.
constexpr std::array kCodes = {
    "OK",       "Canceled",       "Unknown",          "InvalidArgument",   "DeadlineExceeded",
    "NotFound", "AlreadyExists",  "PermissionDenied", "ResourceExhausted", "FailedPrecondition",
    "Aborted",  "OutOfRange",     "Unimplemented",    "Internal",          "Unavailable",
    "DataLoss", "Unauthenticated"};

const char* TypeName(ServerRpcInfo::Type type) {
  switch (type) {
    case ServerRpcInfo::Type::UNARY:
      return "unary";
    case ServerRpcInfo::Type::CLIENT_STREAMING:
      return "client_stream";
    case ServerRpcInfo::Type::SERVER_STREAMING:
      return "server_stream";
    case ServerRpcInfo::Type::BIDI_STREAMING:
      return "bidi_stream";
  }
  return "unknown";
}

// "/cvxnn.v1.JobService/GetJob" as labels. A client may ask for any name: labels that it could choose would fill
// memory.
Labels LabelsOf(const ServerRpcInfo& info) {
  const std::string path(absl::StripPrefix(info.method(), "/"));
  const std::size_t slash = path.find('/');
  std::string service = path.substr(0, slash);
  std::string method = slash == std::string::npos ? "" : path.substr(slash + 1);
  const auto* pool = google::protobuf::DescriptorPool::generated_pool();
  const bool known = service == "grpc.health.v1.Health" ? method == "Check" || method == "Watch"
                                                        : pool->FindMethodByName(service + "." + method) != nullptr;
  if (!known) service = method = "unknown";
  return {{"grpc_type", TypeName(info.type())}, {"grpc_service", service}, {"grpc_method", method}};
}

struct Families {
  explicit Families(prometheus::Registry* registry)
      : started(prometheus::BuildCounter()
                    .Name("grpc_server_started_total")
                    .Help("RPCs started on the server.")
                    .Register(*registry)),
        handled(prometheus::BuildCounter()
                    .Name("grpc_server_handled_total")
                    .Help("RPCs completed on the server, regardless of success or failure.")
                    .Register(*registry)),
        received(prometheus::BuildCounter()
                     .Name("grpc_server_msg_received_total")
                     .Help("Messages of RPCs received on the server.")
                     .Register(*registry)),
        sent(prometheus::BuildCounter()
                 .Name("grpc_server_msg_sent_total")
                 .Help("Messages of RPCs sent by the server.")
                 .Register(*registry)),
        seconds(prometheus::BuildHistogram()
                    .Name("grpc_server_handling_seconds")
                    .Help("Time from the start of an RPC to its status.")
                    .Register(*registry)) {}
  Family<Counter>& started;
  Family<Counter>& handled;
  Family<Counter>& received;
  Family<Counter>& sent;
  Family<Histogram>& seconds;
};

// One RPC.
class Interceptor : public grpc::experimental::Interceptor {
 public:
  Interceptor(Families* families, const ServerRpcInfo& info)
      : families_(families),
        labels_(LabelsOf(info)),
        received_(families->received.Add(labels_)),
        sent_(families->sent.Add(labels_)),
        start_(absl::Now()) {
    families_->started.Add(labels_).Increment();
  }
  ~Interceptor() override {
    if (!handled_) Handled(grpc::StatusCode::CANCELLED);
  }

  void Intercept(grpc::experimental::InterceptorBatchMethods* methods) override {
    if (methods->QueryInterceptionHookPoint(InterceptionHookPoints::POST_RECV_MESSAGE) &&
        methods->GetRecvMessage() != nullptr) {
      received_.Increment();
    }
    if (methods->QueryInterceptionHookPoint(InterceptionHookPoints::PRE_SEND_MESSAGE)) sent_.Increment();
    if (methods->QueryInterceptionHookPoint(InterceptionHookPoints::PRE_SEND_STATUS)) {
      Handled(methods->GetSendStatus().error_code());
    }
    methods->Proceed();
  }

 private:
  void Handled(grpc::StatusCode code) {
    handled_ = true;
    Labels labels = labels_;
    const auto number = static_cast<std::size_t>(code);
    labels["grpc_code"] = number < kCodes.size() ? kCodes[number] : "Unknown";
    families_->handled.Add(labels).Increment();
    families_->seconds.Add(labels_, kBuckets).Observe(absl::ToDoubleSeconds(absl::Now() - start_));
  }

  Families* const families_;
  const Labels labels_;
  Counter& received_;
  Counter& sent_;
  const absl::Time start_;
  bool handled_ = false;
};

class Factory : public grpc::experimental::ServerInterceptorFactoryInterface {
 public:
  explicit Factory(prometheus::Registry* registry) : families_(registry) {}
  grpc::experimental::Interceptor* CreateServerInterceptor(ServerRpcInfo* info) override {
    return new Interceptor(&families_, *info);
  }

 private:
  Families families_;
};

}  // namespace

std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> CountRpcs(prometheus::Registry* registry) {
  return std::make_unique<Factory>(registry);
}

}  // namespace cvxnn::server
