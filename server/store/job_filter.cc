// SPDX-License-Identifier: Apache-2.0
// JobFilter as predicate, SQL and canonical text.
#include "server/store/job_filter.h"

#include <algorithm>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace cvxnn::server {
namespace {

std::set<int> States(const v1::JobFilter& filter) { return {filter.states().begin(), filter.states().end()}; }

std::map<std::string, std::string> Labels(const v1::JobFilter& filter) {
  return {filter.labels().begin(), filter.labels().end()};
}

}  // namespace

bool Matches(const v1::JobFilter& filter, const v1::Job& job) {
  const auto has_label = [&](const auto& wanted) {
    const auto found = job.labels().find(wanted.first);
    return found != job.labels().end() && found->second == wanted.second;
  };
  return (filter.states().empty() || States(filter).count(job.state()) > 0) &&
         (filter.experiment().empty() || filter.experiment() == job.experiment()) &&
         (filter.dataset().empty() || filter.dataset() == job.spec().dataset()) &&
         std::all_of(filter.labels().begin(), filter.labels().end(), has_label);
}

RowFilter ToSql(const v1::JobFilter& filter) {
  RowFilter sql;
  if (!filter.states().empty()) {
    absl::StrAppend(&sql.conditions, " AND state IN (", absl::StrJoin(States(filter), ", "), ")");
  }
  if (!filter.experiment().empty()) {
    sql.conditions += " AND experiment = ?";
    sql.values.push_back(filter.experiment());
  }
  if (!filter.dataset().empty()) {
    sql.conditions += " AND dataset = ?";
    sql.values.push_back(filter.dataset());
  }
  for (const auto& [key, value] : Labels(filter)) {
    sql.conditions += " AND EXISTS (SELECT 1 FROM job_labels WHERE job = number AND key = ? AND value = ?)";
    sql.values.push_back(key);
    sql.values.push_back(value);
  }
  return sql;
}

std::string CanonicalText(const v1::JobFilter& filter) {
  // Lengths in front keep values that contain separators apart.
  const auto text = [](const std::string& value) { return absl::StrCat(value.size(), ":", value); };
  std::string canonical = absl::StrCat("states ", absl::StrJoin(States(filter), ","), " experiment ",
                                       text(filter.experiment()), " dataset ", text(filter.dataset()));
  for (const auto& [key, value] : Labels(filter)) absl::StrAppend(&canonical, " label ", text(key), text(value));
  return canonical;
}

}  // namespace cvxnn::server
