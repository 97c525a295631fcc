// SPDX-License-Identifier: Apache-2.0
// F and Fᵀ against the matrix F = [D_1 X … D_P X] written out.
#include "core/convex/operator.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "core/convex/solvers/lipschitz.h"
#include "tests/core/convex/double_tensors.h"
#include "tests/core/convex/oracle_cases.h"

namespace cvxnn::convex {
namespace {

// n×(P·d), block p is D_p X.
at::Tensor WrittenOut(const Program& program) {
  std::vector<at::Tensor> blocks;
  for (std::int64_t p = 0; p < program.patterns.count(); ++p) {
    blocks.push_back(program.patterns.mask.select(1, p).to(at::kDouble).diag().mm(program.features));
  }
  return at::cat(blocks, 1);
}

// Weights d×(P·c) as the (P·d)×c that the written-out matrix multiplies.
at::Tensor Stacked(const at::Tensor& weights, std::int64_t outputs) {
  return weights.view({weights.size(0), -1, outputs}).permute({1, 0, 2}).reshape({-1, outputs});
}

TEST(PatternOperator, AppliesTheStackedMatrix) {
  const Program program = ReadOracleCase("gated_plain_c3_half_sum").program;
  const PatternOperator map(program.features, program.patterns.mask, 3);
  const at::Tensor weights = at::randn({map.inputs(), map.blocks()}, kDouble);
  EXPECT_TRUE(at::allclose(map.Apply(weights), WrittenOut(program).mm(Stacked(weights, 3))));
}

TEST(PatternOperator, AppliesSomeColumnsAsIfTheOthersWereZero) {
  const Program program = ReadOracleCase("gated_plain_c3_half_sum").program;
  const PatternOperator map(program.features, program.patterns.mask, 3);
  const at::Tensor columns = at::tensor({1, 5, 9, 10}, at::TensorOptions().dtype(at::kLong));
  const at::Tensor some = at::randn({map.inputs(), 4}, kDouble);
  at::Tensor all = at::zeros({map.inputs(), map.blocks()}, kDouble);
  all.index_copy_(1, columns, some);
  EXPECT_TRUE(at::allclose(map.ApplyColumns(some, columns), map.Apply(all)));
}

TEST(PatternOperator, HasTheTransposeAsItsAdjoint) {
  const Program program = ReadOracleCase("gated_wide_c3_half_sum").program;
  const PatternOperator map(program.features, program.patterns.mask, 3);
  const at::Tensor residual = at::randn({map.rows(), 3}, kDouble);
  EXPECT_TRUE(at::allclose(Stacked(map.Adjoint(residual), 3), WrittenOut(program).t().mm(residual)));
}

TEST(PatternOperator, FindsTheNormsOfItsAdjointInFloat64WhateverTheDataAre) {
  Program program = ReadOracleCase("gated_plain_c3_half_sum").program;
  program.features = program.features.to(at::kFloat);
  const PatternOperator narrow(program.features, program.patterns.mask, 3);
  program.features = program.features.to(at::kDouble);
  const at::Tensor residual = at::randn({narrow.rows(), 3}, kDouble);
  const PatternOperator wide(program.features, program.patterns.mask, 3);
  const at::Tensor norms = narrow.AdjointNorms(residual);
  EXPECT_EQ(norms.scalar_type(), at::kDouble);
  EXPECT_TRUE(at::allclose(norms, wide.Adjoint(residual).norm(2, {0}), 1e-12));
}

TEST(LargestEigenvalue, IsTheSquaredSpectralNormOfF) {
  for (const auto& oracle : ReadOracleCases(at::kDouble)) {
    const PatternOperator map(oracle.program.features, oracle.program.patterns.mask, oracle.program.targets.size(1));
    const double norm = std::get<1>(at::linalg_svd(WrittenOut(oracle.program))).max().item<double>();
    const auto found = LargestEigenvalue(map, {});
    ASSERT_TRUE(found.ok());
    EXPECT_NEAR(*found, norm * norm, 0.02 * norm * norm) << oracle.name;
    EXPECT_LE(*found, norm * norm * (1 + 1e-9)) << oracle.name;
  }
}

}  // namespace
}  // namespace cvxnn::convex
