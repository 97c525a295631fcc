// SPDX-License-Identifier: Apache-2.0
// Tests of the NPY reader on files that NumPy wrote (tests/testdata/make_fixtures.py) and on mangled copies of them.
#include "core/data/npy_reader.h"

#include "tests/core/data/support.h"

namespace cvxnn::data {
namespace {

using testing::ElementsAre;

absl::StatusOr<NpyArray> ReadArray(const std::string& path, std::int64_t max_bytes = 1 << 20) {
  auto source = OpenFile(path);
  if (!source.ok()) return source.status();
  return ReadNpyArray(**source, max_bytes);
}

absl::StatusOr<NpyArray> ReadArrayBytes(const std::string& bytes) {
  const TempFolder folder;
  return ReadArray(folder.Write("a.npy", bytes));
}

// An NPY file of version 1.0 with this dictionary and these elements.
std::string Npy(const std::string& dictionary, const std::string& elements) {
  std::string bytes("\x93NUMPY\x01\x00", 8);
  bytes += static_cast<char>(dictionary.size() & 0xFF);
  bytes += static_cast<char>(dictionary.size() >> 8);
  return bytes + dictionary + elements;
}

class NpyTable : public testing::TestWithParam<std::string> {};

TEST_P(NpyTable, IsReadInEveryTypeAndOrder) {
  for (const char* order : {"_C", "_F"}) {
    const auto array = ReadArray(Testdata("npy/table_" + GetParam() + order + ".npy"));
    ASSERT_THAT(array, Succeeds());
    EXPECT_EQ(Rows(array->values), Rows(Table({{0, 1}, {10, 11}, {20, 21}})));
    EXPECT_THAT(array->shape, ElementsAre(3, 2));
    const bool narrow = GetParam() == "le_f4" || GetParam() == "be_f4" || GetParam() == "u1";
    EXPECT_EQ(array->values.type(), narrow ? ElementType::kFloat32 : ElementType::kFloat64);
  }
}

INSTANTIATE_TEST_SUITE_P(Types, NpyTable,
                         testing::Values("le_f4", "le_f8", "be_f4", "be_f8", "le_i2", "be_i4", "le_i8", "le_u2",
                                         "le_u4", "be_u8", "u1", "i1"),
                         [](const auto& instance) { return instance.param; });

TEST(NpyReader, ReadsOneDimensionAsAColumn) {
  const auto array = ReadArray(Testdata("npy/negative_i1.npy"));
  ASSERT_THAT(array, Succeeds());
  EXPECT_EQ(Rows(array->values), Rows(Table({{-128}, {-1}, {127}})));
  EXPECT_THAT(array->shape, ElementsAre(3));
}

TEST(NpyReader, ReadsBoolAsZeroAndOne) {
  const auto array = ReadArray(Testdata("npy/bool.npy"));
  ASSERT_THAT(array, Succeeds());
  EXPECT_EQ(Rows(array->values), Rows(Table({{1, 0}, {0, 1}})));
  EXPECT_EQ(array->values.type(), ElementType::kFloat32);
}

TEST(NpyReader, ReadsVersionsTwoAndThree) {
  for (const char* name : {"npy/version_2.npy", "npy/version_3.npy"}) {
    const auto array = ReadArray(Testdata(name));
    ASSERT_THAT(array, Succeeds());
    EXPECT_EQ(array->values.at(2, 1), 21);
  }
}

TEST(NpyReader, ReordersFortranImages) {
  const auto array = ReadArray(Testdata("npy/images_F.npy"));
  ASSERT_THAT(array, Succeeds());
  ASSERT_THAT(array->shape, ElementsAre(2, 3, 2, 4));
  for (int n = 0; n < 2; ++n) {
    for (int c = 0; c < 3; ++c) {
      for (int h = 0; h < 2; ++h) {
        for (int w = 0; w < 4; ++w) {
          EXPECT_EQ(array->values.at(n, (c * 2 + h) * 4 + w), 1000 * n + 100 * c + 10 * h + w);
        }
      }
    }
  }
}

TEST(NpyReader, RefusesTypesAndShapesThatAreNotTables) {
  EXPECT_THAT(ReadArray(Testdata("npy/complex.npy")), IsInvalid("complex.npy: NPY dtype \"<c16\": must be f4"));
  EXPECT_THAT(ReadArray(Testdata("npy/structured.npy")), IsInvalid("must give descr (a plain type)"));
  EXPECT_THAT(ReadArray(Testdata("npy/scalar.npy")), IsInvalid("NPY shape (): must have at least one dimension"));
  EXPECT_THAT(ReadArray(Testdata("npy/empty.npy")), IsInvalid("NPY shape (0, 4): must have no dimension of 0"));
}

TEST(NpyReader, RefusesEveryTruncation) {
  const std::string whole = ReadBytes(Testdata("npy/table_le_f4_C.npy"));
  ASSERT_GT(whole.size(), 24U);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_THAT(ReadArrayBytes(whole.substr(0, size)), IsInvalid("a.npy: ")) << size;
  }
  EXPECT_THAT(ReadArrayBytes(whole.substr(0, whole.size() - 1)), IsInvalid("truncated"));
}

TEST(NpyReader, RefusesBytesAfterTheArray) {
  EXPECT_THAT(ReadArrayBytes(ReadBytes(Testdata("npy/table_le_f4_C.npy")) + "x"), IsInvalid("a.npy: oversized"));
}

TEST(NpyReader, NeverTrustsThePromisedSize) {
  const char* head = "{'descr': '<f8', 'fortran_order': False, 'shape': ";
  EXPECT_THAT(ReadArrayBytes(Npy(std::string(head) + "(1000000000000, 2)}", "12345678")),
              IsInvalid("truncated: its header promises 2000000000000 elements"));
  EXPECT_THAT(ReadArrayBytes(Npy(std::string(head) + "(4294967296, 4294967296)}", "")),
              IsInvalid("has too many elements"));
  EXPECT_THAT(ReadArrayBytes(Npy(std::string(head) + "(99999999999999999999,)}", "")), IsInvalid("NPY header"));
  EXPECT_THAT(ReadArray(Testdata("npy/table_le_f8_C.npy"), 47),
              Fails(absl::StatusCode::kResourceExhausted, "6 elements need 48 bytes: must be at most 47"));
  EXPECT_THAT(ReadArray(Testdata("npy/table_u1_C.npy"), 23),
              Fails(absl::StatusCode::kResourceExhausted, "6 elements need 24 bytes: must be at most 23"));
}

TEST(NpyReader, RefusesMangledHeaders) {
  const std::string whole = ReadBytes(Testdata("npy/table_le_f4_C.npy"));
  std::string bytes = whole;
  bytes[0] = 'x';
  EXPECT_THAT(ReadArrayBytes(bytes), IsInvalid("is not an NPY array: wrong magic"));
  bytes = whole;
  bytes[6] = 4;
  EXPECT_THAT(ReadArrayBytes(bytes), IsInvalid("NPY version 4.0: must be 1.0, 2.0 or 3.0"));
  EXPECT_THAT(ReadArrayBytes(std::string("\x93NUMPY\x02\x00\xFF\xFF\xFF\x7F", 12)), IsInvalid("NPY header of"));
  for (const char* dictionary : {"", "{", "{}", "{'descr': '<f4', 'fortran_order': False}",
                                 "{'descr': '<f4', 'fortran_order': 0, 'shape': (1,)}",
                                 "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}",
                                 "{'descr': '<f4', 'fortran_order': False, 'shape': 1}",
                                 "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} x", "{'descr: '<f4'}",
                                 "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,)}",
                                 "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'more': 1}"}) {
    EXPECT_THAT(ReadArrayBytes(Npy(dictionary, "1234")), IsInvalid("NPY header \"")) << dictionary;
  }
  for (const char* type : {"f4", "<f2", "<f16", "<b4", "<i3", "<U1", "|O", "?f4", "|f4"}) {
    const std::string dictionary = std::string("{'descr': '") + type + "', 'fortran_order': False, 'shape': (1,)}";
    EXPECT_THAT(ReadArrayBytes(Npy(dictionary, "1234")), IsInvalid("NPY dtype \"")) << type;
  }
}

TEST(NpyReader, ReadsAHeaderOfAnotherStyle) {
  const auto array =
      ReadArrayBytes(Npy("{\"shape\":(2L,1L),\"fortran_order\":True,\"descr\":\"|u1\"}", std::string("\x05\xFF", 2)));
  ASSERT_THAT(array, Succeeds());
  EXPECT_EQ(Rows(array->values), Rows(Table({{5}, {255}})));
}

TEST(NpyReader, JoinsFeaturesAndClassNumbers) {
  const auto dataset =
      ReadNpy({Testdata("npy/table_le_f4_F.npy"), Testdata("npy/labels_i8.npy"), "", ""}, TargetKind::kClasses, {});
  ASSERT_THAT(dataset, Succeeds());
  EXPECT_THAT(dataset->description.class_names, ElementsAre("-2", "7"));
  EXPECT_EQ(Rows(dataset->train.targets), Rows(Table({{0, 1}, {1, 0}, {0, 1}})));
  EXPECT_EQ(dataset->train.targets.type(), ElementType::kFloat32);
  EXPECT_EQ(dataset->description.source, "npy table_le_f4_F.npy");
}

TEST(NpyReader, JoinsFeaturesAndValuesWithATestPart) {
  const std::string table = Testdata("npy/table_le_f8_C.npy");
  const auto dataset =
      ReadNpy({table, Testdata("npy/labels_i8.npy"), table, Testdata("npy/negative_i1.npy")}, TargetKind::kValues, {});
  ASSERT_THAT(dataset, Succeeds());
  EXPECT_EQ(dataset->description.task, Task::kRegression);
  EXPECT_EQ(Rows(dataset->test.targets), Rows(Table({{-128}, {-1}, {127}})));
}

TEST(NpyReader, TakesTheImageShapeFromFourDimensions) {
  const auto dataset =
      ReadNpy({Testdata("npy/images_F.npy"), Testdata("npy/bool.npy"), "", ""}, TargetKind::kValues, {});
  ASSERT_THAT(dataset, Succeeds());
  ASSERT_TRUE(dataset->description.image_shape.has_value());
  EXPECT_EQ(dataset->description.image_shape->channels, 3);
  EXPECT_EQ(dataset->description.image_shape->height, 2);
  EXPECT_EQ(dataset->description.image_shape->width, 4);
}

TEST(NpyReader, RefusesArraysThatDoNotGoTogether) {
  const std::string table = Testdata("npy/table_le_f8_C.npy");
  const std::string labels = Testdata("npy/labels_i8.npy");
  EXPECT_THAT(ReadNpy({table, Testdata("npy/bool.npy"), "", ""}, TargetKind::kValues, {}),
              IsInvalid("training features have 3 rows but training targets have 2: must be equal"));
  EXPECT_THAT(ReadNpy({table, table, "", ""}, TargetKind::kClasses, {}),
              IsInvalid("training targets has shape (3, 2): must be one class number per row"));
  EXPECT_THAT(ReadNpy({table, labels, Testdata("npy/images_F.npy"), Testdata("npy/bool.npy")}, TargetKind::kValues, {}),
              IsInvalid("test features have shape (2, 3, 2, 4) but training features (3, 2)"));
  EXPECT_THAT(ReadNpy({table, labels, table, ""}, TargetKind::kValues, {}), IsInvalid("test features have 3 rows"));
  EXPECT_THAT(ReadNpy({Testdata("transforms/tall.npy"), Testdata("transforms/tall_pca3.npy"), "", ""},
                      TargetKind::kClasses, {}),
              IsInvalid("must be one class number per row"));
}

TEST(NpyReader, RefusesLabelsThatAreNotWholeNumbers) {
  const TempFolder folder;
  const std::string head = "{'descr': '<f4', 'fortran_order': False, 'shape': (3,)}";
  const std::string halves = folder.Write("y.npy", Npy(head, std::string("\0\0\0\0\0\0\x80?\0\0\0?", 12)));
  EXPECT_THAT(ReadNpy({Testdata("npy/table_le_f8_C.npy"), halves, "", ""}, TargetKind::kClasses, {}),
              IsInvalid("training targets: row 2 is 0.5: must be a whole number"));
}

TEST(NpyReader, RefusesWholeNumbersThatAreTooLargeForLabels) {
  const TempFolder folder;
  const std::string head = "{'descr': '<i8', 'fortran_order': False, 'shape': (3,)}";
  std::string labels(24, '\0');
  labels[8] = '\1';
  labels[23] = '\x40';  // the highest byte of the third: 2^62
  const std::string large = folder.Write("y.npy", Npy(head, labels));
  EXPECT_THAT(ReadNpy({Testdata("npy/table_le_f8_C.npy"), large, "", ""}, TargetKind::kClasses, {}),
              IsInvalid("training targets: row 2 is 4.61169e+18: a class number must be below 2^53 in magnitude"));
}

TEST(NpyReader, NamesRowAndColumnOfNan) {
  EXPECT_THAT(ReadNpy({Testdata("npy/nan.npy"), Testdata("npy/labels_i8.npy"), "", ""}, TargetKind::kClasses, {}),
              IsInvalid("nan.npy: train.features: row 1, column 1 is nan: must be finite"));
}

}  // namespace
}  // namespace cvxnn::data
