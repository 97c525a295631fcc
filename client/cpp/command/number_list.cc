// SPDX-License-Identifier: Apache-2.0
// One parser over reals; whole numbers are those of its answers that are whole.
#include "client/cpp/command/number_list.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>

#include <cmath>

#include "client/cpp/command/echo.h"

namespace cvxnn::command {
namespace {

constexpr std::size_t kMostNumbers = 10000;
// Above it not every whole number is a double.
constexpr double kLargestExact = 9007199254740992.0;

struct Listed {
  double value = 0;
  bool rounded = false;  // a whole number near it may stand for it
};

absl::Status ListFault(const std::string& flag, const std::string& item, const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat(flag, ": \"", Echo(item), "\": ", what));
}

bool ToFinite(absl::string_view text, double* value) { return absl::SimpleAtod(text, value) && std::isfinite(*value); }

absl::Status AddSteps(const std::string& flag, const std::string& item, double first, double last, double step,
                      std::vector<Listed>* numbers) {
  if (!(step > 0)) return ListFault(flag, item, "the step must be above 0");
  // A last number that rounding put just above the end is meant to be in.
  const double count = std::floor((last - first) / step * (1 + 1e-12)) + 1;
  if (!(count <= static_cast<double>(kMostNumbers))) {
    return ListFault(flag, item, absl::StrCat("makes more than ", kMostNumbers, " numbers"));
  }
  for (double i = 0; i < count; ++i) numbers->push_back({first + i * step, false});
  return absl::OkStatus();
}

absl::Status AddLogarithmic(const std::string& flag, const std::string& item, double first, double last, double count,
                            std::vector<Listed>* numbers) {
  if (!(first > 0)) return ListFault(flag, item, "a range in log must begin above 0");
  if (!(count >= 2 && count <= static_cast<double>(kMostNumbers) && count == std::floor(count))) {
    return ListFault(flag, item, absl::StrCat("the count must be 2 to ", kMostNumbers));
  }
  for (double i = 0; i + 1 < count; ++i) {
    numbers->push_back({first * std::pow(last / first, i / (count - 1)), true});
  }
  numbers->push_back({last, true});
  return absl::OkStatus();
}

absl::Status AddListItem(const std::string& flag, const std::string& item, std::vector<Listed>* numbers) {
  const std::vector<std::string> ends = absl::StrSplit(item, absl::MaxSplits("..", 1));
  double first = 0;
  if (!ToFinite(ends[0], &first)) return ListFault(flag, item, "is not a number or a range");
  if (ends.size() == 1) {
    numbers->push_back({first, false});
    return absl::OkStatus();
  }
  const std::size_t mark = ends[1].find_first_of(":/");
  double last = 0;
  double third = 1;
  if (!ToFinite(ends[1].substr(0, mark), &last) ||
      (mark != std::string::npos && !ToFinite(ends[1].substr(mark + 1), &third))) {
    return ListFault(flag, item, "is not a range: A..B, A..B:STEP or A..B/COUNT");
  }
  if (last < first) return ListFault(flag, item, "a range must not end below its beginning");
  return mark != std::string::npos && ends[1][mark] == '/' ? AddLogarithmic(flag, item, first, last, third, numbers)
                                                           : AddSteps(flag, item, first, last, third, numbers);
}

absl::StatusOr<std::vector<Listed>> ParseList(const std::string& flag, const std::string& text) {
  std::vector<Listed> numbers;
  for (const absl::string_view item : absl::StrSplit(text, ',')) {
    if (absl::Status status = AddListItem(flag, std::string(item), &numbers); !status.ok()) return status;
    if (numbers.size() > kMostNumbers) {
      return absl::InvalidArgumentError(absl::StrCat(flag, ": more than ", kMostNumbers, " numbers"));
    }
  }
  return numbers;
}

}  // namespace

absl::StatusOr<std::vector<std::int64_t>> ParseIntegers(const std::string& flag, const std::string& text) {
  const auto numbers = ParseList(flag, text);
  if (!numbers.ok()) return numbers.status();
  std::vector<std::int64_t> integers;
  for (const Listed& number : *numbers) {
    const double whole = std::round(number.value);
    if (std::abs(whole) > kLargestExact || (!number.rounded && whole != number.value)) {
      return ListFault(flag, text, absl::StrCat(number.value, " is not a whole number"));
    }
    const auto integer = static_cast<std::int64_t>(whole);
    if (number.rounded && !integers.empty() && integers.back() == integer) continue;
    integers.push_back(integer);
  }
  return integers;
}

absl::StatusOr<std::vector<double>> ParseReals(const std::string& flag, const std::string& text) {
  const auto numbers = ParseList(flag, text);
  if (!numbers.ok()) return numbers.status();
  std::vector<double> reals;
  for (const Listed& number : *numbers) reals.push_back(number.value);
  return reals;
}

}  // namespace cvxnn::command
