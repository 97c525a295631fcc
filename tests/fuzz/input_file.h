// SPDX-License-Identifier: Apache-2.0
// Fuzzed bytes as files: readers take paths, and these files lie in memory.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <string>
#include <string_view>
#include <vector>

#include "tests/fuzz/fuzz_target.h"

namespace cvxnn::fuzz {

/// A file with these bytes, gone with the object.
class InputFile {
 public:
  explicit InputFile(std::string_view bytes) : descriptor_(memfd_create("input", MFD_CLOEXEC)) {
    Promise(descriptor_ >= 0, "a file in memory can be made");
    Promise(write(descriptor_, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()), "and written");
  }
  ~InputFile() { close(descriptor_); }
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

 private:
  const int descriptor_;
};

/// What stands between the files of an input that is several.
inline constexpr std::string_view kCut = "\n##cut##\n";

/// Exactly `count` files; those that the input lacks are empty, and what follows the last is part of it.
inline std::vector<std::string_view> Files(std::string_view input, std::size_t count) {
  std::vector<std::string_view> files;
  while (files.size() + 1 < count) {
    const std::size_t cut = input.find(kCut);
    files.push_back(input.substr(0, cut));
    input = cut == std::string_view::npos ? std::string_view() : input.substr(cut + kCut.size());
  }
  files.push_back(input);
  return files;
}

}  // namespace cvxnn::fuzz
