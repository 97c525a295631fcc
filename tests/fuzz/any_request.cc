// SPDX-License-Identifier: Apache-2.0
// Requests about data sets and lists: checked and translated; small data sets are really made and transformed.
#include <filesystem>

#include "core/data/apply_transforms.h"
#include "server/api/import_path.h"
#include "server/api/job_request.h"
#include "server/store/dataset_description.h"
#include "server/store/page.h"
#include "server/translate/generator.h"
#include "server/translate/import_format.h"
#include "server/translate/tensor.h"
#include "server/translate/transforms.h"
#include "tests/fuzz/check_dataset.h"
#include "tests/fuzz/inputs.pb.h"
#include "tests/fuzz/message_input.h"

namespace {

using namespace cvxnn;

constexpr double kMostGeneratedBytes = 1 << 16;

void Generate(const v1::GenerateDatasetRequest& request) {
  server::Violations violations;
  const data::GeneratorSpec spec = server::GeneratorFromProto(request, &violations);
  const auto transforms = server::TransformsFromProto(request.transforms(), &violations);
  if (!violations.empty()) {
    fuzz::Promise(!violations.ToStatus().message().empty(), "a refusal says why");
    return;
  }
  if (!(server::GeneratingBytes(spec) <= kMostGeneratedBytes)) return;
  auto dataset = data::Generate(spec);
  fuzz::CheckRead(dataset);
  if (!dataset.ok()) return;
  const auto transformed = data::ApplyTransforms(transforms, *std::move(dataset));
  fuzz::CheckRead(transformed);
  if (!transformed.ok()) return;
  const std::string bytes = server::EncodeDescription(transformed->description);
  const auto decoded = server::DecodeDescription(bytes);
  fuzz::Promise(decoded.ok() && server::EncodeDescription(*decoded) == bytes, "a description is kept as it is");
}

/// A folder with a way out of it, made once.
const std::string& ImportRoot() {
  static const std::string root = [] {
    std::string folder = std::filesystem::temp_directory_path() / "cvxnn-fuzz-XXXXXX";
    fuzz::Promise(mkdtemp(folder.data()) != nullptr, "a folder can be made");
    std::filesystem::create_directories(folder + "/import/a/b");
    std::filesystem::create_directory_symlink("/", folder + "/import/out");
    std::filesystem::create_directory_symlink("../..", folder + "/import/a/up");
    std::filesystem::create_directory_symlink("a", folder + "/import/in");
    return std::filesystem::canonical(folder + "/import").string();
  }();
  return root;
}

void Import(const v1::ImportDatasetRequest& request) {
  server::Violations violations;
  const data::ReadOptions options = server::ImportFromProto(request, &violations);
  (void)violations.ToStatus();
  for (const std::string& path : options.train_paths) {
    const auto resolved = server::ResolveImportPath(ImportRoot(), path, "path");
    if (!resolved.ok()) continue;
    fuzz::Promise(*resolved == ImportRoot() || resolved->rfind(ImportRoot() + "/", 0) == 0,
                  "imports stay below the root");
    fuzz::Promise(std::filesystem::canonical(*resolved) == *resolved, "and no link leads out");
  }
}

void Matrix(const v1::Tensor& tensor) {
  const auto matrix = server::MatrixFromTensor(tensor, "rows");
  if (!matrix.ok()) return;
  fuzz::Promise(static_cast<std::size_t>(matrix->bytes()) == tensor.data().size(), "a matrix has the bytes that came");
  fuzz::Promise(server::TensorFromMatrix(*matrix).data() == tensor.data(), "in their order");
}

void List(const v1::ListJobsRequest& request) {
  server::Violations violations;
  server::CheckJobFilter(request.filter(), &violations);
  (void)violations.ToStatus();
  (void)server::ParsePageRequest({request.page_size(), request.page_token()}, "jobs");
}

}  // namespace

CVXNN_MUTATE_AS(any_request, cvxnn::fuzz::AnyRequest);

CVXNN_FUZZ_TARGET(any_request) {
  fuzz::AnyRequest any;
  if (!fuzz::ParseMessage(input, &any)) return;
  Generate(any.generate());
  Import(any.import());
  Matrix(any.tensor());
  List(any.list_jobs());
}
