// SPDX-License-Identifier: Apache-2.0
// Which jobs a JobFilter asks for: as a predicate for jobs at hand, and as SQL for jobs in the database.
#pragma once

#include <string>

#include "cvxnn/v1/job.pb.h"
#include "cvxnn/v1/job_service.pb.h"
#include "server/store/row_filter.h"

namespace cvxnn::server {

/// Whether all that is set in `filter` matches.
bool Matches(const v1::JobFilter& filter, const v1::Job& job);

/// The same as SQL over the table jobs.
RowFilter ToSql(const v1::JobFilter& filter);

/// A text that is the same exactly for filters that ask for the same; binds page tokens to their filter.
std::string CanonicalText(const v1::JobFilter& filter);

}  // namespace cvxnn::server
