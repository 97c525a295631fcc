// SPDX-License-Identifier: Apache-2.0
// The stored programs and optima of tests/testdata/convex_oracle.json (made by tests/oracle/make_convex_oracle.py).
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <ostream>
#include <string>
#include <vector>

#include "core/convex/program.h"
#include "core/convex/solve.h"

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

/// Cases of one activation, loss and penalty: a process for each case would cost more than the cases.
struct OracleGroup {
  std::string name;  ///< e.g. "relu_squared_l1"
  std::vector<OracleCase> cases;
};

/// FISTA where it can solve the program, which it does more tightly than ADMM.
inline SolverKind SolverFor(const Program& program) {
  return program.activation == Activation::kGated && program.loss != Loss::kHinge ? SolverKind::kFista
                                                                                  : SolverKind::kAdmm;
}

/// Names a parametrised test after its group.
inline std::string GroupName(const testing::TestParamInfo<OracleGroup>& test) { return test.param.name; }

/// All cases, in the given precision.
std::vector<OracleCase> ReadOracleCases(at::ScalarType dtype);

/// What pyscnn found for some of them (tests/testdata/pyscnn_oracle.json): names and objectives.
std::map<std::string, double> ReadPyscnnAnswers();

/// All cases by group, in the given precision.
std::vector<OracleGroup> ReadOracleGroups(at::ScalarType dtype);

/// The case of that name, float64.
OracleCase ReadOracleCase(const std::string& name);

/// What GoogleTest prints for a case and for a group.
inline void PrintTo(const OracleCase& oracle, std::ostream* out) { *out << oracle.name; }
inline void PrintTo(const OracleGroup& group, std::ostream* out) { *out << group.name; }

}  // namespace cvxnn::convex
