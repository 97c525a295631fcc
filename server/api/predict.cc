// SPDX-License-Identifier: Apache-2.0
// See predict.h. Networks run on the CPU in the type of their weights, as they were stored.
#include "server/api/predict.h"

#include <ATen/ATen.h>
#include <absl/strings/str_cat.h>

#include <cstdint>
#include <string>
#include <utility>

#include "core/data/apply_transforms.h"
#include "core/network/loss_function.h"
#include "core/network/network.h"
#include "core/torch/runtime.h"
#include "server/api/list_page.h"
#include "server/api/prediction_rows.h"
#include "server/api/stored_model.h"
#include "server/translate/capabilities.h"
#include "server/translate/choose.h"
#include "server/translate/dataset_description.h"

namespace cvxnn::server {
namespace {

absl::Status CheckAnswerFits(const StoredModel& model, std::int64_t rows) {
  const double element = model.network().first_layer.scalar_type() == at::kDouble ? 8 : 4;
  // A predicted class takes two bytes at most for up to 16,384 classes.
  const double row_bytes = element * static_cast<double>(model.network().outputs()) + 2;
  const double most = static_cast<double>(kMostPageBytes);
  if (static_cast<double>(rows) * row_bytes <= most) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      absl::StrCat("the outputs of ", rows, " rows do not fit into one answer: ask for ",
                   static_cast<std::int64_t>(most / row_bytes), " rows or fewer at a time"));
}

absl::Status CheckColumns(std::int64_t columns, std::int64_t expected, const std::string& field,
                          const std::string& what) {
  if (columns == expected) return absl::OkStatus();
  return InvalidField(field, columns, absl::StrCat("must be ", expected, ", ", what));
}

// The description of the data set that the model was trained on: kept with the model, or else with the data set while
// that is there.
absl::StatusOr<data::Description> DescriptionOf(const Parts& parts, const v1::Model& model) {
  auto kept = parts.models->LoadDescription(model.name());
  if (!kept.ok()) return kept.status();
  if (kept->has_value()) return **std::move(kept);
  auto own = DatasetOf(parts, model);
  if (absl::IsNotFound(own.status()) || absl::IsFailedPrecondition(own.status())) {
    return absl::FailedPreconditionError(absl::StrCat(
        model.dataset(), ": was deleted, and its transforms with it, which were too large to be kept with ",
        model.name(), ": send transformed rows without apply_transforms"));
  }
  if (!own.ok()) return own.status();
  return own->dataset->description;
}

// Raw rows through the transforms of the data set that the model was trained on.
absl::StatusOr<data::Matrix> Transformed(const Parts& parts, const StoredModel& loaded, data::Matrix rows) {
  auto description = DescriptionOf(parts, loaded.metadata);
  if (!description.ok()) return description.status();
  const std::int64_t raw = data::RawColumns(*description, loaded.network().inputs());
  if (absl::Status status =
          CheckColumns(rows.cols(), raw, "rows.shape.cols", "the columns of the data set before its transforms");
      !status.ok()) {
    return status;
  }
  return data::TransformRows(*description, loaded.network().inputs(), std::move(rows));
}

void Answer(const StoredModel& model, const at::Tensor& outputs, v1::PredictResponse* response) {
  const at::Tensor rows = outputs.contiguous();
  auto* tensor = response->mutable_outputs();
  tensor->mutable_shape()->set_rows(rows.size(0));
  tensor->mutable_shape()->set_cols(rows.size(1));
  tensor->mutable_shape()->set_data_type(rows.scalar_type() == at::kDouble ? v1::DATA_TYPE_FLOAT64
                                                                           : v1::DATA_TYPE_FLOAT32);
  tensor->set_data(rows.data_ptr(), rows.nbytes());
  const Counting counting = model.counting();
  if (counting == Counting::kNone) return;
  const at::Tensor classes =
      (counting == Counting::kSign ? rows.select(1, 0).ge(0).to(at::kInt) : rows.argmax(1).to(at::kInt)).contiguous();
  const auto* begin = classes.data_ptr<std::int32_t>();
  response->mutable_predicted_classes()->Add(begin, begin + classes.numel());
}

absl::Status PredictRows(const Parts& parts, const StoredModel& model, const v1::PredictRequest& request,
                         v1::PredictResponse* response) {
  const auto type = model.network().first_layer.scalar_type();
  const auto check_columns = [&](std::int64_t columns, const char* field) {
    return CheckColumns(columns, model.network().inputs(), field, "the inputs of the model");
  };
  if (request.input_case() == v1::PredictRequest::kRows) {
    auto rows = MatrixFromTensor(request.rows(), "rows");
    if (rows.ok() && request.apply_transforms()) rows = Transformed(parts, model, *std::move(rows));
    if (!rows.ok()) return rows.status();
    if (absl::Status status = check_columns(rows->cols(), "rows.shape.cols"); !status.ok()) return status;
    if (absl::Status status = CheckAnswerFits(model, rows->rows()); !status.ok()) return status;
    Answer(model, Forward(model.network(), RowsAsTensor(*rows, 0, rows->rows(), type)), response);
    return absl::OkStatus();
  }
  auto rows = FindRows(parts, request.dataset_rows(), model.metadata);
  if (!rows.ok()) return rows.status();
  const data::Matrix& features = rows->part->features;
  if (absl::Status status = check_columns(features.cols(), "dataset_rows.dataset"); !status.ok()) {
    return status;
  }
  if (absl::Status status = CheckAnswerFits(model, rows->count); !status.ok()) return status;
  Answer(model, Forward(model.network(), RowsAsTensor(features, rows->first, rows->count, type)), response);
  return absl::OkStatus();
}

}  // namespace

absl::Status Predict(const Parts& parts, LoadedNetworks* networks, const v1::PredictRequest& request,
                     v1::PredictResponse* response) {
  Violations violations;
  if (request.input_case() == v1::PredictRequest::INPUT_NOT_SET) {
    violations.Wrong("input", "required: set rows or dataset_rows");
  }
  if (request.apply_transforms() && request.input_case() == v1::PredictRequest::kDatasetRows) {
    violations.Invalid("apply_transforms", "true", "is for rows only; stored rows are transformed already");
  }
  if (!violations.empty()) return violations.ToStatus();
  auto model = LoadModel(parts, networks, request.model());
  if (!model.ok()) return model.status();
  return GuardTorch("Predict", [&] { return PredictRows(parts, *model, request, response); });
}

absl::Status Evaluate(const Parts& parts, LoadedNetworks* networks, const v1::EvaluateRequest& request,
                      v1::EvaluateResponse* response) {
  Violations violations;
  const Loss loss = Choose(kLosses, request.loss(), "loss", &violations);
  const LossScale scale = Choose(kLossScales, request.loss_scale(), "loss_scale", &violations);
  if (!violations.empty()) return violations.ToStatus();
  auto model = LoadModel(parts, networks, request.model());
  if (!model.ok()) return model.status();
  auto rows = FindRows(parts, request.dataset_rows(), model->metadata);
  if (!rows.ok()) return rows.status();
  const data::Part& part = *rows->part;
  const Network& network = model->network();
  if (part.features.cols() != network.inputs() || part.targets.cols() != network.outputs()) {
    const std::string& name = request.dataset_rows().dataset();
    return absl::FailedPreconditionError(
        absl::StrCat(name.empty() ? model->metadata.dataset() : name, ": has ", part.features.cols(), " columns and ",
                     part.targets.cols(), " outputs, the model has ", network.inputs(), " and ", network.outputs()));
  }
  return GuardTorch("Evaluate", [&] {
    const auto type = network.first_layer.scalar_type();
    const at::Tensor outputs = Forward(network, RowsAsTensor(part.features, rows->first, rows->count, type));
    const at::Tensor targets = RowsAsTensor(part.targets, rows->first, rows->count, type);
    if (auto fits = FunctionOf(loss).CheckTargets("targets", targets); !fits.ok()) {
      return InvalidField("loss", ValueName(Reverse(kLosses, loss)), std::string(fits.message()));
    }
    response->set_rows(rows->count);
    response->set_loss(LossValue(loss, scale, outputs, targets));
    const auto accuracy = Accuracy(model->counting(), outputs, targets);
    if (accuracy.has_value()) response->set_accuracy(*accuracy);
    return absl::OkStatus();
  });
}

}  // namespace cvxnn::server
