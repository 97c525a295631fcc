// SPDX-License-Identifier: Apache-2.0
// Tests of the IDX reader on files made here and, where they are at hand, on MNIST.
#include "core/data/idx_reader.h"

#include <zlib.h>

#include "tests/core/data/support.h"

namespace cvxnn::data {
namespace {

using testing::ElementsAre;

// An IDX file of unsigned bytes.
std::string Idx(const std::vector<std::uint32_t>& shape, const std::string& elements, int type = 8) {
  std::string bytes = {0, 0, static_cast<char>(type), static_cast<char>(shape.size())};
  for (const std::uint32_t size : shape) {
    for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>((size >> shift) & 0xFF);
  }
  return bytes + elements;
}

std::string Gzip(const std::string& bytes) {
  const TempFolder folder;
  gzFile file = gzopen(folder.Path("z").c_str(), "wb");
  EXPECT_EQ(gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size())), static_cast<int>(bytes.size()));
  EXPECT_EQ(gzclose(file), Z_OK);
  return ReadBytes(folder.Path("z"));
}

const std::string kImages = Idx({3, 1, 2}, std::string("\x00\x01\x02\x03\xFE\xFF", 6));
const std::string kLabels = Idx({3}, std::string("\x07\x00\x07", 3));

absl::StatusOr<Dataset> ReadPair(const std::string& images, const std::string& labels, const ReadLimits& limits = {}) {
  const TempFolder folder;
  return ReadIdx({folder.Write("images", images), folder.Write("labels", labels), "", ""}, limits);
}

TEST(IdxReader, ReadsImagesAndLabels) {
  const auto dataset = ReadPair(kImages, kLabels);
  ASSERT_THAT(dataset, Succeeds());
  EXPECT_EQ(Rows(dataset->train.features), Rows(Table({{0, 1}, {2, 3}, {254, 255}})));
  EXPECT_EQ(dataset->train.features.type(), ElementType::kFloat32);
  EXPECT_THAT(dataset->description.class_names, ElementsAre("0", "7"));
  EXPECT_EQ(Rows(dataset->train.targets), Rows(Table({{0, 1}, {1, 0}, {0, 1}})));
  ASSERT_TRUE(dataset->description.image_shape.has_value());
  EXPECT_EQ(dataset->description.image_shape->channels, 1);
  EXPECT_EQ(dataset->description.image_shape->height, 1);
  EXPECT_EQ(dataset->description.image_shape->width, 2);
}

TEST(IdxReader, ReadsGzipAndChannels) {
  const auto gzip = ReadPair(Gzip(kImages), Gzip(kLabels));
  ASSERT_THAT(gzip, Succeeds());
  EXPECT_EQ(gzip->train.features.at(2, 1), 255);
  const auto channels = ReadPair(Idx({3, 2, 1, 1}, "abcdef"), kLabels);
  ASSERT_THAT(channels, Succeeds());
  EXPECT_EQ(channels->description.image_shape->channels, 2);
}

TEST(IdxReader, FindsTheFilesOfAFolder) {
  const TempFolder folder;
  EXPECT_THAT(FindIdxFiles(folder.path()), Fails(absl::StatusCode::kNotFound, "must have train-images-idx3-ubyte"));
  folder.Write("train-images-idx3-ubyte", kImages);
  folder.Write("train-labels-idx1-ubyte.gz", Gzip(kLabels));
  folder.Write("t10k-images-idx3-ubyte.gz", Gzip(kImages));
  auto files = FindIdxFiles(folder.path());
  ASSERT_THAT(files, Succeeds());
  EXPECT_THAT(ReadIdx(*files, {}), IsInvalid("test_images and test_labels: must be given together"));
  folder.Write("t10k-labels-idx1-ubyte", kLabels);
  files = FindIdxFiles(folder.path());
  ASSERT_THAT(files, Succeeds());
  const auto dataset = ReadIdx(*files, {});
  ASSERT_THAT(dataset, Succeeds());
  EXPECT_EQ(dataset->test.rows(), 3);
}

TEST(IdxReader, RefusesEveryTruncationAndAnyExtraByte) {
  for (std::size_t size = 0; size < kImages.size(); ++size) {
    EXPECT_THAT(ReadPair(kImages.substr(0, size), kLabels), IsInvalid("images: truncated")) << size;
  }
  for (std::size_t size = 0; size < kLabels.size(); ++size) {
    EXPECT_THAT(ReadPair(kImages, kLabels.substr(0, size)), IsInvalid("labels: truncated")) << size;
  }
  EXPECT_THAT(ReadPair(kImages + "x", kLabels), IsInvalid("images: oversized"));
  EXPECT_THAT(ReadPair(kImages, kLabels + "x"), IsInvalid("labels: oversized"));
  EXPECT_THAT(ReadPair(Gzip(kImages + "x"), kLabels), IsInvalid("images: oversized"));
  EXPECT_THAT(ReadPair(Gzip(kImages.substr(0, 21)), kLabels), IsInvalid("images: truncated"));
}

TEST(IdxReader, RefusesDamagedGzip) {
  const std::string whole = Gzip(kImages);
  EXPECT_THAT(ReadPair(whole.substr(0, whole.size() - 9), kLabels), IsInvalid("images: truncated"));
  std::string damaged = whole;
  damaged[whole.size() - 6] = static_cast<char>(damaged[whole.size() - 6] ^ 0x55);  // in the CRC
  EXPECT_THAT(ReadPair(damaged, kLabels), IsInvalid("images: damaged gzip data"));
}

TEST(IdxReader, ReadsGzipStreamsOneAfterTheOther) {
  const auto read = ReadPair(Gzip(kImages.substr(0, 20)) + Gzip(kImages.substr(20)), Gzip(kLabels));
  ASSERT_THAT(read, Succeeds());
  EXPECT_EQ(read->train.features.at(2, 1), 255);
}

TEST(IdxReader, RefusesBytesAfterTheGzipData) {
  EXPECT_THAT(ReadPair(Gzip(kImages) + "junk", kLabels), IsInvalid("images: oversized: bytes follow the gzip data"));
  EXPECT_THAT(ReadPair(Gzip(kImages) + Gzip("junk"), kLabels), IsInvalid("images: oversized"));
  EXPECT_THAT(ReadPair(Gzip(kImages) + Gzip("junk").substr(0, 9), kLabels), IsInvalid("images: truncated gzip data"));
}

TEST(IdxReader, RefusesWrongMagic) {
  EXPECT_THAT(ReadPair(kLabels, kLabels), IsInvalid("images: IDX magic 0x00000801: must be 0x00000803 or 0x00000804"));
  EXPECT_THAT(ReadPair(kImages, kImages), IsInvalid("labels: IDX magic 0x00000803: must be 0x00000801"));
  EXPECT_THAT(ReadPair(Idx({3, 1, 2}, "abcdef", 13), kLabels), IsInvalid("images: IDX magic 0x00000d03"));
  EXPECT_THAT(ReadPair("GIF89a", kLabels), IsInvalid("images: IDX magic 0x47494638"));
}

TEST(IdxReader, NeverTrustsThePromisedSize) {
  const std::string huge = Idx({0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF}, "");
  EXPECT_THAT(ReadPair(huge, kLabels), IsInvalid("images: truncated: its header promises more"));
  EXPECT_THAT(ReadPair(Gzip(huge), kLabels), IsInvalid("images: truncated: its header promises more"));
  EXPECT_THAT(ReadPair(Idx({3, 0, 2}, ""), kLabels), IsInvalid("images: dimension 1 is 0"));
  ReadLimits limits;
  limits.max_bytes = 23;
  EXPECT_THAT(ReadPair(kImages, kLabels, limits), Fails(absl::StatusCode::kResourceExhausted, "images: 6 pixels"));
}

TEST(IdxReader, RefusesFilesThatDoNotGoTogether) {
  EXPECT_THAT(ReadPair(kImages, Idx({2}, "ab")), IsInvalid("images has 3 images but labels has 2 labels"));
  const TempFolder folder;
  const IdxFiles files{folder.Write("a", kImages), folder.Write("b", kLabels),
                       folder.Write("c", Idx({3, 2, 1}, "abcdef")), folder.Write("d", kLabels)};
  EXPECT_THAT(ReadIdx(files, {}), IsInvalid("c and a have images of different size"));
}

TEST(IdxReader, ReadsMnist) {
  if (!std::filesystem::exists(Shared("mnist/t10k-images-idx3-ubyte.gz"))) {
    GTEST_SKIP() << "the shared data sets are not here";
  }
  const auto dataset =
      ReadIdx({Shared("mnist/t10k-images-idx3-ubyte.gz"), Shared("mnist/t10k-labels-idx1-ubyte.gz"), "", ""}, {});
  ASSERT_THAT(dataset, Succeeds());
  EXPECT_EQ(dataset->train.features.rows(), 10'000);
  EXPECT_EQ(dataset->train.features.cols(), 784);
  EXPECT_EQ(dataset->train.targets.ToDouble().col(7).sum(), 1028);  // sevens in the test part, as published
  EXPECT_EQ(dataset->train.targets.at(0, 7), 1);                    // the first test image is a seven
}

}  // namespace
}  // namespace cvxnn::data
