// SPDX-License-Identifier: Apache-2.0
// The state of a run as a dictionary, and the dictionary as bytes: numbers, texts and tensors by name, under a
// checksum, so that bytes that were damaged, or never were a checkpoint, are told apart before anything is made of
// them.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace cvxnn::descent {

/// Tensors are float32, float64 or int64, of at most three dimensions, on any device; they come back on the CPU.
using State = std::map<std::string, std::variant<std::int64_t, double, std::string, at::Tensor>>;

std::string ToBytes(const State& state);

/// DATA_LOSS when the bytes are not exactly what ToBytes once gave.
absl::StatusOr<State> FromBytes(absl::string_view bytes);

/// Reads a State. An entry that is missing or of another kind gives an empty value, and makes status() a DATA_LOSS that
/// names the first such entry.
class StateReader {
 public:
  /// Names are looked up behind `prefix`. `state` must outlive it.
  StateReader(const State& state, std::string prefix) : state_(state), prefix_(std::move(prefix)) {}

  /// A reader of the entries below another prefix.
  StateReader Below(const std::string& prefix) const { return {state_, prefix_ + prefix}; }

  bool Has(const std::string& name) const { return state_.contains(prefix_ + name); }
  std::string Text(const std::string& name);
  std::int64_t Integer(const std::string& name);
  double Number(const std::string& name);
  std::vector<std::int64_t> Integers(const std::string& name, std::size_t count);
  std::vector<double> Numbers(const std::string& name, std::size_t count);
  /// Of these sizes and of the type of `options`, on its device.
  at::Tensor Tensor(const std::string& name, at::IntArrayRef sizes, const at::TensorOptions& options);
  /// Of so many dimensions, each of any size; undefined when it is not.
  at::Tensor TensorOfAnySize(const std::string& name, std::int64_t dimensions, const at::TensorOptions& options);
  at::Tensor TensorLike(const std::string& name, const at::Tensor& like);

  /// Places in [0, limit), ascending.
  std::vector<std::int64_t> Places(const std::string& name, std::int64_t limit);

  /// Notes that an entry cannot be.
  void Refuse(const std::string& name);

  const absl::Status& status() const { return status_; }

 private:
  template <typename Value>
  Value Get(const std::string& name);

  const State& state_;
  std::string prefix_;
  absl::Status status_;
};

/// Changes with every bit of the bytes.
std::uint64_t Checksum(absl::string_view bytes);

/// Vectors as entries.
at::Tensor Entry(const std::vector<std::int64_t>& values);
at::Tensor Entry(const std::vector<double>& values);

/// `fault` marked as the refusal of a checkpoint, which whoever gave the checkpoint may answer by going without it.
absl::Status CheckpointRefused(absl::Status fault);
bool IsCheckpointRefused(const absl::Status& status);

}  // namespace cvxnn::descent
