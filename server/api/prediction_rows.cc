// SPDX-License-Identifier: Apache-2.0
// See prediction_rows.h.
#include "server/api/prediction_rows.h"

#include <absl/strings/str_cat.h>

#include <string>
#include <utility>

#include "server/translate/choose.h"
#include "server/translate/resource_name.h"
#include "server/translate/violations.h"

namespace cvxnn::server {

absl::StatusOr<ResidentDatasets::Resident> DatasetOf(const Parts& parts, const v1::Model& model) {
  auto resident = parts.resident->Get(model.dataset());
  if (!resident.ok() || resident->uid == model.dataset_uid()) return resident;
  return absl::FailedPreconditionError(absl::StrCat(model.dataset(), ": is not the data set that ", model.name(),
                                                    " was trained on, which was deleted, but another one of its name"));
}

absl::StatusOr<StoredRows> FindRows(const Parts& parts, const v1::DatasetRows& rows, const v1::Model& model) {
  const std::string& name = rows.dataset().empty() ? model.dataset() : rows.dataset();
  Violations violations("dataset_rows.");
  CheckResourceName("datasets", name, "dataset", &violations);
  violations.Require(v1::Part_IsValid(rows.part()), "part", ValueName(rows.part()), "must be PART_TRAIN or PART_TEST");
  violations.Require(rows.first_row() >= 0, "first_row", rows.first_row(), "must be >= 0");
  violations.Require(rows.row_count() >= 0, "row_count", rows.row_count(), "must be >= 0");
  if (!violations.empty()) return violations.ToStatus();
  auto resident = rows.dataset().empty() ? DatasetOf(parts, model) : parts.resident->Get(name);
  if (!resident.ok()) return resident.status();
  StoredRows found;
  found.dataset = std::move(resident->dataset);
  const bool train = rows.part() == v1::PART_TRAIN;
  found.part = train ? &found.dataset->train : &found.dataset->test;
  if (found.part->rows() == 0) return absl::FailedPreconditionError(absl::StrCat(name, ": has no test part"));
  found.first = rows.first_row();
  // Compared without sums, which could overflow.
  const std::int64_t following = found.part->rows() - found.first;
  violations.Require(following > 0, "first_row", found.first,
                     absl::StrCat("must be below the ", found.part->rows(), " rows of the part"));
  violations.Require(rows.row_count() <= std::max<std::int64_t>(following, 0), "row_count", rows.row_count(),
                     absl::StrCat("must be at most the ", following, " rows from first_row on"));
  if (!violations.empty()) return violations.ToStatus();
  found.count = rows.row_count() == 0 ? following : rows.row_count();
  return found;
}

}  // namespace cvxnn::server
