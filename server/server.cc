// SPDX-License-Identifier: Apache-2.0
// Puts the rooms together and takes them apart in the reverse order.
#include "server/server.h"

#include <absl/strings/str_cat.h>
#include <absl/time/clock.h>
#include <grpcpp/ext/channelz_service_plugin.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <sys/resource.h>

#include <atomic>
#include <cerrno>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "core/torch/runtime.h"
#include "server/api/dataset_service.h"
#include "server/api/job_service.h"
#include "server/api/model_service.h"
#include "server/api/server_service.h"
#include "server/api/unreadable_request.h"
#include "server/metrics/rpc_metrics.h"
#include "server/metrics/server_metrics.h"

namespace cvxnn::server {
namespace {

constexpr int kQuickThreads = 4;
constexpr int kHeavyThreads = 2;
constexpr std::size_t kMostWaiting = 4096;
// Time that RPCs in flight get once the jobs are safe.
constexpr absl::Duration kLastAnswers = absl::Seconds(2);
// Pings find dead peers behind proxies; the client's library uses the same times.
constexpr int kKeepaliveTimeMs = 30'000;
constexpr int kKeepaliveTimeoutMs = 10'000;
constexpr int kLeastPingIntervalMs = 10'000;
// From accepting a connection to the end of its handshakes (TLS, HTTP/2 settings): whoever takes longer is closed.
constexpr int kHandshakeTimeMs = 10'000;

// Of this thread and of those that it makes. More than 19 is 19.
void GiveWay(int niceness) {
  errno = 0;
  const int own = getpriority(PRIO_PROCESS, 0);
  if (niceness > 0 && errno == 0) setpriority(PRIO_PROCESS, 0, own + niceness);
}

// Process-wide switches of gRPC, which must be set before the first server is built.
void EnablePlugins() {
  static std::once_flag once;
  std::call_once(once, [] {
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
    grpc::channelz::experimental::InitChannelzService();
  });
}

}  // namespace

class Server::Implementation {
 public:
  ~Implementation() { Shutdown(absl::InfinitePast()); }

  absl::Status Start(const Options& options) {
    auto security = Guard(options.listen, options.security);
    if (!security.ok()) return security.status();
    security_ = *std::move(security);
    if (options.data_dir.empty()) return absl::InvalidArgumentError("data_dir: required");
    if (absl::Status status = OpenStores(options); !status.ok()) return status;
    if (absl::Status status = StartJobs(options); !status.ok()) return status;
    // Threads inherit the niceness of the one that makes them; those of jobs are there.
    absl::Status listening;
    std::thread([&] {
      GiveWay(options.call_niceness);
      listening = Listen(options);
    }).join();
    return listening;
  }

  void Shutdown(absl::Time deadline) {
    const std::lock_guard<std::mutex> one_at_a_time(shutdown_mutex_);
    ready_ = false;
    if (rpc_ == nullptr) return;
    if (auto* health = rpc_->GetHealthCheckService()) health->SetServingStatus(false);
    manager_->Drain(deadline);
    streams_.EndAll();
    rpc_->Shutdown(absl::ToChronoTime(absl::Now() + kLastAnswers));
    rpc_->Wait();
    rpc_.reset();
  }

  const std::string& address() const { return address_; }
  bool ready() const { return ready_; }
  std::string Metrics() const { return metrics_.Text(); }

 private:
  absl::Status OpenStores(const Options& options) {
    auto database = Database::Open(options.data_dir);
    if (!database.ok()) return database.status();
    database_ = *std::move(database);
    auto datasets = DatasetStore::Open(database_);
    if (!datasets.ok()) return datasets.status();
    datasets_ = *std::move(datasets);
    auto models = ModelStore::Open(database_);
    if (!models.ok()) return models.status();
    models_ = *std::move(models);
    auto checkpoints = CheckpointStore::Open(database_);
    if (!checkpoints.ok()) return checkpoints.status();
    checkpoints_ = *std::move(checkpoints);
    jobs_ = std::make_unique<JobStore>(database_);
    resident_ = std::make_unique<ResidentDatasets>(
        ResidentDatasets::Source{[store = datasets_.get()](const std::string& name) { return store->Identify(name); },
                                 [store = datasets_.get()](const std::string& name, const std::string& uid) {
                                   return store->Load(name, uid);
                                 }},
        options.resident_bytes);
    admission_ = std::make_unique<MemoryAdmission>(resident_.get());
    return absl::OkStatus();
  }

  absl::Status StartJobs(const Options& options) {
    JobManager::Options job_options;
    job_options.max_queued_jobs = options.limits.max_queued_jobs;
    job_options.running_jobs_per_device = options.limits.running_jobs_per_device;
    job_options.retention = options.limits.job_retention;
    job_options.compute_threads = options.compute_threads;
    job_options.checkpoint_interval = options.checkpoint_interval;
    job_options.trainer = options.trainer;
    if (options.compute_threads > 0) SetComputeThreads(options.compute_threads);
    auto manager = JobManager::Start(
        {jobs_.get(), models_.get(), checkpoints_.get(), resident_.get(), &devices_, admission_.get()},
        std::move(job_options));
    if (!manager.ok()) return manager.status();
    manager_ = *std::move(manager);
    parts_.datasets = datasets_.get();
    parts_.jobs = jobs_.get();
    parts_.models = models_.get();
    parts_.resident = resident_.get();
    parts_.devices = &devices_;
    parts_.database = database_.get();
    parts_.authenticator = security_.authenticator.get();
    parts_.upload_rates = &upload_rates_;
    parts_.encodings = &encodings_;
    parts_.quota = options.quota;
    parts_.admission = admission_.get();
    parts_.manager = manager_.get();
    parts_.streams = &streams_;
    parts_.limits = options.limits;
    parts_.import_root = options.import_root;
    parts_.start_time = absl::Now();
    return absl::OkStatus();
  }

  absl::Status Listen(const Options& options) {
    EnablePlugins();
    quick_ = std::make_unique<WorkerPool>(kQuickThreads, kMostWaiting);
    parts_.quick = quick_.get();
    parts_.heavy = &heavy_;
    dataset_service_ = std::make_unique<DatasetService>(&parts_, options.limits);
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort(options.listen, security_.credentials, &port);
    // Otherwise a second server would silently share the port.
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveTimeMs);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, kLeastPingIntervalMs);
    builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, kHandshakeTimeMs);
    builder.SetMaxReceiveMessageSize(static_cast<int>(kMaxMessageBytes));
    std::vector<std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>> interceptors;
    // On the way out they run in this order: counted is what the client gets.
    interceptors.push_back(NameUnreadableRequests());
    interceptors.push_back(CountRpcs(metrics_.rpcs()));
    builder.experimental().SetInterceptorCreators(std::move(interceptors));
    builder.RegisterService(dataset_service_.get());
    builder.RegisterService(&job_service_);
    builder.RegisterService(&model_service_);
    builder.RegisterService(&server_service_);
    rpc_ = builder.BuildAndStart();
    if (rpc_ == nullptr || port == 0) {
      rpc_.reset();
      return absl::UnavailableError(absl::StrCat("listen = \"", options.listen, "\": cannot be bound"));
    }
    address_ = absl::StrCat(options.listen.substr(0, options.listen.rfind(':')), ":", port);
    if (auto* health = rpc_->GetHealthCheckService()) {
      // Also serves "", the server as a whole.
      for (const char* service : {v1::DatasetService::service_full_name(), v1::JobService::service_full_name(),
                                  v1::ModelService::service_full_name(), v1::ServerService::service_full_name()}) {
        health->SetServingStatus(service, true);
      }
    }
    metrics_.AddState({database_.get(), models_.get(), resident_.get(), &devices_, &manager_->log(), CVXNN_VERSION,
                       parts_.start_time});
    ready_ = true;
    return absl::OkStatus();
  }

  // In the order of construction; destroyed in reverse, after the RPC server is gone.
  const DeviceList devices_ = DeviceList::Detect();
  std::shared_ptr<Database> database_;
  std::unique_ptr<DatasetStore> datasets_;
  std::unique_ptr<ModelStore> models_;
  std::unique_ptr<CheckpointStore> checkpoints_;
  std::unique_ptr<JobStore> jobs_;
  std::unique_ptr<ResidentDatasets> resident_;
  std::unique_ptr<MemoryAdmission> admission_;
  std::unique_ptr<JobManager> manager_;
  Security security_;
  OpenStreams streams_;
  UploadRates upload_rates_;
  EventEncodings encodings_;
  std::unique_ptr<WorkerPool> quick_;
  // As nice as jobs: OpenBLAS lets one product at a time run, which must not wait for a processor while a job waits.
  WorkerPool heavy_{kHeavyThreads, kMostWaiting};
  Parts parts_;
  std::unique_ptr<DatasetService> dataset_service_;
  JobService job_service_{&parts_};
  ModelService model_service_{&parts_};
  ServerService server_service_{&parts_};
  ServerMetrics metrics_;
  std::mutex shutdown_mutex_;
  std::unique_ptr<grpc::Server> rpc_;
  std::string address_;
  std::atomic<bool> ready_ = false;
};

Server::Server(std::unique_ptr<Implementation> implementation) : implementation_(std::move(implementation)) {}
Server::~Server() = default;

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const Options& options) {
  auto implementation = std::make_unique<Implementation>();
  if (absl::Status status = implementation->Start(options); !status.ok()) return status;
  return std::unique_ptr<Server>(new Server(std::move(implementation)));
}

const std::string& Server::address() const { return implementation_->address(); }
std::string Server::Metrics() const { return implementation_->Metrics(); }
bool Server::ready() const { return implementation_->ready(); }
void Server::Shutdown(absl::Time deadline) { implementation_->Shutdown(deadline); }

}  // namespace cvxnn::server
