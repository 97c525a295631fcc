// SPDX-License-Identifier: Apache-2.0
// See dataset_service.h.
#include "server/api/dataset_service.h"

#include <absl/strings/cord.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include <filesystem>
#include <system_error>
#include <utility>

#include "core/data/apply_transforms.h"
#include "core/data/generate.h"
#include "core/data/reader.h"
#include "cvxnn/rpc/error_details.pb.h"
#include "server/api/import_path.h"
#include "server/api/list_page.h"
#include "server/api/store_dataset.h"
#include "server/api/unary_call.h"
#include "server/api/upload_call.h"
#include "server/api/upload_id.h"
#include "server/translate/generator.h"
#include "server/translate/import_format.h"
#include "server/translate/resource_name.h"
#include "server/translate/transforms.h"
#include "server/translate/utf8.h"
#include "server/translate/violations.h"

namespace cvxnn::server {
namespace {

constexpr char kDatasets[] = "datasets";

// OK when the caller's id, if any, can become a data set.
absl::Status CheckIdFree(const Parts& parts, const std::string& id) {
  return id.empty() ? absl::OkStatus() : parts.datasets->CheckNameFree(absl::StrCat(kDatasets, "/", id));
}

// The request's fields that name the files beside `path`.
struct FileFields {
  const char* test_path;
  const char* targets_path;
  const char* test_targets_path;
};

FileFields FieldsOf(data::FileFormat format) {
  switch (format) {
    case data::FileFormat::kCsv:
      return {"csv.test_path", "", ""};
    case data::FileFormat::kNpy:
      return {"numpy.test_features_path", "numpy.targets_path", "numpy.test_targets_path"};
    case data::FileFormat::kIdx:
      return {"idx.test_images_path", "idx.labels_path", "idx.test_labels_path"};
    default:
      return {"cifar10.test_paths", "", ""};
  }
}

// Paths below the import root become real ones.
absl::Status ResolvePaths(const std::string& root, data::ReadOptions* options) {
  const auto resolve = [&](std::string* path, const char* field) {
    auto real = ResolveImportPath(root, *path, field);
    if (real.ok()) *path = *std::move(real);
    return real.status();
  };
  for (std::string& path : options->train_paths) {
    if (absl::Status status = resolve(&path, "path"); !status.ok()) return status;
  }
  const FileFields fields = FieldsOf(options->format);
  for (std::string& path : options->test_paths) {
    if (absl::Status status = resolve(&path, fields.test_path); !status.ok()) return status;
  }
  if (!options->train_targets_path.empty()) {
    if (absl::Status status = resolve(&options->train_targets_path, fields.targets_path); !status.ok()) return status;
  }
  if (!options->test_targets_path.empty()) return resolve(&options->test_targets_path, fields.test_targets_path);
  return absl::OkStatus();
}

// What is wrong with a file, as a fault of the field that named it; the message begins with the file's name.
absl::Status WithField(absl::Status status) {
  if (!absl::IsInvalidArgument(status)) return status;
  rpc::BadRequest details;
  auto* violation = details.add_field_violations();
  const std::string message(status.message());
  violation->set_field(absl::StrContains(message, ": label_columns") ? "csv.label_columns" : "path");
  violation->set_description(ValidUtf8(message));
  status.SetPayload(kBadRequestUrl, absl::Cord(details.SerializeAsString()));
  return status;
}

// True once the caller went away, or the server's shutdown has cut the call.
data::ShouldStop CallerLeft(grpc::CallbackServerContext* context) {
  return [context] { return context->IsCancelled(); };
}

}  // namespace

grpc::ServerReadReactor<v1::CreateDatasetRequest>* DatasetService::CreateDataset(grpc::CallbackServerContext* context,
                                                                                 v1::Dataset* response) {
  return StartUploadCall(&parts_, &sessions_, context, response);
}

absl::Status DatasetService::Generate(const v1::GenerateDatasetRequest& request, const CallLog& log,
                                      const data::ShouldStop& caller_left, v1::Dataset* response) const {
  Violations violations;
  CheckOptionalId(request.dataset_id(), "dataset_id", &violations);
  CheckDisplayName(request.display_name(), "display_name", &violations);
  const data::GeneratorSpec spec = GeneratorFromProto(request, &violations);
  const auto transforms = TransformsFromProto(request.transforms(), &violations);
  if (!violations.empty()) return violations.ToStatus();
  if (const double bytes = GeneratingBytes(spec); bytes > static_cast<double>(parts_.limits.max_dataset_bytes)) {
    return QuotaExceeded("max_dataset_bytes", absl::StrFormat("making the data set needs %.0f bytes, the limit is %d",
                                                              bytes, parts_.limits.max_dataset_bytes));
  }
  if (absl::Status status = CheckIdFree(parts_, request.dataset_id()); !status.ok()) return status;
  // Bounded by max_dataset_bytes.
  const auto least = static_cast<std::int64_t>(GeneratedBytes(spec));
  if (absl::Status quota = CheckBytesQuota(*parts_.database, log.caller(), transforms.empty() ? least : 0); !quota.ok())
    return quota;
  auto dataset = data::Generate(spec, caller_left);
  if (!dataset.ok()) return dataset.status();
  dataset = data::ApplyTransforms(transforms, *std::move(dataset), caller_left);
  if (!dataset.ok()) return dataset.status();
  return Reply(StoreDataset(parts_, log, request.dataset_id(), request.display_name(), *std::move(dataset)), response);
}

grpc::ServerUnaryReactor* DatasetService::GenerateDataset(grpc::CallbackServerContext* context,
                                                          const v1::GenerateDatasetRequest* request,
                                                          v1::Dataset* response) {
  const CallLog log(parts_, context, "DatasetService.GenerateDataset", request->dataset_id());
  return AnswerFrom(parts_.heavy, context, log, [this, log, context, request, response] {
    return Generate(*request, log, CallerLeft(context), response);
  });
}

absl::Status DatasetService::Import(const v1::ImportDatasetRequest& request, const CallLog& log,
                                    const data::ShouldStop& caller_left, v1::Dataset* response) const {
  Violations violations;
  CheckOptionalId(request.dataset_id(), "dataset_id", &violations);
  CheckDisplayName(request.display_name(), "display_name", &violations);
  data::ReadOptions options = ImportFromProto(request, &violations);
  const auto transforms = TransformsFromProto(request.transforms(), &violations);
  if (!violations.empty()) return violations.ToStatus();
  if (absl::Status status = ResolvePaths(parts_.import_root, &options); !status.ok()) return status;
  if (absl::Status status = CheckIdFree(parts_, request.dataset_id()); !status.ok()) return status;
  options.limits.max_bytes = parts_.limits.max_dataset_bytes;
  auto dataset = data::ReadDataset(options);
  if (!dataset.ok()) return WithField(WithoutRoot(dataset.status(), parts_.import_root));
  dataset = data::ApplyTransforms(transforms, *std::move(dataset), caller_left);
  if (!dataset.ok()) return dataset.status();
  return Reply(StoreDataset(parts_, log, request.dataset_id(), request.display_name(), *std::move(dataset)), response);
}

grpc::ServerUnaryReactor* DatasetService::ImportDataset(grpc::CallbackServerContext* context,
                                                        const v1::ImportDatasetRequest* request,
                                                        v1::Dataset* response) {
  const CallLog log(parts_, context, "DatasetService.ImportDataset", request->dataset_id());
  return AnswerFrom(parts_.heavy, context, log, [this, log, context, request, response] {
    return Import(*request, log, CallerLeft(context), response);
  });
}

absl::StatusOr<v1::UploadStatus> DatasetService::Describe(const v1::GetUploadRequest& request, const CallLog& log) {
  if (request.upload_id().empty()) return absl::InvalidArgumentError("upload_id: required");
  if (absl::Status status = CheckUploadId(request.upload_id(), "upload_id"); !status.ok()) return status;
  auto made = parts_.datasets->FindUpload({log.caller().name, request.upload_id(), std::nullopt});
  if (absl::IsNotFound(made.status())) return sessions_.Describe(UploadKeyText(log.caller().name, request.upload_id()));
  if (!made.ok()) return made.status();
  v1::UploadStatus status;
  *status.mutable_dataset() = *std::move(made);
  return status;
}

grpc::ServerUnaryReactor* DatasetService::GetUpload(grpc::CallbackServerContext* context,
                                                    const v1::GetUploadRequest* request, v1::UploadStatus* response) {
  const CallLog log(parts_, context, "DatasetService.GetUpload");
  return AnswerFrom(parts_.quick, context, log,
                    [this, log, request, response] { return Reply(Describe(*request, log), response); });
}

grpc::ServerUnaryReactor* DatasetService::GetDataset(grpc::CallbackServerContext* context,
                                                     const v1::GetDatasetRequest* request, v1::Dataset* response) {
  return AnswerFrom(parts_.quick, context, CallLog(parts_, context, "DatasetService.GetDataset", request->name()),
                    [this, request, response]() -> absl::Status {
                      if (absl::Status status = CheckResourceName(kDatasets, request->name(), "name"); !status.ok()) {
                        return status;
                      }
                      return Reply(parts_.datasets->Get(request->name()), response);
                    });
}

grpc::ServerUnaryReactor* DatasetService::ListDatasets(grpc::CallbackServerContext* context,
                                                       const v1::ListDatasetsRequest* request,
                                                       v1::ListDatasetsResponse* response) {
  return AnswerFrom(parts_.quick, context, CallLog(parts_, context, "DatasetService.ListDatasets"),
                    [this, request, response]() -> absl::Status {
                      auto page =
                          ListWithinMessage(request->page_size(), request->page_token(),
                                            [this](const PageRequest& asked) { return parts_.datasets->List(asked); });
                      if (!page.ok()) return page.status();
                      for (v1::Dataset& dataset : page->items) *response->add_datasets() = std::move(dataset);
                      response->set_next_page_token(page->next_token);
                      return absl::OkStatus();
                    });
}

absl::Status DatasetService::Delete(const v1::DeleteDatasetRequest& request) const {
  if (absl::Status status = CheckResourceName(kDatasets, request.name(), "name"); !status.ok()) return status;
  auto deleted = parts_.datasets->Delete(request.name());
  if (deleted.ok()) parts_.resident->Remove(*deleted);
  return absl::IsNotFound(deleted.status()) && request.allow_missing() ? absl::OkStatus() : deleted.status();
}

grpc::ServerUnaryReactor* DatasetService::DeleteDataset(grpc::CallbackServerContext* context,
                                                        const v1::DeleteDatasetRequest* request,
                                                        google::protobuf::Empty* /*response*/) {
  return AnswerFrom(parts_.quick, context, CallLog(parts_, context, "DatasetService.DeleteDataset", request->name()),
                    [this, request] { return Delete(*request); });
}

}  // namespace cvxnn::server
