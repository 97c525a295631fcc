// SPDX-License-Identifier: Apache-2.0
// Tests of the NPZ reader on archives that NumPy wrote and on damaged copies of them.
#include "core/data/npz_reader.h"

#include "tests/core/data/support.h"

namespace cvxnn::data {
namespace {

using testing::ElementsAre;

TEST(NpzReader, FindsTheUsualNamesInADeflatedArchive) {
  const auto dataset = ReadNpz(Testdata("npz/deflated.npz"), {}, TargetKind::kClasses, {});
  ASSERT_THAT(dataset, Succeeds());
  EXPECT_EQ(Rows(dataset->train.features), Rows(Table({{0, 1, 2}, {3, 4, 5}, {6, 7, 8}, {9, 10, 11}})));
  EXPECT_EQ(Rows(dataset->test.features), Rows(Table({{0, -1, -2}, {-3, -4, -5}})));
  EXPECT_THAT(dataset->description.class_names, ElementsAre("5", "9"));
  EXPECT_EQ(Rows(dataset->test.targets), Rows(Table({{0, 1}, {1, 0}})));
  EXPECT_EQ(dataset->description.source, "npz deflated.npz");
}

TEST(NpzReader, ReadsNamedArraysOfAStoredArchive) {
  const auto dataset = ReadNpz(Testdata("npz/own_names.npz"), {"inputs", "outputs", "", ""}, TargetKind::kValues, {});
  ASSERT_THAT(dataset, Succeeds());
  EXPECT_EQ(Rows(dataset->train.targets), Rows(Table({{2.5, -2.5}, {4.5, -4.5}, {2.5, -2.5}, {4.5, -4.5}})));
}

TEST(NpzReader, ListsTheArraysWhenANameIsUnknown) {
  EXPECT_THAT(ReadNpz(Testdata("npz/own_names.npz"), {}, TargetKind::kValues, {}),
              IsInvalid("own_names.npz: npz.train_features is not set and no usual name is there: must be one of "
                        "\"inputs\", \"outputs\""));
  EXPECT_THAT(ReadNpz(Testdata("npz/own_names.npz"), {"inputs", "z", "", ""}, TargetKind::kValues, {}),
              IsInvalid("npz.train_targets = \"z\": must be one of \"inputs\", \"outputs\""));
}

TEST(NpzReader, SaysWhenThereIsNoArrayAtAll) {
  const TempFolder folder;
  // The end record of a zip archive without members.
  const std::string empty = std::string("PK\x05\x06") + std::string(18, '\0');
  EXPECT_THAT(ReadNpz(folder.Write("empty.npz", empty), {}, TargetKind::kValues, {}),
              IsInvalid("empty.npz: the archive holds no .npy array"));
}

TEST(NpzReader, RefusesABombBeforeInflatingIt) {
  ReadLimits limits;
  limits.max_bytes = 1 << 20;
  ASSERT_LT(std::filesystem::file_size(Testdata("npz/bomb.npz")), 20'000U);
  EXPECT_THAT(ReadNpz(Testdata("npz/bomb.npz"), {}, TargetKind::kValues, limits),
              Fails(absl::StatusCode::kResourceExhausted,
                    "bomb.npz: array \"X\": 4194304 elements need 16777216 bytes: must be at most 1048576"));
}

TEST(NpzReader, CountsAllArraysTogetherAgainstTheLimit) {
  ReadLimits limits;
  limits.max_bytes = 12 * 8 + 4 * 8 + 6 * 8 + 15;
  EXPECT_THAT(ReadNpz(Testdata("npz/deflated.npz"), {}, TargetKind::kValues, limits),
              Fails(absl::StatusCode::kResourceExhausted, "array \"y_test\": 2 elements need 16 bytes"));
  limits.max_bytes += 1;
  EXPECT_THAT(ReadNpz(Testdata("npz/deflated.npz"), {}, TargetKind::kValues, limits), Succeeds());
}

TEST(NpzReader, RefusesOtherCompressions) {
  EXPECT_THAT(ReadNpz(Testdata("npz/bzip2.npz"), {}, TargetKind::kClasses, {}),
              IsInvalid("compression method 12: must be stored or deflated"));
}

TEST(NpzReader, RefusesEveryTruncation) {
  const TempFolder folder;
  const std::string whole = ReadBytes(Testdata("npz/deflated.npz"));
  for (std::size_t size = 0; size < whole.size(); size += 7) {
    EXPECT_THAT(ReadNpz(folder.Write("t.npz", whole.substr(0, size)), {}, TargetKind::kClasses, {}),
                IsInvalid("t.npz: is not an NPZ archive"))
        << size;
  }
}

TEST(NpzReader, NoticesEveryFlippedByteOfAnArray) {
  // A stored archive: element bytes are covered by the CRC only.
  const TempFolder folder;
  const std::string whole = ReadBytes(Testdata("npz/own_names.npz"));
  const std::size_t first_element = whole.find('\n', whole.find("(4, 3)")) + 1;
  for (std::size_t i = 0; i < 12 * 8; ++i) {
    std::string damaged = whole;
    damaged[first_element + i] = static_cast<char>(damaged[first_element + i] ^ 0x10);
    EXPECT_THAT(ReadNpz(folder.Write("t.npz", damaged), {"inputs", "outputs", "", ""}, TargetKind::kValues, {}),
                IsInvalid("array \"inputs\": damaged"))
        << i;
  }
}

TEST(NpzReader, SurvivesAnyFlippedByte) {
  const TempFolder folder;
  const std::string whole = ReadBytes(Testdata("npz/deflated.npz"));
  int refused = 0;
  for (std::size_t i = 0; i < whole.size(); ++i) {
    std::string damaged = whole;
    damaged[i] = static_cast<char>(damaged[i] ^ 0xFF);
    refused += ReadNpz(folder.Write("t.npz", damaged), {}, TargetKind::kClasses, {}).ok() ? 0 : 1;
  }
  EXPECT_GT(refused, static_cast<int>(whole.size()) / 2);
}

TEST(NpzReader, SaysWhichFileIsMissing) {
  EXPECT_THAT(ReadNpz("/nowhere/a.npz", {}, TargetKind::kValues, {}),
              Fails(absl::StatusCode::kNotFound, "/nowhere/a.npz"));
}

}  // namespace
}  // namespace cvxnn::data
