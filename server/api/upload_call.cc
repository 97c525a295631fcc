// SPDX-License-Identifier: Apache-2.0
// The reactor of an upload. One read is outstanding; chunks are checked and copied in the reaction (a memcpy and a
// CRC), everything that touches the disk or whole arrays runs on a pool while no read is outstanding.
#include "server/api/upload_call.h"

#include <absl/base/thread_annotations.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/synchronization/mutex.h>
#include <absl/time/clock.h>
#include <absl/time/time.h>
#include <grpcpp/alarm.h>

#include <chrono>
#include <memory>
#include <utility>

#include "server/api/call_log.h"
#include "server/api/status.h"
#include "server/api/store_dataset.h"
#include "server/api/unary_call.h"
#include "server/api/upload.h"
#include "server/translate/violations.h"

namespace cvxnn::server {
namespace {

// Uploads of fewer bytes are written when they are complete.
constexpr std::int64_t kLeastStagedBytes = std::int64_t{16} << 20;

// Keeps itself alive from Start to the end of the RPC.
class UploadCall : public grpc::ServerReadReactor<v1::CreateDatasetRequest>,
                   public std::enable_shared_from_this<UploadCall> {
 public:
  UploadCall(const Parts* parts, std::atomic<std::int64_t>* promised_bytes, grpc::CallbackServerContext* context,
             v1::Dataset* response)
      : parts_(*parts),
        promised_bytes_(*promised_bytes),
        context_(*context),
        response_(*response),
        log_(context, "DatasetService.CreateDataset") {}

  /// Begins to read; the call must be held by a shared_ptr.
  void Start() {
    self_ = shared_from_this();
    Read();
    absl::MutexLock lock(&mutex_);
    SetAlarm();
  }

  void OnReadDone(bool ok) override {
    {
      absl::MutexLock lock(&mutex_);
      waiting_since_ = absl::InfiniteFuture();
      if (ended_) return;
    }
    if (!ok) return StreamEnded();
    if (upload_ == nullptr) return Header();
    absl::Status status;
    if (request_.has_chunk()) {
      status = upload_->Add(request_.chunk());
      if (status.ok() && staged_ != nullptr) {
        const v1::DatasetArray array = request_.chunk().array();
        staged_->Arrived(static_cast<std::size_t>(array) - 1, upload_->received_bytes(array));
      }
    } else {
      status = absl::InvalidArgumentError("message: must be a chunk, the header was already sent");
    }
    if (!status.ok()) return End(status);
    Read();
  }

  void OnDone() override { self_.reset(); }

 private:
  void Read() {
    {
      absl::MutexLock lock(&mutex_);
      waiting_since_ = absl::Now();
    }
    StartRead(&request_);
  }

  // One alarm for the whole call, which looks again when a message came meanwhile: none is set for each message.
  void SetAlarm() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const absl::Time now = absl::Now();
    const absl::Duration wait = std::min(waiting_since_, now) + parts_.limits.upload_idle_timeout - now;
    alarm_ = std::make_unique<grpc::Alarm>();
    alarm_->Set(std::chrono::system_clock::now() + absl::ToChronoMilliseconds(wait) + std::chrono::milliseconds(1),
                [weak = weak_from_this()](bool fired) {
                  if (auto call = fired ? weak.lock() : nullptr) call->CheckIdle();
                });
  }

  // A caller that went silent must not keep others from uploading.
  void CheckIdle() {
    const absl::Duration most = parts_.limits.upload_idle_timeout;
    {
      absl::MutexLock lock(&mutex_);
      if (ended_) return;
      if (absl::Now() - waiting_since_ < most) return SetAlarm();
      ended_ = true;
    }
    Answer(absl::DeadlineExceededError(absl::StrCat("no message came for ", absl::FormatDuration(most))));
  }

  void Header() {
    if (!request_.has_header()) return End(absl::InvalidArgumentError("message: the first must be the header"));
    OnPool(parts_.quick, [this] {
      const absl::Status status = RunGuarded([this] { return Begin(request_.header()); });
      if (!status.ok()) return End(status);
      Read();
    });
  }

  absl::Status Begin(const v1::CreateDatasetHeader& header) {
    id_ = header.dataset_id();
    display_name_ = header.display_name();
    auto upload = Upload::Begin(header, parts_.limits.max_dataset_bytes);
    if (!upload.ok()) return upload.status();
    if (!id_.empty()) {
      if (absl::Status status = parts_.datasets->CheckNameFree("datasets/" + id_); !status.ok()) return status;
    }
    // Begin has bounded the sum by max_dataset_bytes, so it fits into an integer.
    const auto bytes = static_cast<std::int64_t>(Upload::PromisedBytes(header));
    if (promised_bytes_.fetch_add(bytes) + bytes > parts_.limits.max_dataset_bytes) {
      promised_bytes_ -= bytes;
      return QuotaExceeded("max_dataset_bytes",
                           absl::StrFormat("%d bytes are needed, but other uploads in progress leave less of the %d: "
                                           "try again later",
                                           bytes, parts_.limits.max_dataset_bytes));
    }
    counted_bytes_ = bytes;
    upload_ = *std::move(upload);
    // Small ones are on disk in a moment.
    if (bytes < kLeastStagedBytes || !upload_->KeepsWhatArrives()) return absl::OkStatus();
    return Reply(parts_.datasets->Stage(upload_->dataset()), &staged_);
  }

  void StreamEnded() {
    if (context_.IsCancelled()) return End(absl::CancelledError("the stream was cut before the upload was complete"));
    if (upload_ == nullptr) return End(absl::InvalidArgumentError("message: the stream had no header"));
    if (absl::Status status = upload_->CheckComplete(); !status.ok()) return End(status);
    OnPool(parts_.heavy, [this] { End(RunGuarded([this] { return Store(); })); });
  }

  absl::Status Store() {
    auto dataset = upload_->Finish([this] { return context_.IsCancelled(); });
    if (!dataset.ok()) return dataset.status();
    if (context_.IsCancelled()) return absl::CancelledError("the caller went away before the data set was stored");
    return Reply(StoreDataset(parts_, id_, display_name_, *std::move(dataset), std::move(staged_)), &response_);
  }

  void OnPool(WorkerPool* pool, std::function<void()> task) {
    if (!pool->Submit(std::move(task))) End(TooManyWaiting());
  }

  // Called while no read is outstanding, so never at the same time as CheckIdle ends the call.
  void End(const absl::Status& status) {
    {
      absl::MutexLock lock(&mutex_);
      ended_ = true;
    }
    Answer(status);
  }

  void Answer(const absl::Status& status) {
    // Removing what was written so far takes the disk.
    if (staged_ != nullptr && parts_.heavy->Submit([this, status] { Conclude(status); })) return;
    Conclude(status);
  }

  void Conclude(const absl::Status& status) {
    // Before the caller hears of it, who may begin again at once.
    staged_.reset();
    upload_.reset();
    promised_bytes_ -= counted_bytes_;
    log_.Ended(status);
    Finish(ToGrpcStatus(status));
  }

  const Parts& parts_;
  std::atomic<std::int64_t>& promised_bytes_;
  grpc::CallbackServerContext& context_;
  v1::Dataset& response_;
  const CallLog log_;
  v1::CreateDatasetRequest request_;
  std::unique_ptr<Upload> upload_;
  std::unique_ptr<StagedArrays> staged_;  // reads the memory of upload_
  std::int64_t counted_bytes_ = 0;
  std::string id_;
  std::string display_name_;
  std::shared_ptr<UploadCall> self_;

  absl::Mutex mutex_;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Time waiting_since_ ABSL_GUARDED_BY(mutex_) = absl::InfiniteFuture();  // for a message of the caller
  std::unique_ptr<grpc::Alarm> alarm_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

grpc::ServerReadReactor<v1::CreateDatasetRequest>* StartUploadCall(const Parts* parts,
                                                                   std::atomic<std::int64_t>* promised_bytes,
                                                                   grpc::CallbackServerContext* context,
                                                                   v1::Dataset* response) {
  auto call = std::make_shared<UploadCall>(parts, promised_bytes, context, response);
  call->Start();
  return call.get();
}

}  // namespace cvxnn::server
