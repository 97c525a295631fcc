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
#include "server/api/upload_id.h"
#include "server/store/checked_file.h"
#include "server/translate/violations.h"

namespace cvxnn::server {
namespace {

// Uploads of fewer bytes are written when they are complete.
constexpr std::int64_t kLeastStagedBytes = std::int64_t{16} << 20;

// What tells one header from another.
std::uint32_t DigestOf(const v1::CreateDatasetHeader& header) {
  const std::string bytes = header.SerializeAsString();
  return Crc32(bytes.data(), bytes.size());
}

// Keeps itself alive from Start to the end of the RPC.
class UploadCall : public grpc::ServerReadReactor<v1::CreateDatasetRequest>,
                   public std::enable_shared_from_this<UploadCall> {
 public:
  UploadCall(const Parts* parts, UploadSessions* sessions, grpc::CallbackServerContext* context, v1::Dataset* response)
      : parts_(*parts),
        sessions_(*sessions),
        context_(*context),
        response_(*response),
        log_(*parts, context, "DatasetService.CreateDataset") {}

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
    if (session_ == nullptr) return Header();
    if (!request_.has_chunk()) {
      return End(absl::InvalidArgumentError("message: must be a chunk, the header was already sent"));
    }
    if (absl::Status status = session_->upload->Add(request_.chunk()); !status.ok()) return End(status);
    if (session_->staged != nullptr) {
      const v1::DatasetArray array = request_.chunk().array();
      session_->staged->Arrived(static_cast<std::size_t>(array) - 1, session_->upload->received_bytes(array));
    }
    const auto bytes = static_cast<std::int64_t>(request_.chunk().data().size());
    const absl::Time now = absl::Now();
    ReadFrom(now + parts_.upload_rates->Pause(log_.caller(), bytes, now));
  }

  void OnDone() override {
    {
      absl::MutexLock lock(&mutex_);
      done_ = true;
    }
    self_.reset();
  }

 private:
  void Read() {
    {
      absl::MutexLock lock(&mutex_);
      waiting_since_ = absl::Now();
    }
    StartRead(&request_);
  }

  // Reads at `when`: a caller who sends faster than he may is held back by gRPC's flow control meanwhile.
  void ReadFrom(absl::Time when) {
    constexpr absl::Duration kLongest = absl::Milliseconds(500);  // a call that was cut does not wait
    const absl::Duration pause = when - absl::Now();
    if (pause <= absl::ZeroDuration() || context_.IsCancelled()) return Read();
    pause_ = std::make_unique<grpc::Alarm>();
    const auto wait = absl::ToChronoMilliseconds(std::min(pause, kLongest)) + std::chrono::milliseconds(1);
    pause_->Set(std::chrono::system_clock::now() + wait,
                [self = shared_from_this(), when](bool) { self->ReadFrom(when); });
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
      bool is_done = false;
      const absl::Status status = RunGuarded([&] { return Begin(request_.header(), &is_done); });
      if (!status.ok() || is_done) return End(status);
      Read();
    });
  }

  // `is_done`: the data set is there, made by an earlier stream whose answer was lost.
  absl::Status Begin(const v1::CreateDatasetHeader& header, bool* is_done) {
    if (absl::Status status = CheckUploadId(header.upload_id(), "header.upload_id"); !status.ok()) return status;
    const std::uint32_t digest = DigestOf(header);
    std::string key;
    if (!header.upload_id().empty()) {
      key_ = {log_.caller().name, header.upload_id(), digest};
      key = UploadKeyText(key_.creator, key_.upload_id);
      auto earlier = parts_.datasets->FindUpload(key_);
      if (earlier.ok()) {
        *is_done = true;
        log_.About(earlier->name());
        return Reply(std::move(earlier), &response_);
      }
      if (!absl::IsNotFound(earlier.status())) return earlier.status();
    }
    auto session = sessions_.Take(key, digest, [weak = weak_from_this()] {
      if (auto call = weak.lock()) call->LetGo();
    });
    if (!session.ok()) return session.status();
    session_ = *std::move(session);
    return session_->upload == nullptr ? BeginNew(header) : absl::OkStatus();
  }

  absl::Status BeginNew(const v1::CreateDatasetHeader& header) {
    session_->dataset_id = header.dataset_id();
    session_->display_name = header.display_name();
    auto upload = Upload::Begin(header, parts_.limits.max_dataset_bytes);
    if (!upload.ok()) return upload.status();
    if (!header.dataset_id().empty()) {
      if (absl::Status status = parts_.datasets->CheckNameFree("datasets/" + header.dataset_id()); !status.ok()) {
        return status;
      }
    }
    // Begin has bounded the sum by max_dataset_bytes, so it fits into an integer.
    const auto bytes = static_cast<std::int64_t>(Upload::PromisedBytes(header));
    if ((*upload)->KeepsWhatArrives()) {
      if (absl::Status quota = CheckBytesQuota(*parts_.database, log_.caller(), bytes); !quota.ok()) return quota;
    }
    if (absl::Status promised = sessions_.Promise(session_.get(), bytes); !promised.ok()) return promised;
    session_->upload = *std::move(upload);
    // Small ones are on disk in a moment.
    if (bytes < kLeastStagedBytes || !session_->upload->KeepsWhatArrives()) return absl::OkStatus();
    return Reply(parts_.datasets->Stage(session_->upload->dataset()), &session_->staged);
  }

  // Another stream goes on with this upload.
  void LetGo() {
    absl::MutexLock lock(&mutex_);
    if (!done_) context_.TryCancel();
  }

  void StreamEnded() {
    if (context_.IsCancelled()) return End(absl::CancelledError("the stream was cut before the upload was complete"));
    if (session_ == nullptr) return End(absl::InvalidArgumentError("message: the stream had no header"));
    if (absl::Status status = session_->upload->CheckComplete(); !status.ok()) return End(status);
    OnPool(parts_.heavy, [this] { End(RunGuarded([this] { return Store(); })); });
  }

  absl::Status Store() {
    // What is stored is wanted: with an upload_id the caller who went away comes back for it.
    const bool wanted = !session_->key.empty();
    const auto caller_left = [this, wanted] { return !wanted && context_.IsCancelled(); };
    auto dataset = session_->upload->Finish(caller_left);
    if (!dataset.ok()) return dataset.status();
    if (caller_left()) return absl::CancelledError("the caller went away before the data set was stored");
    return Reply(StoreDataset(parts_, log_, session_->dataset_id, session_->display_name, *std::move(dataset),
                              std::move(session_->staged), key_),
                 &response_);
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
    const bool takes_disk = session_ != nullptr && session_->staged != nullptr;
    if (takes_disk && parts_.heavy->Submit([this, status] { Conclude(status); })) return;
    Conclude(status);
  }

  void Conclude(const absl::Status& status) {
    // Before the caller hears of it, who may begin again at once.
    if (session_ != nullptr) {
      // What was cut or damaged on its way, or had no time, can go on; what is wrong cannot.
      const bool can_go_on = absl::IsCancelled(status) || absl::IsDeadlineExceeded(status) ||
                             absl::IsUnavailable(status) || (absl::IsDataLoss(status) && !Complete());
      if (can_go_on && session_->upload != nullptr) {
        sessions_.Park(std::move(session_));
      } else {
        sessions_.Drop(std::move(session_));
      }
    }
    log_.Ended(status);
    Finish(ToGrpcStatus(status));
  }

  bool Complete() const { return session_->upload == nullptr || session_->upload->CheckComplete().ok(); }

  const Parts& parts_;
  UploadSessions& sessions_;
  grpc::CallbackServerContext& context_;
  v1::Dataset& response_;
  const CallLog log_;
  v1::CreateDatasetRequest request_;
  std::unique_ptr<UploadSession> session_;  // from the header on
  UploadKey key_;
  std::shared_ptr<UploadCall> self_;
  std::unique_ptr<grpc::Alarm> pause_;

  absl::Mutex mutex_;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  bool done_ ABSL_GUARDED_BY(mutex_) = false;                                  // the context may be gone
  absl::Time waiting_since_ ABSL_GUARDED_BY(mutex_) = absl::InfiniteFuture();  // for a message of the caller
  std::unique_ptr<grpc::Alarm> alarm_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

grpc::ServerReadReactor<v1::CreateDatasetRequest>* StartUploadCall(const Parts* parts, UploadSessions* sessions,
                                                                   grpc::CallbackServerContext* context,
                                                                   v1::Dataset* response) {
  auto call = std::make_shared<UploadCall>(parts, sessions, context, response);
  call->Start();
  return call.get();
}

}  // namespace cvxnn::server
