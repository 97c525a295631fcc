// SPDX-License-Identifier: Apache-2.0
// What the tests of core/data share: a folder for their files, and matchers for statuses.
#pragma once

#include <absl/status/status.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "core/data/byte_source.h"
#include "core/data/dataset.h"
#include "core/data/npy_reader.h"

namespace cvxnn::data {

/// A new folder, removed with all it holds.
class TempFolder {
 public:
  TempFolder() {
    std::string path = (std::filesystem::temp_directory_path() / "cvxnn_data_test_XXXXXX").string();
    if (mkdtemp(path.data()) != nullptr) path_ = path;
  }
  ~TempFolder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  std::string Path(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }
  /// Writes a file and gives its path.
  std::string Write(const std::string& name, const std::string& bytes) const {
    std::ofstream(Path(name), std::ios::binary) << bytes;
    return Path(name);
  }

 private:
  std::string path_;
};

inline std::string ReadBytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

inline std::string Testdata(const std::string& name) { return std::string(CVXNN_TESTDATA) + "/" + name; }
inline std::string Shared(const std::string& name) { return std::string(CVXNN_SHARED) + "/data/" + name; }

inline absl::Status StatusOf(const absl::Status& status) { return status; }
template <typename T>
absl::Status StatusOf(const absl::StatusOr<T>& result) {
  return result.status();
}

/// Matches a Status or StatusOr of the code whose message has the text.
MATCHER_P2(Fails, code, text, "") {
  const absl::Status status = StatusOf(arg);
  *result_listener << "which is " << status;
  return status.code() == code && status.message().find(text) != absl::string_view::npos;
}
MATCHER(Succeeds, "") {
  const absl::Status status = StatusOf(arg);
  *result_listener << "which is " << status;
  return status.ok();
}
inline auto IsInvalid(const std::string& text) { return Fails(absl::StatusCode::kInvalidArgument, text); }

/// A matrix from rows of numbers.
inline Matrix Table(const std::vector<std::vector<double>>& rows, ElementType type = ElementType::kFloat64) {
  Matrix matrix(type, static_cast<std::int64_t>(rows.size()),
                rows.empty() ? 0 : static_cast<std::int64_t>(rows[0].size()));
  matrix.Visit([&](auto& values) {
    using Scalar = typename std::decay_t<decltype(values)>::Scalar;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      for (std::size_t j = 0; j < rows[i].size(); ++j) {
        values(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(j)) = static_cast<Scalar>(rows[i][j]);
      }
    }
  });
  return matrix;
}

inline std::vector<std::vector<double>> Rows(const Matrix& matrix) {
  std::vector<std::vector<double>> rows(static_cast<std::size_t>(matrix.rows()));
  for (std::int64_t i = 0; i < matrix.rows(); ++i) {
    for (std::int64_t j = 0; j < matrix.cols(); ++j) rows[static_cast<std::size_t>(i)].push_back(matrix.at(i, j));
  }
  return rows;
}

inline NpyArray Fixture(const std::string& name) {
  auto source = OpenFile(Testdata(name));
  EXPECT_THAT(source, Succeeds());
  auto array = ReadNpyArray(**source, 1 << 30);
  EXPECT_THAT(array, Succeeds());
  return *std::move(array);
}

inline void ExpectNear(const Matrix& actual, const Matrix& expected, double tolerance) {
  ASSERT_EQ(actual.rows(), expected.rows());
  ASSERT_EQ(actual.cols(), expected.cols());
  for (std::int64_t i = 0; i < actual.rows(); ++i) {
    for (std::int64_t j = 0; j < actual.cols(); ++j) {
      ASSERT_NEAR(actual.at(i, j), expected.at(i, j), tolerance) << "row " << i << ", column " << j;
    }
  }
}

}  // namespace cvxnn::data
