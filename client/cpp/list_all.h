// SPDX-License-Identifier: Apache-2.0
// Two shapes of call that every kind of resource shares: fetching a list page by page, and deleting.
#pragma once

#include <google/protobuf/empty.pb.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "client/cpp/client_state.h"

namespace cvxnn::client {

/// Fetches pages until the list ends or `limit` entries are there (0: no limit).
template <typename Resource, typename Request, typename Call, typename Entries>
absl::StatusOr<std::vector<Resource>> ListAll(Request request, std::int64_t limit, const Call& call,
                                              const Entries& entries) {
  constexpr std::int64_t kPageSize = 200;
  std::vector<Resource> all;
  while (true) {
    const std::int64_t wanted = limit > 0 ? limit - static_cast<std::int64_t>(all.size()) : kPageSize;
    request.set_page_size(static_cast<int>(std::min(wanted, kPageSize)));
    auto response = call(request);
    if (!response.ok()) return response.status();
    for (Resource& resource : *entries(*response)) all.push_back(std::move(resource));
    const bool enough = limit > 0 && static_cast<std::int64_t>(all.size()) >= limit;
    if (enough || response->next_page_token().empty()) return all;
    request.set_page_token(response->next_page_token());
  }
}

/// Deletes; where an earlier attempt got no answer, NOT_FOUND means that it did its work.
template <typename Stub, typename Request>
absl::Status CallDelete(const ConnectOptions& options, Stub& stub,
                        grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, google::protobuf::Empty*),
                        const Request& request) {
  const absl::Time deadline = absl::Now() + options.timeout;
  return RetryUnary(options.retry, options.timing, std::stop_token(), [&](int attempt) {
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(deadline));
    google::protobuf::Empty response;
    absl::Status status = ToAbslStatus((stub.*method)(&context, request, &response));
    if (attempt > 1 && absl::IsNotFound(status)) return absl::OkStatus();
    return status;
  });
}

}  // namespace cvxnn::client
