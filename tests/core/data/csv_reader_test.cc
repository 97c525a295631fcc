// SPDX-License-Identifier: Apache-2.0
// Tests of the CSV reader: what it reads, and what it says about files that it cannot.
#include "core/data/csv_reader.h"

#include <absl/strings/str_cat.h>

#include <cerrno>

#include "core/data/class_labels.h"
#include "core/data/csv_parser.h"
#include "tests/core/data/support.h"

namespace cvxnn::data {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

absl::StatusOr<Dataset> ReadText(const std::string& text, const CsvOptions& options = {}) {
  const TempFolder folder;
  return ReadCsv(folder.Write("t.csv", text), "", options);
}

CsvOptions Regression(std::vector<std::string> labels) {
  CsvOptions options;
  options.targets = TargetKind::kValues;
  options.label_columns = std::move(labels);
  return options;
}

TEST(CsvReader, TakesTheLastColumnAsLabelByDefault) {
  const auto dataset = ReadText("a,b,kind\n1,2,yes\n3.5,-4e2,no\n5,6,yes\n");
  ASSERT_THAT(dataset, Succeeds());
  EXPECT_EQ(Rows(dataset->train.features), Rows(Table({{1, 2}, {3.5, -400}, {5, 6}})));
  EXPECT_EQ(dataset->train.features.type(), ElementType::kFloat64);
  EXPECT_THAT(dataset->description.class_names, ElementsAre("no", "yes"));
  EXPECT_EQ(Rows(dataset->train.targets), Rows(Table({{0, 1}, {1, 0}, {0, 1}})));
  EXPECT_THAT(dataset->description.feature_names, ElementsAre("a", "b"));
  EXPECT_EQ(dataset->description.task, Task::kMulticlass);
  EXPECT_EQ(dataset->description.source, "csv t.csv");
  EXPECT_EQ(dataset->test.rows(), 0);
}

TEST(CsvReader, SortsNumericClassesByValue) {
  const auto dataset = ReadText("x,y\n1,10\n2,9\n3,-1\n4,9.0\n");
  ASSERT_THAT(dataset, Succeeds());
  EXPECT_THAT(dataset->description.class_names, ElementsAre("-1", "9", "10"));
  EXPECT_EQ(Rows(dataset->train.targets), Rows(Table({{0, 0, 1}, {0, 1, 0}, {1, 0, 0}, {0, 1, 0}})));
}

TEST(CsvReader, ReadsSeveralLabelColumnsByNameAndNumber) {
  const auto dataset = ReadText("u,a,v,b\n1,2,3,4\n5,6,7,8\n", Regression({"v", "0"}));
  ASSERT_THAT(dataset, Succeeds());
  EXPECT_EQ(Rows(dataset->train.features), Rows(Table({{2, 4}, {6, 8}})));
  EXPECT_EQ(Rows(dataset->train.targets), Rows(Table({{3, 1}, {7, 5}})));
  EXPECT_THAT(dataset->description.target_names, ElementsAre("v", "u"));
  EXPECT_EQ(dataset->description.task, Task::kRegression);
}

TEST(CsvReader, PrefersAColumnNameToItsNumber) {
  const auto dataset = ReadText("1,0\n5,6\n7,8\n", Regression({"0"}));
  ASSERT_THAT(dataset, Succeeds());
  EXPECT_EQ(Rows(dataset->train.targets), Rows(Table({{6}, {8}})));
}

TEST(CsvReader, ReadsWithoutAHeader) {
  CsvOptions options = Regression({"-1"});
  options.has_header = false;
  const auto dataset = ReadText("1,2\n3,4", options);
  ASSERT_THAT(dataset, Succeeds());
  EXPECT_EQ(Rows(dataset->train.features), Rows(Table({{1}, {3}})));
  EXPECT_THAT(dataset->description.feature_names, IsEmpty());
  EXPECT_THAT(dataset->description.target_names, IsEmpty());
}

TEST(CsvReader, ReadsQuotesCrlfByteOrderMarkSpacesAndBlankEnd) {
  CsvOptions options;
  options.delimiter = ';';
  options.label_columns = {"the \"label\";\nin two lines"};
  const auto dataset = ReadText(
      "\xEF\xBB\xBF\"first\" ;\"the \"\"label\"\";\nin two lines\"\r\n\"1\"; a \r\n +2 ;\"b\"\r\n\r\n\n", options);
  ASSERT_THAT(dataset, Succeeds());
  EXPECT_EQ(Rows(dataset->train.features), Rows(Table({{1}, {2}})));
  EXPECT_THAT(dataset->description.feature_names, ElementsAre("first"));
  EXPECT_THAT(dataset->description.class_names, ElementsAre("a", "b"));
}

TEST(CsvReader, ReadsATestFileWithTheSameColumns) {
  const TempFolder folder;
  const std::string train = folder.Write("train.csv", "x,y\n1,a\n2,b\n");
  const auto dataset = ReadCsv(train, folder.Write("test.csv", "x,y\n3,b\n"), {});
  ASSERT_THAT(dataset, Succeeds());
  EXPECT_EQ(Rows(dataset->test.features), Rows(Table({{3}})));
  EXPECT_EQ(Rows(dataset->test.targets), Rows(Table({{0, 1}})));
  EXPECT_THAT(ReadCsv(train, folder.Write("other.csv", "z,y\n3,b\n"), {}), IsInvalid("other.csv: columns differ"));
  EXPECT_THAT(ReadCsv(train, folder.Write("unknown.csv", "x,y\n3,b\n3,c\n"), {}),
              IsInvalid("class \"c\" of test row 1 does not occur in the training part"));
}

TEST(CsvReader, NamesTheLineOfARaggedRow) {
  EXPECT_THAT(ReadText("a,b,y\n1,2,0\n1,0\n"), IsInvalid("t.csv: line 3: has 2 fields: must have 3"));
  EXPECT_THAT(ReadText("a,b,y\n1,2,0,\n"), IsInvalid("line 2: has 4 fields: must have 3"));
  EXPECT_THAT(ReadText("a,y\n\"1\n\",0\n1,0,0\n"), IsInvalid("line 4: has 3 fields"));
}

TEST(CsvReader, NamesTheEmptyLineInTheMiddle) {
  EXPECT_THAT(ReadText("a,y\n1,0\n\n2,1\n"), IsInvalid("t.csv: line 3: is empty"));
}

TEST(CsvReader, NamesLineAndColumnOfABadField) {
  EXPECT_THAT(ReadText("a,b,y\n1,2,0\n1,,0\n"), IsInvalid("t.csv: line 3, column \"b\" is empty: must be a number"));
  EXPECT_THAT(ReadText("a,b,y\nx1,2,0\n"), IsInvalid("line 2, column \"a\" = \"x1\": must be a number"));
  EXPECT_THAT(ReadText("a,b,y\n1,2 3,0\n"), IsInvalid("column \"b\" = \"2 3\": must be a number"));
  EXPECT_THAT(ReadText("a,b,y\n1,+-2,0\n"), IsInvalid("column \"b\" = \"+-2\": must be a number"));
  EXPECT_THAT(ReadText("a,b,y\n1,NaN,0\n"), IsInvalid("line 2, column \"b\" = \"NaN\": must be finite"));
  EXPECT_THAT(ReadText("a,b,y\n-inf,2,0\n"), IsInvalid("line 2, column \"a\" = \"-inf\": must be finite"));
  EXPECT_THAT(ReadText("a,b,y\n1e999,2,0\n"), IsInvalid("column \"a\" = \"1e999\": must be finite"));
  EXPECT_THAT(ReadText("a,b,y\n1,2,\n"), IsInvalid("line 2, column \"y\" is empty: must be a class label"));
  EXPECT_THAT(ReadText("a,b,y\n1,2,nan\n"), IsInvalid("line 2, column \"y\" = \"nan\": must be a class label"));
  EXPECT_THAT(ReadText("a,y\n1,k\xFF\n"), IsInvalid("line 2, column \"y\" is not UTF-8 text"));
}

TEST(CsvReader, RoundsUnderflowToZero) {
  const auto dataset = ReadText("a,y\n1e-999,1\n", Regression({"y"}));
  ASSERT_THAT(dataset, Succeeds());
  EXPECT_EQ(dataset->train.features.at(0, 0), 0.0);
}

TEST(CsvReader, SuspectsAHeaderInTheFirstRow) {
  CsvOptions options;
  options.has_header = false;
  EXPECT_THAT(ReadText("a,y\n1,0\n", options),
              IsInvalid("line 1, column 0 = \"a\": must be a number (is the first line"));
}

TEST(CsvReader, ListsTheColumnsForAnUnknownLabelColumn) {
  CsvOptions options;
  options.label_columns = {"class"};
  EXPECT_THAT(
      ReadText("a,b,label\n1,2,0\n", options),
      IsInvalid("label_columns[0] = \"class\": must be a column number in [0, 2] or one of \"a\", \"b\", \"label\""));
  options.label_columns = {"3"};
  EXPECT_THAT(ReadText("a,b,label\n1,2,0\n", options), IsInvalid("label_columns[0] = \"3\""));
  options.has_header = false;
  EXPECT_THAT(ReadText("1,2,0\n", options), IsInvalid("must be a column number in [0, 2]"));
}

TEST(CsvReader, RefusesLabelColumnsThatCannotBe) {
  EXPECT_THAT(ReadText("a,b,b\n1,2,0\n", Regression({"b"})), IsInvalid("several columns have this name"));
  EXPECT_THAT(ReadText("a,b\n1,2\n", Regression({"b", "1"})),
              IsInvalid("label_columns[1] = \"1\": must be given once"));
  EXPECT_THAT(ReadText("a,b\n1,2\n", Regression({"a", "b"})), IsInvalid("no feature column is left"));
  EXPECT_THAT(ReadText("a;b\n1;2\n"), IsInvalid("is the delimiter right?"));
  CsvOptions options;
  options.label_columns = {"a", "b"};
  EXPECT_THAT(ReadText("a,b,c\n1,2,3\n", options), IsInvalid("label_columns: 2 given: must be exactly 1"));
}

TEST(CsvReader, RefusesBrokenQuotes) {
  EXPECT_THAT(ReadText("a,y\n1,\"0\n2,1\n"), IsInvalid("t.csv: line 2: a quote is not closed"));
  EXPECT_THAT(ReadText("a,y\n1,\"0\"x\n"), IsInvalid("line 2: text after a closing quote"));
}

TEST(CsvReader, RefusesFilesWithoutRowsOrWithOneClass) {
  EXPECT_THAT(ReadText(""), IsInvalid("t.csv: has no rows"));
  EXPECT_THAT(ReadText("\n\n"), IsInvalid("has no rows"));
  EXPECT_THAT(ReadText("a,y\n"), IsInvalid("has no rows"));
  EXPECT_THAT(ReadText("a,y\n1,k\n2,k\n"), IsInvalid("every training row has class \"k\""));
}

TEST(CsvReader, RefusesADelimiterThatNumbersNeed) {
  CsvOptions options;
  for (const char delimiter : {'"', '\n', '.', '-', '7', 'e', '\0'}) {
    options.delimiter = delimiter;
    EXPECT_THAT(ReadText("a,y\n1,0\n", options), IsInvalid("delimiter = ")) << delimiter;
  }
}

TEST(CsvReader, StopsAtTheLimit) {
  CsvOptions options;
  options.limits.max_bytes = 3 * 2 * 8;  // three rows of two fields, and nothing for the one-hot targets
  EXPECT_THAT(ReadText("a,y\n1,0\n2,1\n3,0\n4,1\n", options),
              Fails(absl::StatusCode::kResourceExhausted, "line 5: the table needs more than the limit of 48 bytes"));
  EXPECT_THAT(ReadText("a,y\n1,0\n2,1\n3,0\n", options),
              Fails(absl::StatusCode::kResourceExhausted, "one-hot targets of 2 classes need 48 bytes"));
}

TEST(CsvReader, StopsAtALineWithTooManyFields) {
  EXPECT_THAT(ReadText(std::string(kMaxCsvFields + 10, ',')), IsInvalid("line 1: has more than 1048576 fields"));
  EXPECT_THAT(ReadText("a,b\n" + std::string(kMaxCsvFields, ',')), IsInvalid("line 2: has more than 1048576 fields"));
}

TEST(CsvReader, StopsAtALineThatIsTooLong) {
  std::string line(kMaxCsvRecordBytes + 1, 'x');
  EXPECT_THAT(ReadText(line), IsInvalid("line 1: the line is longer than 67108864 bytes"));
  // A record may be as long as that.
  line.resize(kMaxCsvRecordBytes - 2);
  EXPECT_THAT(ReadText("a," + line + "\n1,1\n"), IsInvalid("every training row has class"));
}

TEST(CsvReader, StopsAtTheFirstClassTooManyAndAtALongLabel) {
  std::string text = "x,y\n";
  for (std::int64_t i = 0; i <= kMaxClasses; ++i) text += absl::StrCat(i, ",", i, "\n");
  EXPECT_THAT(ReadText(text + "not,read,any,more"), IsInvalid("line 10002: labels: more than 10000 different classes"));
  EXPECT_THAT(ReadText("x,y\n1,a\n2," + std::string(kMaxLabelBytes + 1, 'b')),
              IsInvalid("line 3: a label of 1025 bytes: must be at most 1024"));
}

TEST(CsvReader, SaysThatAPathCannotBeRatherThanTryAgain) {
  EXPECT_THAT(ReadCsv("/" + std::string(5000, 'x'), "", {}), IsInvalid("cannot open"));
  EXPECT_THAT(CannotOpen("t.csv", EIO), Fails(absl::StatusCode::kDataLoss, "cannot open t.csv"));
  EXPECT_THAT(CannotOpen("t.csv", EMFILE), Fails(absl::StatusCode::kResourceExhausted, "cannot open t.csv"));
  EXPECT_THAT(CannotOpen("t.csv", ELOOP), IsInvalid("cannot open t.csv"));
}

TEST(CsvReader, SaysWhichFileIsMissingOrNotAFile) {
  EXPECT_THAT(ReadCsv("/nowhere/t.csv", "", {}), Fails(absl::StatusCode::kNotFound, "/nowhere/t.csv"));
  const TempFolder folder;
  EXPECT_THAT(ReadCsv(folder.path(), "", {}), IsInvalid("must be a regular file"));
}

TEST(CsvReader, ReadsRowsAcrossBufferBoundaries) {
  // More than one read buffer of 1 MiB, with CRLF falling on either side of the boundaries.
  std::string text = "a,b,y\r\n";
  const int rows = 150'000;
  for (int i = 0; i < rows; ++i)
    text += std::to_string(i) + ",\"" + std::to_string(2 * i) + "\"," + "01"[i % 2] + "\r\n";
  const auto dataset = ReadText(text);
  ASSERT_THAT(dataset, Succeeds());
  ASSERT_EQ(dataset->train.rows(), rows);
  double wrong = 0;
  for (int i = 0; i < rows; ++i) {
    wrong += std::abs(dataset->train.features.at(i, 0) - i) + std::abs(dataset->train.features.at(i, 1) - 2.0 * i) +
             std::abs(dataset->train.targets.at(i, i % 2) - 1.0);
  }
  EXPECT_EQ(wrong, 0.0);
}

TEST(CsvReader, ReadsTheRepositorysTable) {
  const auto dataset = ReadCsv(Testdata("../../data/breast_cancer_wdbc.csv"), "", {});
  ASSERT_THAT(dataset, Succeeds());
  EXPECT_EQ(dataset->train.features.rows(), 569);
  EXPECT_EQ(dataset->train.features.cols(), 30);
  EXPECT_THAT(dataset->description.class_names, ElementsAre("0", "1"));
  const auto sums = dataset->train.targets.ToDouble().colwise().sum().eval();
  EXPECT_EQ(sums(0), 212);
  EXPECT_EQ(sums(1), 357);
  EXPECT_EQ(dataset->train.features.at(0, 0), 17.99);
}

TEST(CsvReader, ReadsRealTables) {
  if (!std::filesystem::exists(Shared("uci/iris.csv"))) GTEST_SKIP() << "the shared data sets are not here";
  const auto iris = ReadCsv(Shared("uci/iris.csv"), "", {});
  ASSERT_THAT(iris, Succeeds());
  EXPECT_EQ(iris->train.features.rows(), 150);
  EXPECT_THAT(iris->description.class_names, ElementsAre("0", "1", "2"));
  const auto diabetes = ReadCsv(Shared("uci/diabetes_lars.csv"), "", Regression({"target"}));
  ASSERT_THAT(diabetes, Succeeds());
  EXPECT_EQ(diabetes->train.features.cols(), 10);
  EXPECT_EQ(diabetes->train.targets.at(0, 0), 151);
  const auto spam = ReadCsv(Shared("uci/spambase.csv"), "", {});
  ASSERT_THAT(spam, Succeeds());
  EXPECT_EQ(spam->train.features.rows(), 4601);
  EXPECT_EQ(spam->train.targets.ToDouble().col(1).sum(), 1813);
}

}  // namespace
}  // namespace cvxnn::data
