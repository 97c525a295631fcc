// SPDX-License-Identifier: Apache-2.0
// Rows from files, over core/data's parsers.
#include "client/cpp/command/read_rows.h"

#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/data/byte_source.h"
#include "core/data/csv_parser.h"
#include "core/data/npy_reader.h"
#include "core/data/read_limits.h"

namespace cvxnn::command {
namespace {

absl::StatusOr<data::Matrix> ReadCsvRows(data::ByteSource& source, bool has_header) {
  const auto fault = [&](std::int64_t line, const std::string& what) {
    return absl::InvalidArgumentError(absl::StrCat(source.name(), ": line ", line, ": ", what));
  };
  data::CsvParser parser(&source, ',');
  std::vector<std::string> fields;
  std::vector<double> values;
  std::size_t columns = 0;
  bool skip = has_header;
  while (true) {
    const absl::StatusOr<bool> more = parser.Next(&fields);
    if (!more.ok()) return more.status();
    if (!*more) break;
    if (fields.size() == 1 && fields[0].empty()) continue;  // an empty line
    if (columns == 0) columns = fields.size();
    if (fields.size() != columns) {
      return fault(parser.line(), absl::StrCat(fields.size(), " fields where ", columns, " were expected"));
    }
    if (std::exchange(skip, false)) continue;
    for (std::size_t i = 0; i < fields.size(); ++i) {
      double value = 0;
      if (!absl::SimpleAtod(fields[i], &value) || !std::isfinite(value)) {
        return fault(parser.line(), absl::StrCat("column ", i, ": \"", fields[i], "\" is not a finite number"));
      }
      values.push_back(value);
    }
  }
  if (values.empty()) return absl::InvalidArgumentError(absl::StrCat(source.name(), ": holds no rows"));
  data::Matrix rows(data::ElementType::kFloat64, static_cast<std::int64_t>(values.size() / columns),
                    static_cast<std::int64_t>(columns));
  std::copy(values.begin(), values.end(), static_cast<double*>(rows.mutable_data()));
  return rows;
}

}  // namespace

absl::StatusOr<data::Matrix> ReadRows(const std::string& path, bool has_header) {
  const absl::StatusOr<std::unique_ptr<data::ByteSource>> source = data::OpenFile(path);
  if (!source.ok()) return source.status();
  if (!absl::EndsWithIgnoreCase(path, ".npy")) return ReadCsvRows(**source, has_header);
  absl::StatusOr<data::NpyArray> array = data::ReadNpyArray(**source, data::ReadLimits().max_bytes);
  if (!array.ok()) return array.status();
  return std::move(array->values);
}

}  // namespace cvxnn::command
