// SPDX-License-Identifier: Apache-2.0
// Messages of the contract as inputs: stored as text (Protobuf's text format), mutated field by field.
#pragma once

#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/message.h>
#include <google/protobuf/text_format.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "tests/fuzz/fuzz_target.h"

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

namespace cvxnn::fuzz {

/// The same as text; the input itself where it is no such message.
template <typename Message>
std::string Mutated(const std::string& input, std::uint32_t seed) {
  Message message;
  if (!ParseMessage(input, &message)) return input;
  MutateMessage(&message, seed);
  std::string text;
  google::protobuf::TextFormat::PrintToString(message, &text);
  return text;
}

struct MutatorRegistration {
  MutatorRegistration(const char* name, Mutator mutator) { Mutators()[name] = mutator; }
};

}  // namespace cvxnn::fuzz

/// The inputs of a target are messages of this type: mutated as such, and by libFuzzer now and then as bytes.
#define CVXNN_MUTATE_AS(name, Type) \
  static const cvxnn::fuzz::MutatorRegistration mutator_of_##name(#name, cvxnn::fuzz::Mutated<Type>)
