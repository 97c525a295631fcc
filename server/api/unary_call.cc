// SPDX-License-Identifier: Apache-2.0
// See unary_call.h.
#include "server/api/unary_call.h"

#include <absl/strings/str_cat.h>

#include <exception>
#include <utility>

namespace cvxnn::server {

absl::Status RunGuarded(const std::function<absl::Status()>& work) {
  try {
    return work();
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError("the server has not enough memory for this request");
  } catch (const std::exception& error) {
    return absl::InternalError(absl::StrCat("unexpected: ", error.what()));
  }
}

grpc::ServerUnaryReactor* AnswerLater(WorkerPool* pool, grpc::CallbackServerContext* context, CallLog log,
                                      std::function<void(Done done)> work) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const Done finish = [reactor, log](const absl::Status& status) {
    log.Ended(status);
    reactor->Finish(ToGrpcStatus(status));
  };
  const bool accepted = pool->Submit([finish, context, work = std::move(work)] {
    // The caller may have gone while this waited.
    if (context->IsCancelled()) return finish(absl::CancelledError("the caller went away"));
    const absl::Status begun = RunGuarded([&] {
      work(finish);
      return absl::OkStatus();
    });
    if (!begun.ok()) finish(begun);
  });
  if (!accepted) finish(TooManyWaiting());
  return reactor;
}

grpc::ServerUnaryReactor* AnswerFrom(WorkerPool* pool, grpc::CallbackServerContext* context, CallLog log,
                                     std::function<absl::Status()> work) {
  return AnswerLater(pool, context, std::move(log), [work = std::move(work)](const Done& done) { done(work()); });
}

}  // namespace cvxnn::server
