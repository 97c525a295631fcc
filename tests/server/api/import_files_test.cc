// SPDX-License-Identifier: Apache-2.0
// Binary files through ImportDataset: whole ones become data sets, cut and overlong ones are refused and leave nothing.
#include <gmock/gmock.h>

#include <fstream>

#include "tests/server/api/server_fixture.h"

namespace cvxnn::server {
namespace {

std::string BigEndian(const std::vector<std::uint32_t>& numbers) {
  std::string bytes;
  for (const std::uint32_t number : numbers) {
    for (const int shift : {24, 16, 8, 0}) bytes.push_back(static_cast<char>(number >> shift));
  }
  return bytes;
}

// NumPy's format, version 1.0: a header padded to a multiple of 64 bytes, then the elements.
std::string Npy(const std::string& shape, const std::vector<double>& values) {
  std::string header = "{'descr': '<f8', 'fortran_order': False, 'shape': " + shape + ", }";
  constexpr std::size_t kPreamble = 10;
  while ((kPreamble + header.size() + 1) % 64 != 0) header.push_back(' ');
  header.push_back('\n');
  std::string file("\x93NUMPY\x01\x00", 8);
  file.push_back(static_cast<char>(header.size() % 256));
  file.push_back(static_cast<char>(header.size() / 256));
  return file + header + std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(double));
}

class ImportFilesTest : public ServerTest {
 protected:
  void SetUp() override {
    ServerTest::SetUp();
    options_.import_root = folder_.path() + "/imports";
    std::filesystem::create_directory(options_.import_root);
    Start();
  }
  void Put(const std::string& name, const std::string& bytes) const {
    std::ofstream(options_.import_root + "/" + name, std::ios::binary) << bytes;
  }
  grpc::Status Import(const v1::ImportDatasetRequest& request) {
    grpc::ClientContext context;
    v1::Dataset dataset;
    return datasets_->ImportDataset(&context, request, &dataset);
  }
  // `whole` is what makes file `name` one that `request` imports.
  void ExpectOnlyTheWholeFile(const v1::ImportDatasetRequest& request, const std::string& name,
                              const std::string& whole) {
    for (const std::string& bytes :
         {whole.substr(0, whole.size() - 1), whole + "x", whole.substr(0, 3), std::string()}) {
      Put(name, bytes);
      const grpc::Status status = Import(request);
      EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT)
          << name << " of " << bytes.size() << " bytes: " << status.error_message();
      EXPECT_THAT(status.error_message(), ::testing::HasSubstr(name));
      EXPECT_THAT(ViolatedFields(status), ::testing::ElementsAre("path"));
      EXPECT_EQ(StoredDatasets(), 0u);
    }
    Put(name, whole);
    const grpc::Status status = Import(request);
    EXPECT_TRUE(status.ok()) << status.error_message();
    EXPECT_EQ(StoredDatasets(), 1u);
  }
};

TEST_F(ImportFilesTest, TakeCifar10RecordsOnlyWhole) {
  v1::ImportDatasetRequest request;
  request.set_path("batch.bin");
  request.mutable_cifar10();
  std::string records;
  for (char label = 0; label < 10; ++label) records += std::string(1, label) + std::string(3072, 'p');
  ExpectOnlyTheWholeFile(request, "batch.bin", records);
}

TEST_F(ImportFilesTest, TakeIdxImagesOnlyWhole) {
  v1::ImportDatasetRequest request;
  request.set_path("images-idx3-ubyte");
  request.mutable_idx()->set_labels_path("labels-idx1-ubyte");
  Put("labels-idx1-ubyte", BigEndian({0x801, 2}) + std::string("\x00\x01", 2));
  ExpectOnlyTheWholeFile(request, "images-idx3-ubyte", BigEndian({0x803, 2, 2, 2}) + "pixels!!");
}

TEST_F(ImportFilesTest, TakeIdxLabelsOnlyWhole) {
  v1::ImportDatasetRequest request;
  request.set_path("images-idx3-ubyte");
  request.mutable_idx()->set_labels_path("labels-idx1-ubyte");
  Put("images-idx3-ubyte", BigEndian({0x803, 2, 2, 2}) + "pixels!!");
  ExpectOnlyTheWholeFile(request, "labels-idx1-ubyte", BigEndian({0x801, 2}) + std::string("\x00\x01", 2));
}

TEST_F(ImportFilesTest, TakeNpyArraysOnlyWhole) {
  v1::ImportDatasetRequest request;
  request.set_path("x.npy");
  request.mutable_numpy()->set_targets_path("y.npy");
  request.mutable_numpy()->set_task(v1::TASK_REGRESSION);
  Put("y.npy", Npy("(2, 1)", {1, 2}));
  ExpectOnlyTheWholeFile(request, "x.npy", Npy("(2, 2)", {1, 2, 3, 4}));
}

TEST_F(ImportFilesTest, RefuseAFolderWithALinkThatLeavesTheRoot) {
  const std::string record = std::string(3073, '\0');
  std::ofstream(folder_.path() + "/secret.bin", std::ios::binary) << record;
  std::filesystem::create_directory(options_.import_root + "/cifar");
  std::filesystem::create_symlink("../../secret.bin", options_.import_root + "/cifar/data_batch_1.bin");
  v1::ImportDatasetRequest request;
  request.set_path("cifar");
  request.mutable_cifar10();
  const grpc::Status outside = Import(request);
  EXPECT_EQ(outside.error_code(), grpc::StatusCode::PERMISSION_DENIED) << outside.error_message();
  EXPECT_THAT(outside.error_message(), ::testing::HasSubstr("data_batch_1.bin"));
  EXPECT_EQ(StoredDatasets(), 0u);

  Put("records.bin", record + std::string(1, '\1') + record.substr(1));
  std::filesystem::remove(options_.import_root + "/cifar/data_batch_1.bin");
  std::filesystem::create_symlink("../records.bin", options_.import_root + "/cifar/data_batch_1.bin");
  const grpc::Status inside = Import(request);
  EXPECT_TRUE(inside.ok()) << "a link within the root: " << inside.error_message();
}

TEST_F(ImportFilesTest, TakeTestRowsFromFilesOfTheirOwn) {
  Put("train.csv", "a,b,label\n1,2,x\n3,4,y\n5,6,x\n");
  Put("test.csv", "a,b,label\n7,8,y\n");
  v1::ImportDatasetRequest request;
  request.set_path("train.csv");
  request.mutable_csv()->set_test_path("test.csv");
  grpc::ClientContext csv_context;
  v1::Dataset dataset;
  const grpc::Status from_csv = datasets_->ImportDataset(&csv_context, request, &dataset);
  ASSERT_TRUE(from_csv.ok()) << from_csv.error_message();
  EXPECT_EQ(dataset.features().rows(), 3);
  EXPECT_EQ(dataset.test_rows(), 1);

  Put("x.npy", Npy("(3, 2)", {1, 2, 3, 4, 5, 6}));
  Put("y.npy", Npy("(3, 1)", {1, 2, 3}));
  Put("x_test.npy", Npy("(2, 2)", {1, 2, 3, 4}));
  Put("y_test.npy", Npy("(2, 1)", {1, 2}));
  request.set_path("x.npy");
  v1::NumpyFormat* numpy = request.mutable_numpy();
  numpy->set_targets_path("y.npy");
  numpy->set_test_features_path("x_test.npy");
  numpy->set_test_targets_path("y_test.npy");
  numpy->set_task(v1::TASK_REGRESSION);
  grpc::ClientContext numpy_context;
  const grpc::Status from_numpy = datasets_->ImportDataset(&numpy_context, request, &dataset);
  ASSERT_TRUE(from_numpy.ok()) << from_numpy.error_message();
  EXPECT_EQ(dataset.test_rows(), 2);
}

TEST_F(ImportFilesTest, NameTheFieldOfATestFileThatCannotBe) {
  Put("train.csv", "a,label\n1,x\n3,y\n");
  v1::ImportDatasetRequest request;
  request.set_path("train.csv");
  request.mutable_csv()->set_test_path("../test.csv");
  const grpc::Status outside = Import(request);
  EXPECT_EQ(outside.error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_THAT(outside.error_message(), ::testing::HasSubstr("csv.test_path"));

  request.set_path("x.npy");
  request.mutable_numpy()->set_targets_path("y.npy");
  request.mutable_numpy()->set_test_features_path("x_test.npy");
  request.mutable_numpy()->set_test_targets_key("y_test");
  const grpc::Status halves = Import(request);
  EXPECT_EQ(halves.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(ViolatedFields(halves), ::testing::ElementsAre("numpy.test_targets_path", "numpy.test_targets_key"));

  request.set_path("x.npz");
  const grpc::Status archive = Import(request);
  EXPECT_THAT(ViolatedFields(archive), ::testing::ElementsAre("numpy.targets_path", "numpy.test_features_path"));
  EXPECT_EQ(StoredDatasets(), 0u);
}

}  // namespace
}  // namespace cvxnn::server
