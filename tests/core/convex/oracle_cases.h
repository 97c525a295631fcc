// SPDX-License-Identifier: Apache-2.0
// The stored programs and optima of tests/testdata/convex_oracle.json (made by tests/oracle/make_convex_oracle.py).
#pragma once

#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <vector>

#include "core/convex/program.h"

namespace cvxnn::convex {

struct OracleCase {
  std::string name;
  Program program;
  double beta_max = 0;
  double optimum = 0;
  double accuracy = 0;  ///< relative tolerance that the optimum was found to
};

/// Names a parametrised test after its case.
inline std::string CaseName(const testing::TestParamInfo<OracleCase>& test) { return test.param.name; }

/// All cases, in the given precision.
std::vector<OracleCase> ReadOracleCases(at::ScalarType dtype);

/// The case of that name, float64.
OracleCase ReadOracleCase(const std::string& name);

/// What GoogleTest prints for a case.
inline void PrintTo(const OracleCase& oracle, std::ostream* out) { *out << oracle.name; }

}  // namespace cvxnn::convex
