// SPDX-License-Identifier: Apache-2.0
// The C++ client of a cvxnn server: one value type with a method for every call of the contract. Uploads and downloads
// are cut into checked chunks, lists are fetched to their end, calls that may be repeated are, and watching a job or
// fetching a model survives broken connections. Links neither LibTorch nor the solvers.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>
#include <grpcpp/channel.h>
#include <grpcpp/security/credentials.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <ostream>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "client/cpp/resumable_stream.h"
#include "client/cpp/retry.h"
#include "client/cpp/timing.h"
#include "core/data/dataset.h"
#include "cvxnn/v1/dataset_service.pb.h"
#include "cvxnn/v1/job_service.pb.h"
#include "cvxnn/v1/model_service.pb.h"
#include "cvxnn/v1/server_service.pb.h"

namespace cvxnn::client {

/// Pings that find out, while a call waits, that the other side is gone; its calls then fail with UNAVAILABLE. The
/// defaults are cvxnn-server's own, which takes pings at least 10 s apart.
struct Keepalive {
  absl::Duration time = absl::Seconds(30);     ///< without a sign of life, until the ping. 1 ms to 24 h
  absl::Duration timeout = absl::Seconds(10);  ///< from the ping until the connection counts as dead. 1 ms to 24 h
};

/// How a client connects and how patient it is.
struct ConnectOptions {
  /// Bounds every unary call, retries included. > 0. Calls that work through data on the server (generating, importing,
  /// evaluating) get `slow_timeout`; uploads, downloads and watches have no bound but `keepalive`.
  absl::Duration timeout = absl::Seconds(30);
  absl::Duration slow_timeout = absl::Minutes(10);
  RetryPolicy retry;
  Keepalive keepalive;
  /// Null: plain text, for a server on the same machine. client/cpp/tls.h makes them from certificate files.
  std::shared_ptr<grpc::ChannelCredentials> credentials;
  /// Bearer token that says who asks; empty: none. Not shown over plain text to another machine.
  std::string token;
  Timing timing = Timing::Real();
};

/// Bytes of an upload or download so far, and in all. May go back a little after a connection broke.
using TransferProgress = std::function<void(std::int64_t done_bytes, std::int64_t total_bytes)>;

/// A row-major matrix of the caller's, not copied. `values` holds rows·cols elements.
template <typename Scalar>
struct MatrixView {
  std::span<const Scalar> values;
  std::int64_t rows = 0;
  std::int64_t cols = 0;
};

/// What an upload says besides the numbers. Shapes in `header` are filled in by the call.
struct CreateDatasetOptions {
  v1::CreateDatasetHeader header;
  /// Bytes of a chunk. Range: 1 to 1 MiB.
  std::int64_t chunk_bytes = std::int64_t{1} << 20;
  TransferProgress progress;
  /// Ends the upload with CANCELLED; the server keeps nothing of it.
  std::stop_token stop;
};

/// How a job is watched.
struct WatchJobOptions {
  std::int64_t after_sequence = 0;  ///< last record already known, >= 0
  /// 0, or 16 to 10^9: when more records wait, the oldest are left out, and an event `skipped` says which.
  std::int64_t max_behind = 0;
  /// The server speaks at least this often; after three silent intervals the connection is taken for dead.
  absl::Duration heartbeat_interval = absl::Seconds(10);
  ResumePolicy resume;
  std::function<void(const Interruption&)> on_interruption;
  std::stop_token stop;
};

/// How many jobs are watched at once.
struct WatchJobsOptions {
  v1::JobFilter filter;
  absl::Duration heartbeat_interval = absl::Seconds(10);
  absl::Duration min_interval = absl::Milliseconds(250);
  ResumePolicy resume;
  std::function<void(const Interruption&)> on_interruption;
  std::stop_token stop;
};

/// How a model is fetched.
struct DownloadModelOptions {
  v1::ModelFormat format = v1::MODEL_FORMAT_SAFETENSORS;
  /// The server may be silent for this long (TorchScript is written on demand).
  absl::Duration silence = absl::Seconds(60);
  ResumePolicy resume = {.backoff = {}, .connect_patience = absl::Seconds(5), .outage_patience = absl::Minutes(1)};
  TransferProgress progress;
  std::stop_token stop;
};

/// Outputs of a network.
struct Predictions {
  data::Matrix outputs;               ///< n×c
  std::vector<std::int32_t> classes;  ///< classification: index into the model's class_names per row; else empty
};

/// A handle on a shared connection: cheap to copy, safe to use from several threads. Every call blocks its caller and
/// answers the server's status, UNAVAILABLE when the server cannot be reached, DEADLINE_EXCEEDED when it is too slow.
/// Names of resources are complete, e.g. "datasets/iris".
class Client {
 public:
  /// A client of the server at `address` (host:port). Connects with the first call. INVALID_ARGUMENT: no address, a
  /// duration out of its range, a token with other characters than those of a header, or one that would travel in plain
  /// text to another machine.
  static absl::StatusOr<Client> Connect(const std::string& address, const ConnectOptions& options = {});
  /// A client over a channel of the caller's, whose credentials it has; options.credentials and .token are not used.
  static Client FromChannel(std::shared_ptr<grpc::Channel> channel, const ConnectOptions& options = {});

  /// Uploads a data set; an upload whose connection breaks goes on where the server says, and options.header.upload_id
  /// is made up where there is none; shapes, task, names and image shape come from it (they replace those of
  /// options.header).
  absl::StatusOr<v1::Dataset> CreateDataset(const data::Dataset& dataset, CreateDatasetOptions options = {}) const;
  /// Uploads arrays of the caller's; options.header says task and names. Views with 0 rows: no test part.
  absl::StatusOr<v1::Dataset> CreateDataset(MatrixView<float> features, MatrixView<float> targets,
                                            MatrixView<float> test_features, MatrixView<float> test_targets,
                                            CreateDatasetOptions options) const;
  absl::StatusOr<v1::Dataset> CreateDataset(MatrixView<double> features, MatrixView<double> targets,
                                            MatrixView<double> test_features, MatrixView<double> test_targets,
                                            CreateDatasetOptions options) const;
  absl::StatusOr<v1::Dataset> GenerateDataset(const v1::GenerateDatasetRequest& request) const;
  absl::StatusOr<v1::Dataset> ImportDataset(const v1::ImportDatasetRequest& request) const;
  absl::StatusOr<v1::Dataset> GetDataset(const std::string& name) const;
  /// At most `limit`, newest first; 0: all.
  absl::StatusOr<std::vector<v1::Dataset>> ListDatasets(std::int64_t limit = 0) const;
  absl::Status DeleteDataset(const std::string& name, bool allow_missing = false) const;

  /// Submits a job. Without a request_id a random one is put in, so that a lost answer never makes two jobs.
  absl::StatusOr<v1::Job> CreateJob(v1::CreateJobRequest request) const;
  absl::StatusOr<v1::Job> GetJob(const std::string& name) const;
  /// At most `limit`, newest first; 0: all.
  absl::StatusOr<std::vector<v1::Job>> ListJobs(const v1::JobFilter& filter, std::int64_t limit = 0) const;
  absl::StatusOr<v1::Job> CancelJob(const std::string& name) const;
  absl::StatusOr<v1::Job> PauseJob(const std::string& name) const;
  absl::StatusOr<v1::Job> ResumeJob(const std::string& name) const;
  absl::Status DeleteJob(const std::string& name, bool allow_missing = false) const;

  /// Calls `on_event` with every state change, batch of epochs and heartbeat after options.after_sequence, each record
  /// exactly once (but those skipped) and in order whatever happens to the connection, and returns the job once its log
  /// is complete. CANCELLED when a stop is requested or `on_event` answers false; DATA_LOSS when the server's log has a
  /// hole.
  absl::StatusOr<v1::Job> WatchJob(const std::string& name, const WatchJobOptions& options,
                                   const std::function<bool(const v1::WatchJobResponse&)>& on_event) const;
  /// Calls `on_event` until it answers false (then OK) or a stop is requested. After a reconnect the server sends every
  /// matching job again; heartbeats are passed on.
  absl::Status WatchJobs(const WatchJobsOptions& options,
                         const std::function<bool(const v1::WatchJobsResponse&)>& on_event) const;

  absl::StatusOr<v1::Model> GetModel(const std::string& name) const;
  /// Of one job, or of all when `job` is empty; at most `limit`, newest first; 0: all. `snapshots`: weights that jobs
  /// kept on the way too.
  absl::StatusOr<std::vector<v1::Model>> ListModels(const std::string& job = "", std::int64_t limit = 0,
                                                    bool snapshots = false) const;
  /// Writes the file of a model to `out` and returns its header. Every chunk and the whole file are checked
  /// (DATA_LOSS); on failure `out` holds a beginning of the file.
  absl::StatusOr<v1::DownloadModelHeader> DownloadModel(const std::string& name, std::ostream& out,
                                                        const DownloadModelOptions& options = {}) const;
  /// Outputs for rows of the caller's, n×d; sent in as many requests as their size needs. `apply_transforms`: the rows
  /// are raw and go through the transforms of the model's data set first.
  absl::StatusOr<Predictions> Predict(const std::string& model, const data::Matrix& rows, bool apply_transforms) const;
  /// Outputs for rows that the server has; row_count 0 means all from first_row on.
  absl::StatusOr<Predictions> Predict(const std::string& model, const v1::DatasetRows& rows) const;
  absl::StatusOr<v1::EvaluateResponse> Evaluate(const v1::EvaluateRequest& request) const;
  /// Each call makes another model.
  absl::StatusOr<v1::Model> PruneModel(const v1::PruneModelRequest& request) const;
  absl::StatusOr<v1::Model> DecomposeModel(const v1::DecomposeModelRequest& request) const;
  absl::StatusOr<v1::CheckOptimalityResponse> CheckOptimality(const v1::CheckOptimalityRequest& request) const;

  absl::StatusOr<v1::ServerInfo> GetServerInfo() const;
  /// The standard health check: true when the server (or the named service) answers SERVING.
  absl::StatusOr<bool> CheckHealth(const std::string& service = "") const;

  struct State;  ///< channel, stubs and options

 private:
  explicit Client(std::shared_ptr<const State> state) : state_(std::move(state)) {}
  std::shared_ptr<const State> state_;
};

}  // namespace cvxnn::client
