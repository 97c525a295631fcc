// SPDX-License-Identifier: Apache-2.0
// Room on the disk that is kept for what must succeed when the disk is full: deleting, and recording how a job ended.
#pragma once

#include <cstdint>
#include <filesystem>

namespace cvxnn::server {

/// A file that only takes up room. Not thread-safe.
class Reserve {
 public:
  /// Takes up to `bytes` of room at once.
  Reserve(const std::filesystem::path& file, std::int64_t bytes);
  /// Leaves the file, whose room is then there at the next start.
  ~Reserve();
  Reserve(const Reserve&) = delete;
  Reserve& operator=(const Reserve&) = delete;

  /// Takes what is missing, as far as there is room. Costs nothing when nothing is missing.
  void Fill();
  /// Gives all of it back to the disk. False when it had none.
  bool GiveUp();

 private:
  const std::int64_t bytes_;
  const int descriptor_;
  std::int64_t held_ = 0;
};

}  // namespace cvxnn::server
