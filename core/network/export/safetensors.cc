// SPDX-License-Identifier: Apache-2.0
// Reading and writing the safetensors container; see safetensors.h. Every number of a header is checked against the
// bytes there before it is used.
#include "core/network/export/safetensors.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace cvxnn {
namespace {

using Json = nlohmann::json;

static_assert(std::endian::native == std::endian::little, "safetensors are little-endian");

constexpr std::size_t kLengthBytes = 8;
constexpr const char* kMetadataKey = "__metadata__";
constexpr std::uint64_t kMaxDimensions = 8;
/// A header is an object of objects of lists.
constexpr int kMaxNesting = 3;

absl::Status Broken(const std::string& what) { return absl::InvalidArgumentError(absl::StrCat("safetensors: ", what)); }

/// A name from a file, made fit for a message.
std::string Quoted(const std::string& name) {
  return Json(name.substr(0, 80)).dump(-1, ' ', true, Json::error_handler_t::replace);
}

/// Where a tensor lies among the numbers.
struct Place {
  std::string name;
  at::ScalarType type = at::kFloat;
  std::vector<std::int64_t> shape;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

absl::StatusOr<Place> PlaceOf(const std::string& name, const Json& entry, std::uint64_t available) {
  const std::string tensor = absl::StrCat("tensor ", Quoted(name));
  if (!entry.is_object() || entry.size() != 3 || !entry.contains("dtype") || !entry.contains("shape") ||
      !entry.contains("data_offsets")) {
    return Broken(absl::StrCat(tensor, " must have dtype, shape and data_offsets"));
  }
  Place place;
  place.name = name;
  const Json& dtype = entry["dtype"];
  if (dtype == "F32") {
    place.type = at::kFloat;
  } else if (dtype == "F64") {
    place.type = at::kDouble;
  } else {
    return Broken(absl::StrCat(tensor, " has another dtype than F32 and F64"));
  }

  const Json& offsets = entry["data_offsets"];
  if (!offsets.is_array() || offsets.size() != 2 || !offsets[0].is_number_unsigned() ||
      !offsets[1].is_number_unsigned()) {
    return Broken(absl::StrCat(tensor, ": data_offsets must be two whole numbers"));
  }
  place.begin = offsets[0].get<std::uint64_t>();
  place.end = offsets[1].get<std::uint64_t>();
  if (place.begin > place.end || place.end > available) {
    return Broken(absl::StrCat(tensor, ": data_offsets [", place.begin, ", ", place.end, "] are not within the ",
                               available, " bytes of numbers"));
  }

  const Json& shape = entry["shape"];
  if (!shape.is_array() || shape.size() > kMaxDimensions) {
    return Broken(absl::StrCat(tensor, ": shape must be a list of at most ", kMaxDimensions, " sizes"));
  }
  const std::uint64_t element = place.type == at::kFloat ? 4 : 8;
  // Sizes of 0 count as 1 here, so that the product bounds every stride as well.
  const std::uint64_t limit = std::max<std::uint64_t>(available, std::uint64_t{1} << 32);
  std::uint64_t product = 1;
  bool empty = false;
  for (const Json& size : shape) {
    if (!size.is_number_unsigned()) return Broken(absl::StrCat(tensor, ": shape must hold whole numbers"));
    const auto value = size.get<std::uint64_t>();
    empty = empty || value == 0;
    if (value > limit / product) return Broken(absl::StrCat(tensor, ": shape is larger than the file"));
    product *= std::max<std::uint64_t>(value, 1);
    place.shape.push_back(static_cast<std::int64_t>(value));
  }
  const std::uint64_t bytes = empty ? 0 : product * element;
  if (bytes != place.end - place.begin) {
    return Broken(
        absl::StrCat(tensor, ": its shape needs ", bytes, " bytes, data_offsets give ", place.end - place.begin));
  }
  return place;
}

/// A discarded value when `text` is not JSON, names a key of the outer object twice, or is nested deeper than a header
/// ever is (copies of a JSON value recurse, so a hostile depth must not be stored).
Json ParseHeader(absl::string_view text) {
  std::set<std::string> names;
  bool refused = false;
  const auto watch = [&](int depth, Json::parse_event_t event, Json& parsed) {
    const bool opens = event == Json::parse_event_t::object_start || event == Json::parse_event_t::array_start;
    if (opens && depth >= kMaxNesting) refused = true;
    if (depth == 1 && event == Json::parse_event_t::key) {
      refused = refused || !names.insert(parsed.get<std::string>()).second;
    }
    return !refused;
  };
  Json header = Json::parse(text.begin(), text.end(), watch, /*allow_exceptions=*/false);
  if (refused) return Json(Json::value_t::discarded);
  return header;
}

absl::Status ReadMetadata(const Json& entry, std::map<std::string, std::string>& metadata) {
  if (!entry.is_object()) return Broken("__metadata__ must map strings to strings");
  for (const auto& [key, value] : entry.items()) {
    if (!value.is_string()) return Broken("__metadata__ must map strings to strings");
    metadata[key] = value.get<std::string>();
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status WriteSafetensors(const Safetensors& content, std::ostream& stream) {
  Json header = Json::object();
  if (!content.metadata.empty()) header[kMetadataKey] = content.metadata;
  std::uint64_t offset = 0;
  for (const auto& [name, tensor] : content.tensors) {
    if (tensor.scalar_type() != at::kFloat && tensor.scalar_type() != at::kDouble) {
      return absl::InvalidArgumentError(absl::StrCat(name, ": must be float32 or float64"));
    }
    const auto bytes = static_cast<std::uint64_t>(tensor.numel()) * tensor.element_size();
    header[name] = {{"dtype", tensor.scalar_type() == at::kFloat ? "F32" : "F64"},
                    {"shape", std::vector<std::int64_t>(tensor.sizes().begin(), tensor.sizes().end())},
                    {"data_offsets", {offset, offset + bytes}}};
    offset += bytes;
  }
  std::string text = header.dump(-1, ' ', true, Json::error_handler_t::replace);
  text.resize((text.size() + 7) / 8 * 8, ' ');
  const std::uint64_t length = text.size();
  stream.write(reinterpret_cast<const char*>(&length), kLengthBytes);
  stream.write(text.data(), static_cast<std::streamsize>(text.size()));
  for (const auto& [name, tensor] : content.tensors) {
    const at::Tensor numbers = tensor.detach().cpu().contiguous();
    stream.write(static_cast<const char*>(numbers.data_ptr()),
                 static_cast<std::streamsize>(numbers.numel()) * static_cast<std::streamsize>(numbers.element_size()));
  }
  if (!stream) return absl::DataLossError("safetensors: the stream did not take all bytes");
  return absl::OkStatus();
}

absl::StatusOr<Safetensors> ReadSafetensors(absl::string_view bytes) {
  if (bytes.size() < kLengthBytes) return Broken("shorter than the 8 bytes of the header's length");
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), kLengthBytes);
  bytes.remove_prefix(kLengthBytes);
  if (length > kMaxSafetensorsHeader) {
    return Broken(absl::StrCat("the header is said to have ", length, " bytes: must be <= ", kMaxSafetensorsHeader));
  }
  if (length > bytes.size()) {
    return Broken(absl::StrCat("the header is said to have ", length, " bytes, ", bytes.size(), " are there"));
  }
  const absl::string_view text = bytes.substr(0, length);
  const absl::string_view numbers = bytes.substr(length);
  if (text.empty() || text.front() != '{') return Broken("the header must start with {");
  const Json header = ParseHeader(text);
  if (!header.is_object()) return Broken("the header is not a JSON object with different names");

  Safetensors content;
  std::vector<Place> places;
  for (const auto& [name, entry] : header.items()) {
    if (name == kMetadataKey) {
      if (auto status = ReadMetadata(entry, content.metadata); !status.ok()) return status;
      continue;
    }
    auto place = PlaceOf(name, entry, numbers.size());
    if (!place.ok()) return place.status();
    places.push_back(*std::move(place));
  }
  std::sort(places.begin(), places.end(),
            [](const Place& a, const Place& b) { return std::pair(a.begin, a.end) < std::pair(b.begin, b.end); });
  std::uint64_t covered = 0;
  for (const Place& place : places) {
    if (place.begin != covered) return Broken("tensors overlap or leave bytes between them");
    covered = place.end;
  }
  if (covered != numbers.size()) {
    return Broken(absl::StrCat(numbers.size() - covered, " bytes after the last tensor"));
  }
  for (const Place& place : places) {
    at::Tensor tensor = at::empty(place.shape, at::TensorOptions().device(at::kCPU).dtype(place.type));
    if (place.end > place.begin) {
      std::memcpy(tensor.data_ptr(), numbers.data() + place.begin, place.end - place.begin);
    }
    content.tensors[place.name] = tensor;
  }
  return content;
}

}  // namespace cvxnn
