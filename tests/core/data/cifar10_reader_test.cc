// SPDX-License-Identifier: Apache-2.0
// Tests of the CIFAR-10 reader on records made here and, where they are at hand, on the real ones.
#include "core/data/cifar10_reader.h"

#include <cstdlib>

#include "tests/core/data/support.h"

namespace cvxnn::data {
namespace {

using testing::ElementsAre;

constexpr std::size_t kRecordBytes = 3073;

// One record per label; pixel i of record r is (7 r + i) mod 256.
std::string Records(const std::vector<int>& labels) {
  std::string bytes;
  for (std::size_t r = 0; r < labels.size(); ++r) {
    bytes += static_cast<char>(labels[r]);
    for (std::size_t i = 0; i + 1 < kRecordBytes; ++i) bytes += static_cast<char>((7 * r + i) % 256);
  }
  return bytes;
}

TEST(Cifar10Reader, ReadsPixelsAndLabelsOfFiles) {
  const TempFolder folder;
  const auto dataset = ReadCifar10({folder.Write("a.bin", Records({1, 0, 1})), folder.Write("b.bin", Records({9}))},
                                   {folder.Write("t.bin", Records({9, 1}))}, {});
  ASSERT_THAT(dataset, Succeeds());
  EXPECT_EQ(dataset->train.features.type(), ElementType::kFloat32);
  ASSERT_EQ(dataset->train.features.rows(), 4);
  ASSERT_EQ(dataset->train.features.cols(), 3072);
  EXPECT_EQ(dataset->train.features.at(2, 0), 14);
  EXPECT_EQ(dataset->train.features.at(2, 3071), (14 + 3071) % 256);
  EXPECT_EQ(dataset->train.features.at(3, 255), 255);
  EXPECT_THAT(dataset->description.class_names, ElementsAre("airplane", "automobile", "truck"));
  EXPECT_EQ(Rows(dataset->train.targets), Rows(Table({{0, 1, 0}, {1, 0, 0}, {0, 1, 0}, {0, 0, 1}})));
  EXPECT_EQ(Rows(dataset->test.targets), Rows(Table({{0, 0, 1}, {0, 1, 0}})));
  EXPECT_EQ(dataset->description.task, Task::kMulticlass);
  ASSERT_TRUE(dataset->description.image_shape.has_value());
  EXPECT_EQ(dataset->description.image_shape->channels, 3);
  EXPECT_EQ(dataset->description.image_shape->width, 32);
}

TEST(Cifar10Reader, ReadsAFolderInTheOrderOfItsBatches) {
  const TempFolder folder;
  folder.Write("data_batch_10.bin", Records({3}));
  folder.Write("data_batch_2.bin", Records({2}));
  folder.Write("test_batch.bin", Records({2}));
  folder.Write("batches.meta.txt", "zero\none\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\n\n");
  const auto dataset = ReadCifar10({folder.path()}, {}, {});
  ASSERT_THAT(dataset, Succeeds());
  EXPECT_THAT(dataset->description.class_names, ElementsAre("two", "three"));
  EXPECT_EQ(Rows(dataset->train.targets), Rows(Table({{1, 0}, {0, 1}})));
  EXPECT_EQ(dataset->test.rows(), 1);
}

TEST(Cifar10Reader, ReadsAFolderOfTrainAndTest) {
  const TempFolder folder;
  folder.Write("train.bin", Records({0, 1}));
  const auto without_test = ReadCifar10({folder.path()}, {}, {});
  ASSERT_THAT(without_test, Succeeds());
  EXPECT_EQ(without_test->test.rows(), 0);
  folder.Write("test.bin", Records({1}));
  const auto with_test = ReadCifar10({folder.path()}, {}, {});
  ASSERT_THAT(with_test, Succeeds());
  EXPECT_EQ(with_test->test.rows(), 1);
}

TEST(Cifar10Reader, NamesTheFileOfAWrongSize) {
  const TempFolder folder;
  const std::string whole = Records({0, 1});
  const std::string good = folder.Write("good.bin", whole);
  for (const std::string& bytes : {whole.substr(0, whole.size() - 1), whole + "x", std::string()}) {
    const std::string bad = folder.Write("bad.bin", bytes);
    EXPECT_THAT(ReadCifar10({good, bad}, {}, {}), IsInvalid("bad.bin: has " + std::to_string(bytes.size()) +
                                                            " bytes: must be a positive multiple of 3073"));
    EXPECT_THAT(ReadCifar10({good}, {bad}, {}), IsInvalid("bad.bin: has "));
  }
}

TEST(Cifar10Reader, NamesTheRecordOfALabelAboveNine) {
  const TempFolder folder;
  EXPECT_THAT(ReadCifar10({folder.Write("a.bin", Records({0, 1, 10}))}, {}, {}),
              IsInvalid("a.bin: record 2 has label 10: must be in [0, 9]"));
  EXPECT_THAT(ReadCifar10({folder.Write("a.bin", Records({255}))}, {}, {}), IsInvalid("record 0 has label 255"));
}

TEST(Cifar10Reader, RefusesUnusableFolders) {
  const TempFolder folder;
  EXPECT_THAT(ReadCifar10({folder.path()}, {}, {}),
              Fails(absl::StatusCode::kNotFound, "has neither data_batch_*.bin nor train.bin"));
  folder.Write("train.bin", Records({0, 1}));
  EXPECT_THAT(ReadCifar10({folder.path()}, {folder.Path("train.bin")}, {}), IsInvalid("test_paths: must be empty"));
  for (const char* names : {"a\nb\n", "a\na\nc\nd\ne\nf\ng\nh\ni\nj\n", "a\nb\nc\nd\ne\nf\ng\nh\ni\n\xFF\n"}) {
    folder.Write("batches.meta.txt", names);
    EXPECT_THAT(ReadCifar10({folder.path()}, {}, {}), IsInvalid("batches.meta.txt: has ")) << names;
  }
}

TEST(Cifar10Reader, RefusesMissingFilesAndTooManyRecords) {
  const TempFolder folder;
  EXPECT_THAT(ReadCifar10({folder.Path("no.bin")}, {}, {}), Fails(absl::StatusCode::kNotFound, "no.bin"));
  EXPECT_THAT(ReadCifar10({}, {}, {}), IsInvalid("train_paths: must name a folder or at least one file"));
  ReadLimits limits;
  limits.max_bytes = 2 * 3082 * 4 - 1;
  EXPECT_THAT(ReadCifar10({folder.Write("a.bin", Records({0, 1}))}, {}, limits),
              Fails(absl::StatusCode::kResourceExhausted, "2 records need 24656 bytes: must be at most 24655"));
}

TEST(Cifar10Reader, ReadsTheRealTestImages) {
  const std::string packed = Shared("cifar-10-binary/airplane-automobile/test.bin.xz");
  if (!std::filesystem::exists(packed)) GTEST_SKIP() << "the shared data sets are not here";
  const TempFolder folder;
  const std::string path = folder.Path("test.bin");
  if (std::system(("xz -dc '" + packed + "' > '" + path + "' 2>/dev/null").c_str()) != 0) {
    GTEST_SKIP() << "xz is not here";
  }
  const auto dataset = ReadCifar10({path}, {}, {});
  ASSERT_THAT(dataset, Succeeds());
  ASSERT_EQ(dataset->train.features.rows(), 2000);
  EXPECT_THAT(dataset->description.class_names, ElementsAre("airplane", "automobile"));
  EXPECT_EQ(dataset->train.targets.ToDouble().col(0).sum(), 1000);
  // Means of the red plane must be near the published ones of the whole set, 0.49 of 255.
  EXPECT_NEAR(dataset->train.features.ToDouble().leftCols(1024).mean() / 255.0, 0.49, 0.05);
}

}  // namespace
}  // namespace cvxnn::data
