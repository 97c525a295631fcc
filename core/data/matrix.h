// SPDX-License-Identifier: Apache-2.0
// The dense matrix that data arrive in: row-major, float32 or float64, one contiguous buffer. No LibTorch: readers,
// transforms and the server's store use it without knowing tensors.
#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <utility>
#include <variant>

namespace cvxnn::data {

/// Element type of a Matrix. Readers keep what the file has; integers become float32 (pixels) or float64 (tables).
enum class ElementType { kFloat32, kFloat64 };

template <typename Scalar>
using RowMajor = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// A row-major matrix of float32 or float64. Default: 0×0, float64. Copies copy the data.
class Matrix {
 public:
  Matrix() : storage_(RowMajor<double>()) {}
  explicit Matrix(RowMajor<float> values) : storage_(std::move(values)) {}
  explicit Matrix(RowMajor<double> values) : storage_(std::move(values)) {}
  /// Zeros.
  Matrix(ElementType type, std::int64_t rows, std::int64_t cols) {
    if (type == ElementType::kFloat32) {
      storage_ = RowMajor<float>::Zero(rows, cols).eval();
    } else {
      storage_ = RowMajor<double>::Zero(rows, cols).eval();
    }
  }

  /// Calls f with the RowMajor<float> or RowMajor<double> inside.
  template <typename F>
  decltype(auto) Visit(F&& f) const {
    return std::visit(std::forward<F>(f), storage_);
  }
  template <typename F>
  decltype(auto) Visit(F&& f) {
    return std::visit(std::forward<F>(f), storage_);
  }

  ElementType type() const {
    return std::holds_alternative<RowMajor<float>>(storage_) ? ElementType::kFloat32 : ElementType::kFloat64;
  }
  std::int64_t rows() const {
    return Visit([](const auto& m) { return static_cast<std::int64_t>(m.rows()); });
  }
  std::int64_t cols() const {
    return Visit([](const auto& m) { return static_cast<std::int64_t>(m.cols()); });
  }
  std::int64_t size() const { return rows() * cols(); }
  std::int64_t bytes() const { return size() * (type() == ElementType::kFloat32 ? 4 : 8); }
  const void* data() const {
    return Visit([](const auto& m) { return static_cast<const void*>(m.data()); });
  }
  void* mutable_data() {
    return std::visit([](auto& m) { return static_cast<void*>(m.data()); }, storage_);
  }

  /// The element as double, whatever the type. For tests and small tables; no bounds check in release builds.
  double at(std::int64_t row, std::int64_t col) const {
    return Visit([&](const auto& m) { return static_cast<double>(m(row, col)); });
  }
  RowMajor<double> ToDouble() const {
    return Visit([](const auto& m) { return RowMajor<double>(m.template cast<double>()); });
  }

 private:
  std::variant<RowMajor<float>, RowMajor<double>> storage_;
};

}  // namespace cvxnn::data
