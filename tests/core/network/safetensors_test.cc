// SPDX-License-Identifier: Apache-2.0
// The container: the bytes of one file as the format's specification gives them, files that break each of its rules,
// and every single-byte change and every truncation of a good one.
#include "core/network/export/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "core/network/export/network_file.h"
#include "tests/core/network/sample_network.h"

namespace cvxnn {
namespace {

/// A file with this header (not padded) and this many zero bytes of numbers.
std::string File(const std::string& header, std::size_t bytes) {
  std::string file;
  for (int shift = 0; shift < 64; shift += 8) {
    file.push_back(static_cast<char>((static_cast<std::uint64_t>(header.size()) >> shift) & 0xff));
  }
  return file + header + std::string(bytes, '\0');
}

TEST(Safetensors, AreReadAsSpecified) {
  std::string file = File(R"({"a":{"dtype":"F32","shape":[2,1],"data_offsets":[8,16]},)"
                          R"("b":{"dtype":"F64","shape":[],"data_offsets":[0,8]},"__metadata__":{"k":"v"}}   )",
                          0);
  file += std::string("\x00\x00\x00\x00\x00\x00\xf8\x3f", 8);  // 1.5
  file += std::string("\x00\x00\x80\x3f\x00\x00\x00\xc0", 8);  // 1, -2
  const auto content = ReadSafetensors(file);
  ASSERT_TRUE(content.ok()) << content.status();
  EXPECT_EQ(content->tensors.at("a").sizes(), at::IntArrayRef({2, 1}));
  EXPECT_EQ(content->tensors.at("a")[0][0].item<float>(), 1.0f);
  EXPECT_EQ(content->tensors.at("a")[1][0].item<float>(), -2.0f);
  EXPECT_EQ(content->tensors.at("b").item<double>(), 1.5);
  EXPECT_EQ(content->metadata.at("k"), "v");
}

TEST(Safetensors, AreWrittenWithNumbersAtAMultipleOfEightBytes) {
  for (const std::string name : {"w", "we", "weights", "a much longer name"}) {
    std::ostringstream stream;
    Safetensors content;
    content.tensors[name] = Matrix(2, 3, 0.5);
    ASSERT_TRUE(WriteSafetensors(content, stream).ok());
    const std::string file = stream.str();
    EXPECT_EQ(file.size() % 8, 0u);
    EXPECT_EQ(std::string(file.end() - 48, file.end()),
              std::string(static_cast<const char*>(content.tensors[name].data_ptr()), 48));
    EXPECT_TRUE(ReadSafetensors(file).ok());
  }
}

TEST(Safetensors, OfOtherElementTypesAreNotWritten) {
  std::ostringstream stream;
  EXPECT_EQ(WriteSafetensors({{{"w", Matrix(2, 3, 0).to(at::kLong)}}, {}}, stream).code(),
            absl::StatusCode::kInvalidArgument);
}

struct Break {
  const char* name;
  std::string file;
  const char* message;
};

class BrokenSafetensors : public testing::TestWithParam<Break> {};

TEST_P(BrokenSafetensors, AreRefusedWithAReason) {
  const auto content = ReadSafetensors(GetParam().file);
  EXPECT_EQ(content.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(content.status().message()), testing::HasSubstr(GetParam().message));
}

std::string Tensor(const std::string& shape, const std::string& offsets, const std::string& type = "\"F32\"") {
  return R"({"dtype":)" + type + R"(,"shape":)" + shape + R"(,"data_offsets":)" + offsets + "}";
}

INSTANTIATE_TEST_SUITE_P(
    Files, BrokenSafetensors,
    testing::Values(
        Break{"empty", "", "shorter than"}, Break{"short", "abc", "shorter than"},
        Break{"huge_header", std::string(8, '\xff'), "must be <= 1048576"},
        Break{"cut_header", std::string("\x40\0\0\0\0\0\0\0{}", 10), "64 bytes, 2 are there"},
        Break{"no_header", File("", 0), "start with {"}, Break{"list", File("[]", 0), "start with {"},
        Break{"leading_space", File(" {}", 0), "start with {"},
        Break{"not_json", File("{\"a\":", 0), "not a JSON object"},
        Break{"trailing", File("{}{}", 0), "not a JSON object"},
        Break{"deep", File("{\"a\":" + std::string(100000, '['), 0), "not a JSON object"},
        Break{"closed_deep", File("{\"a\":" + std::string(100000, '[') + std::string(100000, ']') + "}", 0),
              "not a JSON object"},
        Break{"twice", File("{\"a\":" + Tensor("[0]", "[0,0]") + ",\"a\":" + Tensor("[0]", "[0,0]") + "}", 0),
              "different names"},
        Break{"number", File("{\"a\":3}", 0), "must have dtype"},
        Break{"no_shape", File(R"({"a":{"dtype":"F32","data_offsets":[0,0]}})", 0), "must have dtype, shape"},
        Break{"type", File("{\"a\":" + Tensor("[1]", "[0,8]", "\"I64\"") + "}", 8), "another dtype"},
        Break{"type_number", File("{\"a\":" + Tensor("[1]", "[0,8]", "7") + "}", 8), "another dtype"},
        Break{"negative_shape", File("{\"a\":" + Tensor("[-1]", "[0,4]") + "}", 4), "whole numbers"},
        Break{"fraction", File("{\"a\":" + Tensor("[1.5]", "[0,4]") + "}", 4), "whole numbers"},
        Break{"overflow", File("{\"a\":" + Tensor("[4294967296,4294967296,4]", "[0,4]") + "}", 4),
              "larger than the file"},
        Break{"overflow_of_none", File("{\"a\":" + Tensor("[0,9223372036854775807,9]", "[0,0]") + "}", 0), "larger"},
        Break{"half_a_megabyte_deep", File("{\"a\":" + std::string(500000, '[') + std::string(500000, ']') + "}", 0),
              "not a JSON object"},
        Break{"deep_shape", File("{\"a\":" + Tensor("[1,1,1,1,1,1,1,1,1]", "[0,4]") + "}", 4), "at most 8"},
        Break{"shape_object", File("{\"a\":" + Tensor("{}", "[0,4]") + "}", 4), "shape must be a list"},
        Break{"too_few_bytes", File("{\"a\":" + Tensor("[2]", "[0,4]") + "}", 4), "its shape needs 8 bytes"},
        Break{"outside", File("{\"a\":" + Tensor("[2]", "[0,8]") + "}", 4), "not within the 4 bytes"},
        Break{"backwards", File("{\"a\":" + Tensor("[1]", "[4,0]") + "}", 4), "not within"},
        Break{"negative_offset", File("{\"a\":" + Tensor("[1]", "[-4,0]") + "}", 4), "two whole numbers"},
        Break{"one_offset", File("{\"a\":" + Tensor("[1]", "[4]") + "}", 4), "two whole numbers"},
        Break{"overlap", File("{\"a\":" + Tensor("[1]", "[0,4]") + ",\"b\":" + Tensor("[1]", "[0,4]") + "}", 4),
              "overlap"},
        Break{"hole", File("{\"a\":" + Tensor("[1]", "[0,4]") + ",\"b\":" + Tensor("[1]", "[8,12]") + "}", 12),
              "overlap"},
        Break{"left_over", File("{\"a\":" + Tensor("[1]", "[0,4]") + "}", 7), "3 bytes after"},
        Break{"metadata", File(R"({"__metadata__":{"a":1}})", 0), "strings to strings"},
        Break{"metadata_list", File(R"({"__metadata__":[]})", 0), "strings to strings"},
        Break{"bad_utf8", File("{\"\xff\xfe\":3}", 0), "not a JSON object"}),
    [](const testing::TestParamInfo<Break>& instance) { return instance.param.name; });

TEST(Safetensors, SurviveEveryTruncationAndEveryChangedByte) {
  std::ostringstream stream;
  ASSERT_TRUE(WriteNetwork(Sample(Activation::kGated, at::kFloat), stream).ok());
  const std::string good = stream.str();
  for (std::size_t length = 0; length < good.size(); ++length) {
    EXPECT_EQ(ReadNetwork(good.substr(0, length)).status().code(), absl::StatusCode::kInvalidArgument) << length;
  }
  for (std::size_t place = 0; place < good.size(); ++place) {
    for (const int change : {0x01, 0x10, 0x80, 0xff}) {
      std::string changed = good;
      changed[place] = static_cast<char>(changed[place] ^ change);
      const auto read = ReadNetwork(changed);  // another valid network, or a clear refusal
      if (read.ok()) {
        EXPECT_TRUE(Validate(*read).ok());
      } else {
        EXPECT_EQ(read.status().code(), absl::StatusCode::kInvalidArgument) << place;
      }
    }
  }
}

}  // namespace
}  // namespace cvxnn
