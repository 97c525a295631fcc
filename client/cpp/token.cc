// SPDX-License-Identifier: Apache-2.0
// See token.h.
#include "client/cpp/token.h"

#include <absl/strings/str_cat.h>

#include <utility>

namespace cvxnn::client {
namespace {

using grpc::experimental::ClientInterceptorFactoryInterface;
using grpc::experimental::ClientRpcInfo;
using grpc::experimental::InterceptionHookPoints;
using grpc::experimental::Interceptor;
using grpc::experimental::InterceptorBatchMethods;

class AddsHeader : public Interceptor {
 public:
  explicit AddsHeader(std::string value) : value_(std::move(value)) {}
  void Intercept(InterceptorBatchMethods* methods) override {
    if (methods->QueryInterceptionHookPoint(InterceptionHookPoints::PRE_SEND_INITIAL_METADATA)) {
      methods->GetSendInitialMetadata()->emplace("authorization", value_);
    }
    methods->Proceed();
  }

 private:
  const std::string value_;
};

class AddsHeaderToEach : public ClientInterceptorFactoryInterface {
 public:
  explicit AddsHeaderToEach(std::string value) : value_(std::move(value)) {}
  // gRPC takes what it is given.
  Interceptor* CreateClientInterceptor(ClientRpcInfo*) override { return new AddsHeader(value_); }

 private:
  const std::string value_;
};

}  // namespace

std::vector<std::unique_ptr<ClientInterceptorFactoryInterface>> ShowToken(const std::string& token) {
  std::vector<std::unique_ptr<ClientInterceptorFactoryInterface>> interceptors;
  if (!token.empty()) interceptors.push_back(std::make_unique<AddsHeaderToEach>(absl::StrCat("Bearer ", token)));
  return interceptors;
}

}  // namespace cvxnn::client
