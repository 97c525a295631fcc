// SPDX-License-Identifier: Apache-2.0
// Predictions for any number of rows: cut into requests whose messages stay below gRPC's 4 MiB in both directions.
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <cstring>

#include "client/cpp/client_state.h"
#include "client/cpp/convert.h"

namespace cvxnn::client {
namespace {

constexpr std::int64_t kMessageBytes = std::int64_t{2} << 20;

std::int64_t RowsPerMessage(std::int64_t bytes_per_row) {
  return std::max<std::int64_t>(1, kMessageBytes / std::max<std::int64_t>(1, bytes_per_row));
}

/// Outputs and the index of the class, of one row in the answer.
std::int64_t AnswerBytes(const v1::Model& model) { return model.outputs() * 8 + 5; }

/// Puts the answers for consecutive rows behind each other.
class AnswerJoin {
 public:
  explicit AnswerJoin(std::int64_t rows) : rows_(rows) {}

  absl::Status Append(const v1::PredictResponse& response, std::int64_t expected_rows) {
    absl::StatusOr<data::Matrix> part = ToMatrix(response.outputs());
    if (!part.ok()) return absl::InternalError(absl::StrCat("outputs of the server: ", part.status().message()));
    if (part->rows() != expected_rows) {
      return absl::InternalError(absl::StrCat("the server answered ", part->rows(), " rows for ", expected_rows));
    }
    if (done_ == 0) joined_.outputs = data::Matrix(part->type(), rows_, part->cols());
    if (part->cols() != joined_.outputs.cols() || part->type() != joined_.outputs.type()) {
      return absl::InternalError("the server answered different shapes for parts of the rows");
    }
    if (part->bytes() > 0) {
      char* outputs = static_cast<char*>(joined_.outputs.mutable_data());
      std::memcpy(outputs + done_ * (part->bytes() / part->rows()), part->data(),
                  static_cast<std::size_t>(part->bytes()));
    }
    joined_.classes.insert(joined_.classes.end(), response.predicted_classes().begin(),
                           response.predicted_classes().end());
    done_ += expected_rows;
    return absl::OkStatus();
  }

  Predictions Take() { return std::move(joined_); }

 private:
  std::int64_t rows_;
  std::int64_t done_ = 0;
  Predictions joined_;
};

}  // namespace

absl::StatusOr<Predictions> Client::Predict(const std::string& model, const data::Matrix& rows,
                                            bool apply_transforms) const {
  if (rows.rows() == 0) return absl::InvalidArgumentError("rows = 0: must be at least 1");
  const absl::StatusOr<v1::Model> description = GetModel(model);
  if (!description.ok()) return description.status();
  const std::int64_t step = RowsPerMessage(std::max(rows.bytes() / rows.rows(), AnswerBytes(*description)));
  AnswerJoin answer(rows.rows());
  for (std::int64_t first = 0; first < rows.rows(); first += step) {
    const std::int64_t count = std::min(step, rows.rows() - first);
    v1::PredictRequest request;
    request.set_model(model);
    request.set_apply_transforms(apply_transforms);
    *request.mutable_rows() = ToTensor(rows, first, count);
    const auto response = CallUnary(state_->options, state_->options.timeout, Repeatable::kYes, *state_->models,
                                    &v1::ModelService::Stub::Predict, request);
    if (!response.ok()) return response.status();
    if (absl::Status status = answer.Append(*response, count); !status.ok()) return status;
  }
  return answer.Take();
}

absl::StatusOr<Predictions> Client::Predict(const std::string& model, const v1::DatasetRows& rows) const {
  const absl::StatusOr<v1::Model> description = GetModel(model);
  if (!description.ok()) return description.status();
  v1::PredictRequest request;
  request.set_model(model);
  *request.mutable_dataset_rows() = rows;
  if (request.dataset_rows().dataset().empty()) request.mutable_dataset_rows()->set_dataset(description->dataset());

  std::int64_t total = rows.row_count();
  if (total == 0) {
    const absl::StatusOr<v1::Dataset> dataset = GetDataset(request.dataset_rows().dataset());
    if (!dataset.ok()) return dataset.status();
    const std::int64_t held = rows.part() == v1::PART_TRAIN ? dataset->features().rows() : dataset->test_rows();
    total = held - rows.first_row();
  }
  // A range that holds nothing goes to the server as it is, whose answer names the field and the range.
  const std::int64_t step = RowsPerMessage(AnswerBytes(*description));
  AnswerJoin answer(std::max<std::int64_t>(total, 0));
  std::int64_t done = 0;
  do {
    const std::int64_t count = std::min(step, total - done);
    request.mutable_dataset_rows()->set_first_row(rows.first_row() + done);
    request.mutable_dataset_rows()->set_row_count(std::max<std::int64_t>(count, 0));
    const auto response = CallUnary(state_->options, state_->options.timeout, Repeatable::kYes, *state_->models,
                                    &v1::ModelService::Stub::Predict, request);
    if (!response.ok()) return response.status();
    if (absl::Status status = answer.Append(*response, std::max<std::int64_t>(count, 0)); !status.ok()) return status;
    done += count;
  } while (done < total);
  return answer.Take();
}

}  // namespace cvxnn::client
