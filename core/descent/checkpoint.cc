// SPDX-License-Identifier: Apache-2.0
// See checkpoint.h. The bytes: a line that says what they are, a checksum and the length of the rest, then each entry
// as length and text of its name, kind, and value; integers and floats as this machine holds them (little-endian).
#include "core/descent/checkpoint.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"

namespace cvxnn::descent {
namespace {

constexpr absl::string_view kMagic = "cvxnn descent checkpoint\n";
constexpr std::size_t kHeader = kMagic.size() + 2 * sizeof(std::uint64_t);
constexpr std::uint8_t kMostDimensions = 3;
constexpr std::size_t kMostElements = std::size_t{1} << 40U;
// Bytes of an entry beside its name and numbers: lengths, kind and dimensions.
constexpr std::size_t kMostAround = 2 * sizeof(std::uint64_t) + 2 + kMostDimensions * sizeof(std::int64_t);
constexpr char kRefused[] = "cvxnn/checkpoint_refused";  // payload of a status

enum class Kind : std::uint8_t { kInteger, kNumber, kText, kFloat32, kFloat64, kInt64 };

class Writer {
 public:
  explicit Writer(std::string& bytes) : bytes_(bytes) {}

  template <typename Value>
  void Plain(const Value& value) {
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void Text(const std::string& text) {
    Plain<std::uint64_t>(text.size());
    bytes_.append(text);
  }
  void operator()(std::int64_t value) {
    Plain(Kind::kInteger);
    Plain(value);
  }
  void operator()(double value) {
    Plain(Kind::kNumber);
    Plain(value);
  }
  void operator()(const std::string& text) {
    Plain(Kind::kText);
    Text(text);
  }
  void operator()(const at::Tensor& tensor) {
    const at::Tensor host = tensor.cpu().contiguous();
    Plain(host.scalar_type() == at::kFloat    ? Kind::kFloat32
          : host.scalar_type() == at::kDouble ? Kind::kFloat64
                                              : Kind::kInt64);
    Plain(static_cast<std::uint8_t>(host.dim()));
    for (const std::int64_t size : host.sizes()) Plain(size);
    bytes_.append(static_cast<const char*>(host.data_ptr()), host.nbytes());
  }

 private:
  std::string& bytes_;
};

/// Takes values off the front of bytes; nullopt where they do not suffice.
class Parser {
 public:
  explicit Parser(absl::string_view bytes) : bytes_(bytes) {}

  bool empty() const { return bytes_.empty(); }

  template <typename Value>
  std::optional<Value> Plain() {
    if (bytes_.size() < sizeof(Value)) return std::nullopt;
    Value value;
    std::memcpy(&value, bytes_.data(), sizeof value);
    bytes_.remove_prefix(sizeof value);
    return value;
  }

  std::optional<std::string> Text() {
    const auto size = Plain<std::uint64_t>();
    if (!size || *size > bytes_.size()) return std::nullopt;
    std::string text(bytes_.substr(0, *size));
    bytes_.remove_prefix(*size);
    return text;
  }

  std::optional<State::mapped_type> Value() {
    const auto kind = Plain<std::uint8_t>();
    if (!kind) return std::nullopt;
    switch (static_cast<Kind>(*kind)) {
      case Kind::kInteger:
        return Plain<std::int64_t>();
      case Kind::kNumber:
        return Plain<double>();
      case Kind::kText:
        return Text();
      case Kind::kFloat32:
        return Tensor(at::kFloat);
      case Kind::kFloat64:
        return Tensor(at::kDouble);
      case Kind::kInt64:
        return Tensor(at::kLong);
    }
    return std::nullopt;
  }

 private:
  std::optional<at::Tensor> Tensor(at::ScalarType type) {
    const auto dimensions = Plain<std::uint8_t>();
    if (!dimensions || *dimensions > kMostDimensions) return std::nullopt;
    std::vector<std::int64_t> sizes;
    std::size_t elements = 1, without_zeros = 1;
    for (int i = 0; i < *dimensions; ++i) {
      const auto size = Plain<std::int64_t>();
      if (!size || *size < 0) return std::nullopt;
      sizes.push_back(*size);
      // Beside a dimension of zero, too, nothing is of a size that could not be.
      const auto factor = static_cast<std::size_t>(*size);
      if (factor > kMostElements / without_zeros) return std::nullopt;
      without_zeros *= std::max<std::size_t>(1, factor);
      elements *= factor;
    }
    if (elements > bytes_.size() / at::elementSize(type)) return std::nullopt;
    const std::size_t size = elements * at::elementSize(type);
    const at::Tensor tensor = at::empty(sizes, at::TensorOptions().device(at::kCPU).dtype(type));
    if (size > 0) std::memcpy(tensor.data_ptr(), bytes_.data(), size);
    bytes_.remove_prefix(size);
    return tensor;
  }

  absl::string_view bytes_;
};

std::size_t BytesOf(const State::mapped_type& value) {
  if (const auto* tensor = std::get_if<at::Tensor>(&value)) return tensor->nbytes();
  if (const auto* text = std::get_if<std::string>(&value)) return text->size();
  return sizeof(std::int64_t);
}

absl::Status Damaged(const char* what) {
  return absl::DataLossError(absl::StrCat("the checkpoint is damaged: ", what));
}

template <typename Element>
at::Tensor EntryOf(const std::vector<Element>& values, at::ScalarType type) {
  const auto size = static_cast<std::int64_t>(values.size());
  const at::Tensor entry = at::empty({size}, at::TensorOptions().device(at::kCPU).dtype(type));
  std::copy(values.begin(), values.end(), entry.data_ptr<Element>());
  return entry;
}

template <typename Element>
std::vector<Element> VectorOf(const at::Tensor& tensor) {
  const Element* const begin = tensor.data_ptr<Element>();
  return {begin, begin + tensor.numel()};
}

}  // namespace

/// Every step is a bijection of the sum so far, and of the word: no change of one word leaves it as it was.
std::uint64_t Checksum(absl::string_view bytes) {
  constexpr std::uint64_t kOdd = 0x9E3779B97F4A7C15;
  std::uint64_t sum = bytes.size() * kOdd;
  for (std::size_t i = 0; i < bytes.size(); i += sizeof(std::uint64_t)) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + i, std::min(sizeof word, bytes.size() - i));
    sum = (sum ^ word) * kOdd;
    sum ^= sum >> 32U;
  }
  return sum;
}

std::string ToBytes(const State& state) {
  // Growing would hold it twice.
  std::size_t size = kHeader;
  for (const auto& [name, value] : state) size += name.size() + kMostAround + BytesOf(value);
  std::string bytes;
  bytes.reserve(size);
  bytes.resize(kHeader);
  Writer writer(bytes);
  for (const auto& [name, value] : state) {
    writer.Text(name);
    std::visit(writer, value);
  }
  const std::uint64_t header[] = {Checksum(absl::string_view(bytes).substr(kHeader)), bytes.size() - kHeader};
  std::memcpy(bytes.data(), kMagic.data(), kMagic.size());
  std::memcpy(bytes.data() + kMagic.size(), header, sizeof header);
  return bytes;
}

absl::StatusOr<State> FromBytes(absl::string_view bytes) {
  if (bytes.size() < kHeader || bytes.substr(0, kMagic.size()) != kMagic) {
    return Damaged("it does not begin as checkpoints of descent do");
  }
  std::uint64_t header[2];
  std::memcpy(header, bytes.data() + kMagic.size(), sizeof header);
  const absl::string_view body = bytes.substr(kHeader);
  if (header[1] != body.size()) return Damaged("its length is not the one it says");
  if (header[0] != Checksum(body)) return Damaged("its checksum is not the one it says");
  State state;
  Parser parser(body);
  while (!parser.empty()) {
    auto name = parser.Text();
    auto value = name ? parser.Value() : std::nullopt;
    if (!value) return Damaged("an entry is cut off");
    state.insert_or_assign(*std::move(name), *std::move(value));
  }
  return state;
}

template <typename Value>
Value StateReader::Get(const std::string& name) {
  const auto found = state_.find(prefix_ + name);
  if (found != state_.end()) {
    if (const auto* value = std::get_if<Value>(&found->second)) return *value;
  }
  Refuse(name);
  return Value();
}

std::int64_t StateReader::Integer(const std::string& name) { return Get<std::int64_t>(name); }

double StateReader::Number(const std::string& name) { return Get<double>(name); }

std::string StateReader::Text(const std::string& name) { return Get<std::string>(name); }

std::vector<std::int64_t> StateReader::Integers(const std::string& name, std::size_t count) {
  const auto tensor = Get<at::Tensor>(name);
  if (tensor.defined() && tensor.scalar_type() == at::kLong && static_cast<std::size_t>(tensor.numel()) == count) {
    return VectorOf<std::int64_t>(tensor);
  }
  Refuse(name);
  return std::vector<std::int64_t>(count, 0);
}

std::vector<double> StateReader::Numbers(const std::string& name, std::size_t count) {
  const auto tensor = Get<at::Tensor>(name);
  if (tensor.defined() && tensor.scalar_type() == at::kDouble && static_cast<std::size_t>(tensor.numel()) == count) {
    return VectorOf<double>(tensor);
  }
  Refuse(name);
  return std::vector<double>(count, 0);
}

std::vector<std::int64_t> StateReader::Places(const std::string& name, std::int64_t limit) {
  const auto tensor = Get<at::Tensor>(name);
  if (!tensor.defined() || tensor.scalar_type() != at::kLong) {
    Refuse(name);
    return {};
  }
  const std::vector<std::int64_t> places = VectorOf<std::int64_t>(tensor);
  std::int64_t least = 0;
  for (const std::int64_t place : places) {
    if (place < least || place >= limit) {
      Refuse(name);
      return {};
    }
    least = place + 1;
  }
  return places;
}

at::Tensor StateReader::Tensor(const std::string& name, at::IntArrayRef sizes, const at::TensorOptions& options) {
  const auto tensor = Get<at::Tensor>(name);
  if (tensor.defined() && tensor.dtype() == options.dtype() && tensor.sizes() == sizes) {
    return tensor.to(options.device());
  }
  Refuse(name);
  return at::zeros(sizes, options);
}

at::Tensor StateReader::TensorOfAnySize(const std::string& name, std::int64_t dimensions,
                                        const at::TensorOptions& options) {
  const auto tensor = Get<at::Tensor>(name);
  if (tensor.defined() && tensor.dtype() == options.dtype() && tensor.dim() == dimensions) {
    return tensor.to(options.device());
  }
  Refuse(name);
  return {};
}

at::Tensor StateReader::TensorLike(const std::string& name, const at::Tensor& like) {
  return Tensor(name, like.sizes(), like.options());
}

void StateReader::Refuse(const std::string& name) {
  if (!status_.ok()) return;
  status_ =
      absl::DataLossError(absl::StrCat("the checkpoint is damaged: ", prefix_, name, " is not what it should be"));
}

at::Tensor Entry(const std::vector<std::int64_t>& values) { return EntryOf(values, at::kLong); }
at::Tensor Entry(const std::vector<double>& values) { return EntryOf(values, at::kDouble); }

absl::Status CheckpointRefused(absl::Status fault) {
  fault.SetPayload(kRefused, absl::Cord());
  return fault;
}

bool IsCheckpointRefused(const absl::Status& status) { return status.GetPayload(kRefused).has_value(); }

}  // namespace cvxnn::descent
