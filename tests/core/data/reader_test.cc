// SPDX-License-Identifier: Apache-2.0
// Tests of the entrance to all readers: formats by name, options that do not apply.
#include "core/data/reader.h"

#include "core/data/validate.h"
#include "tests/core/data/support.h"

namespace cvxnn::data {
namespace {

ReadOptions From(const std::string& path) {
  ReadOptions options;
  options.train_paths = {path};
  return options;
}

TEST(Reader, TellsTheFormatByTheName) {
  const TempFolder folder;
  const std::string records = std::string(3073, '\0') + std::string(3073, '\1');
  const auto csv = ReadDataset(From(folder.Write("t.CSV", "a,y\n1,0\n2,1\n")));
  ASSERT_THAT(csv, Succeeds());
  EXPECT_EQ(csv->description.source, "csv t.CSV");
  const auto tsv = ReadDataset(From(folder.Write("t.tsv", "a\ty\n1\t0\n2\t1\n")));
  ASSERT_THAT(tsv, Succeeds());
  EXPECT_EQ(tsv->train.features.cols(), 1);
  const auto npz = ReadDataset(From(Testdata("npz/deflated.npz")));
  ASSERT_THAT(npz, Succeeds());
  EXPECT_EQ(npz->description.source, "npz deflated.npz");
  const auto cifar = ReadDataset(From(folder.Write("a.bin", records)));
  ASSERT_THAT(cifar, Succeeds());
  EXPECT_EQ(cifar->description.source, "cifar10 a.bin");
  folder.Write("train.bin", records);
  const auto folder_of_records = ReadDataset(From(folder.path()));
  ASSERT_THAT(folder_of_records, Succeeds());
  EXPECT_EQ(folder_of_records->train.features.cols(), 3072);
  ReadOptions npy = From(Testdata("npy/table_le_f8_C.npy"));
  npy.train_targets_path = Testdata("npy/labels_i8.npy");
  EXPECT_THAT(ReadDataset(npy), Succeeds());
  EXPECT_THAT(ReadDataset(From(folder.Write("t.dat", "x"))), IsInvalid("format: cannot be told from"));
}

TEST(Reader, ReadsIdxFilesAndFolders) {
  const TempFolder folder;
  const std::string images("\0\0\10\3\0\0\0\2\0\0\0\1\0\0\0\1ab", 18);
  const std::string labels("\0\0\10\1\0\0\0\2\0\1", 10);
  ReadOptions files = From(folder.Write("train-images-idx3-ubyte", images));
  EXPECT_THAT(ReadDataset(files), IsInvalid("train_targets_path is empty: must name the targets for format idx"));
  files.train_targets_path = folder.Write("train-labels-idx1-ubyte", labels);
  ASSERT_THAT(ReadDataset(files), Succeeds());
  const auto found = ReadDataset(From(folder.path()));
  ASSERT_THAT(found, Succeeds());
  EXPECT_EQ(found->train.features.at(1, 0), 'b');
}

TEST(Reader, PassesOnTheOptionsOfCsv) {
  const TempFolder folder;
  ReadOptions options = From(folder.Write("t.dat", "1;2;3\n4;5;6\n"));
  options.format = FileFormat::kCsv;
  options.csv_has_header = false;
  options.csv_delimiter = ';';
  options.csv_label_columns = {"0", "2"};
  options.targets = TargetKind::kValues;
  options.test_paths = {folder.Write("test.dat", "7;8;9\n")};
  const auto dataset = ReadDataset(options);
  ASSERT_THAT(dataset, Succeeds());
  EXPECT_EQ(Rows(dataset->train.targets), Rows(Table({{1, 3}, {4, 6}})));
  EXPECT_EQ(Rows(dataset->test.features), Rows(Table({{8}})));
  options.limits.max_bytes = 71;
  EXPECT_THAT(ReadDataset(options), Fails(absl::StatusCode::kResourceExhausted, "limit of 71 bytes"));
}

TEST(Reader, NamesTheOptionThatDoesNotApply) {
  const TempFolder folder;
  const std::string csv = folder.Write("t.csv", "a,y\n1,0\n2,1\n");
  EXPECT_THAT(ReadDataset({}), IsInvalid("train_paths is empty"));
  ReadOptions options = From(csv);
  options.train_targets_path = csv;
  EXPECT_THAT(ReadDataset(options), IsInvalid("train_targets_path: does not apply to format csv"));
  options = From(csv);
  options.test_targets_path = csv;
  EXPECT_THAT(ReadDataset(options), IsInvalid("test_targets_path: does not apply to format csv"));
  options = From(csv);
  options.train_paths.push_back(csv);
  EXPECT_THAT(ReadDataset(options), IsInvalid("train_paths has 2 and test_paths 0 entries"));
  options = From(Testdata("npz/deflated.npz"));
  options.test_paths = {csv};
  EXPECT_THAT(ReadDataset(options), IsInvalid("test_paths: does not apply to format npz"));
  options = From(Testdata("npy/table_le_f8_C.npy"));
  options.train_targets_path = Testdata("npy/labels_i8.npy");
  options.test_paths = {csv};
  EXPECT_THAT(ReadDataset(options), IsInvalid("test_paths and test_targets_path: must be given together"));
  options = From(folder.path());
  options.format = FileFormat::kCsv;
  EXPECT_THAT(ReadDataset(options), IsInvalid("train_paths[0] is a folder: must be a file for format csv"));
  options = From(csv);
  options.limits.max_bytes = 0;
  EXPECT_THAT(ReadDataset(options), IsInvalid("limits.max_bytes = 0: must be > 0"));
}

}  // namespace
}  // namespace cvxnn::data
