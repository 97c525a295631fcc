// SPDX-License-Identifier: Apache-2.0
// Messages of the contract as inputs: stored as text (Protobuf's text format), mutated field by field.
#pragma once

#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/message.h>
#include <google/protobuf/text_format.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace cvxnn::fuzz {

/// False for what is no such message; says nothing about why.
inline bool ParseMessage(std::string_view text, google::protobuf::Message* message) {
  struct Silent : google::protobuf::io::ErrorCollector {
    void AddError(int, int, const std::string&) override {}
    void AddWarning(int, int, const std::string&) override {}
  } silent;
  google::protobuf::TextFormat::Parser parser;
  parser.RecordErrorsTo(&silent);
  parser.SetRecursionLimit(64);
  return parser.ParseFromString(std::string(text), message);
}

/// Changes one field of a message, somewhere in it: sets, adds, clears or swaps it. The same for the same seed.
void MutateMessage(google::protobuf::Message* message, std::uint32_t seed);

}  // namespace cvxnn::fuzz

#ifdef CVXNN_LIBFUZZER
extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

/// Makes libFuzzer mutate inputs as messages of this type, and now and then as bytes.
#define CVXNN_MUTATE_AS(Type)                                                                                  \
  extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,   \
                                                 unsigned int seed) {                                          \
    Type message;                                                                                              \
    if (seed % 16 == 0 || !cvxnn::fuzz::ParseMessage({reinterpret_cast<const char*>(data), size}, &message)) { \
      return LLVMFuzzerMutate(data, size, max_size);                                                           \
    }                                                                                                          \
    cvxnn::fuzz::MutateMessage(&message, seed);                                                                \
    std::string text;                                                                                          \
    google::protobuf::TextFormat::PrintToString(message, &text);                                               \
    if (text.size() > max_size) return LLVMFuzzerMutate(data, size, max_size);                                 \
    return text.copy(reinterpret_cast<char*>(data), text.size());                                              \
  }                                                                                                            \
  static_assert(true)
#else
#define CVXNN_MUTATE_AS(Type) static_assert(true)
#endif
