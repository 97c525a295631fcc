// SPDX-License-Identifier: Apache-2.0
// Uploads arrays: a header, then chunks of each with their CRC-32; a stream that breaks is followed by another one that
// begins where the server says.
#include <absl/strings/str_cat.h>
#include <grpcpp/support/sync_stream.h>
#include <libdeflate.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>
#include <optional>
#include <utility>

#include "client/cpp/client_state.h"
#include "client/cpp/convert.h"
#include "client/cpp/random_id.h"
#include "client/cpp/retry.h"

namespace cvxnn::client {
namespace {

/// One array of the upload, not copied.
struct RawArray {
  v1::DatasetArray array = v1::DATASET_ARRAY_UNSPECIFIED;
  const char* bytes = nullptr;
  std::int64_t size = 0;
};

constexpr std::int64_t kLargestChunk = std::int64_t{1} << 20;

/// Bytes of each array that the server has, in the order of the arrays.
using Offsets = std::array<std::int64_t, 4>;

std::int64_t Sum(const Offsets& offsets) { return std::accumulate(offsets.begin(), offsets.end(), std::int64_t{0}); }

/// One stream: the header, and the chunks from `offsets` on.
absl::StatusOr<v1::Dataset> SendOnce(v1::DatasetService::Stub& stub, const CreateDatasetOptions& options,
                                     const std::array<RawArray, 4>& arrays, const Offsets& offsets) {
  std::int64_t total = 0;
  for (const RawArray& array : arrays) total += array.size;
  // No deadline: the size decides how long this takes, and keepalive finds a connection that is dead.
  grpc::ClientContext context;
  const std::stop_callback cancel(options.stop, [&context] { context.TryCancel(); });
  v1::Dataset dataset;
  const auto writer = stub.CreateDataset(&context, &dataset);
  v1::CreateDatasetRequest request;
  *request.mutable_header() = options.header;
  bool open = writer->Write(request);
  std::int64_t done = Sum(offsets);
  v1::DatasetChunk& chunk = *request.mutable_chunk();
  for (std::size_t i = 0; i < arrays.size(); ++i) {
    const RawArray& array = arrays[i];
    for (std::int64_t offset = offsets[i]; open && offset < array.size;) {
      const auto size = static_cast<std::size_t>(std::min(options.chunk_bytes, array.size - offset));
      chunk.set_array(array.array);
      chunk.set_offset(offset);
      chunk.mutable_data()->assign(array.bytes + offset, size);
      chunk.set_crc32(libdeflate_crc32(0, array.bytes + offset, size));
      open = writer->Write(request);
      offset += static_cast<std::int64_t>(size);
      done += static_cast<std::int64_t>(size);
      if (open && options.progress) options.progress(done, total);
    }
  }
  writer->WritesDone();
  const grpc::Status status = writer->Finish();  // says why, where a write found the stream closed
  if (status.ok()) return dataset;
  if (options.stop.stop_requested()) return absl::CancelledError("stopped by the caller");
  return ToAbslStatus(status);
}

/// Where the upload stands: offsets, or the data set that it made. NOT_FOUND: the server has nothing of it.
absl::StatusOr<std::optional<v1::Dataset>> AskWhereItStands(const Client::State& state, const std::string& upload_id,
                                                            const std::array<RawArray, 4>& arrays, Offsets* offsets) {
  v1::GetUploadRequest request;
  request.set_upload_id(upload_id);
  const auto status = CallUnary(state.options, state.options.timeout, Repeatable::kYes, *state.datasets,
                                &v1::DatasetService::Stub::GetUpload, request);
  if (!status.ok()) return status.status();
  if (status->has_dataset()) return status->dataset();
  *offsets = {};
  for (const v1::CommittedArray& committed : status->arrays()) {
    for (std::size_t i = 0; i < arrays.size(); ++i) {
      if (arrays[i].array == committed.array()) (*offsets)[i] = committed.bytes();
    }
  }
  return std::nullopt;
}

/// Streams until the data set is there, an error stays, or a stream after the other brings nothing.
absl::StatusOr<v1::Dataset> Upload(const Client::State& state, CreateDatasetOptions options,
                                   const std::array<RawArray, 4>& arrays) {
  if (options.chunk_bytes < 1 || options.chunk_bytes > kLargestChunk) {
    return absl::InvalidArgumentError(
        absl::StrCat("chunk_bytes = ", options.chunk_bytes, ": must be in [1, ", kLargestChunk, "]"));
  }
  if (options.header.upload_id().empty()) options.header.set_upload_id(RandomRequestId());
  const RetryPolicy& policy = state.options.retry;
  Backoff backoff(policy.backoff, state.options.timing.random);
  Offsets offsets = {};
  std::int64_t most = 0;
  for (int attempt = 1;; ++attempt) {
    auto dataset = SendOnce(*state.datasets, options, arrays, offsets);
    // A chunk that was damaged on its way may pass the next time.
    const bool may_pass = IsBrokenStream(dataset.status()) || absl::IsDataLoss(dataset.status());
    if (dataset.ok() || !may_pass || options.stop.stop_requested() || attempt >= policy.max_attempts) return dataset;
    if (!state.options.timing.sleep(backoff.Next(), options.stop)) return dataset.status();
    auto made = AskWhereItStands(state, options.header.upload_id(), arrays, &offsets);
    if (made.ok() && made->has_value()) return **std::move(made);
    if (absl::IsNotFound(made.status())) {
      offsets = {};
    } else if (!made.ok()) {
      return dataset.status();  // the server is away, or has no resumable uploads
    }
    if (const std::int64_t arrived = Sum(offsets); arrived > most) {
      most = arrived;
      attempt = 0;
      backoff.Reset();
    }
  }
}

template <typename Scalar>
absl::Status CheckView(const char* what, const MatrixView<Scalar>& view) {
  const bool fits = view.rows >= 0 && view.cols >= 0 &&
                    (view.cols == 0 || view.rows <= static_cast<std::int64_t>(view.values.size()) / view.cols) &&
                    static_cast<std::size_t>(view.rows * view.cols) == view.values.size();
  if (fits) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(what, " = ", view.values.size(), " values for ", view.rows,
                                                 " rows of ", view.cols, ": must be rows times columns"));
}

template <typename Scalar>
RawArray Raw(v1::DatasetArray array, const MatrixView<Scalar>& view) {
  return {array, reinterpret_cast<const char*>(view.values.data()),
          static_cast<std::int64_t>(view.values.size_bytes())};
}

template <typename Scalar>
void SetShape(const MatrixView<Scalar>& view, v1::MatrixShape* shape) {
  shape->set_rows(view.rows);
  shape->set_cols(view.cols);
  shape->set_data_type(sizeof(Scalar) == sizeof(float) ? v1::DATA_TYPE_FLOAT32 : v1::DATA_TYPE_FLOAT64);
}

template <typename Scalar>
absl::StatusOr<v1::Dataset> UploadViews(const Client::State& state, const MatrixView<Scalar>& features,
                                        const MatrixView<Scalar>& targets, const MatrixView<Scalar>& test_features,
                                        const MatrixView<Scalar>& test_targets, CreateDatasetOptions options) {
  for (const auto& [what, view] :
       {std::pair("features", &features), std::pair("targets", &targets), std::pair("test_features", &test_features),
        std::pair("test_targets", &test_targets)}) {
    if (absl::Status status = CheckView(what, *view); !status.ok()) return status;
  }
  SetShape(features, options.header.mutable_features());
  SetShape(targets, options.header.mutable_targets());
  if (test_features.rows > 0) SetShape(test_features, options.header.mutable_test_features());
  if (test_targets.rows > 0) SetShape(test_targets, options.header.mutable_test_targets());
  return Upload(
      state, std::move(options),
      {Raw(v1::DATASET_ARRAY_FEATURES, features), Raw(v1::DATASET_ARRAY_TARGETS, targets),
       Raw(v1::DATASET_ARRAY_TEST_FEATURES, test_features), Raw(v1::DATASET_ARRAY_TEST_TARGETS, test_targets)});
}

RawArray Raw(v1::DatasetArray array, const data::Matrix& matrix) {
  return {array, static_cast<const char*>(matrix.data()), matrix.bytes()};
}

}  // namespace

absl::StatusOr<v1::Dataset> Client::CreateDataset(const data::Dataset& dataset, CreateDatasetOptions options) const {
  FillHeader(dataset, &options.header);
  return Upload(
      *state_, std::move(options),
      {Raw(v1::DATASET_ARRAY_FEATURES, dataset.train.features), Raw(v1::DATASET_ARRAY_TARGETS, dataset.train.targets),
       Raw(v1::DATASET_ARRAY_TEST_FEATURES, dataset.test.features),
       Raw(v1::DATASET_ARRAY_TEST_TARGETS, dataset.test.targets)});
}

absl::StatusOr<v1::Dataset> Client::CreateDataset(MatrixView<float> features, MatrixView<float> targets,
                                                  MatrixView<float> test_features, MatrixView<float> test_targets,
                                                  CreateDatasetOptions options) const {
  return UploadViews(*state_, features, targets, test_features, test_targets, std::move(options));
}

absl::StatusOr<v1::Dataset> Client::CreateDataset(MatrixView<double> features, MatrixView<double> targets,
                                                  MatrixView<double> test_features, MatrixView<double> test_targets,
                                                  CreateDatasetOptions options) const {
  return UploadViews(*state_, features, targets, test_features, test_targets, std::move(options));
}

}  // namespace cvxnn::client
