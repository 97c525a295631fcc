// SPDX-License-Identifier: Apache-2.0
// Reads the stored oracle; see oracle_cases.h.
#include "tests/core/convex/oracle_cases.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace cvxnn::convex {
namespace {

at::Tensor ToTensor(const nlohmann::json& rows, at::ScalarType dtype) {
  std::vector<double> values;
  for (const auto& row : rows) {
    for (const auto& value : row) values.push_back(value.get<double>());
  }
  const auto count = static_cast<std::int64_t>(rows.size());
  return at::tensor(values, at::TensorOptions().dtype(at::kDouble)).view({count, -1}).to(dtype);
}

LossScale ScaleOf(const std::string& name) {
  if (name == "half_sum") return LossScale::kHalfSum;
  return name == "sum" ? LossScale::kSum : LossScale::kMean;
}

Loss LossOf(const std::string& name) {
  for (const Loss loss : {Loss::kLogistic, Loss::kCrossEntropy, Loss::kHinge, Loss::kSquaredHinge}) {
    if (name == Name(loss)) return loss;
  }
  return Loss::kSquared;
}

Penalty PenaltyOf(const std::string& name) {
  for (const Penalty penalty :
       {Penalty::kWeightDecay, Penalty::kRidge, Penalty::kL1, Penalty::kFeatureGroups, Penalty::kNone}) {
    if (name == Name(penalty)) return penalty;
  }
  return Penalty::kGroupL2;
}

}  // namespace

std::vector<OracleCase> ReadOracleCases(at::ScalarType dtype) {
  std::ifstream file(std::string(CVXNN_TESTDATA) + "/convex_oracle.json");
  const auto document = nlohmann::json::parse(file);
  std::vector<OracleCase> cases;
  for (const auto& entry : document.at("cases")) {
    OracleCase oracle;
    oracle.name = entry.at("name");
    oracle.program.activation = entry.at("activation") == "gated" ? Activation::kGated : Activation::kRelu;
    oracle.program.features = ToTensor(entry.at("features"), dtype);
    oracle.program.targets = ToTensor(entry.at("targets"), dtype);
    oracle.program.patterns.mask = ToTensor(entry.at("mask"), at::kBool);
    oracle.program.patterns.gates = ToTensor(entry.at("gates"), dtype);
    oracle.program.loss = LossOf(entry.at("loss"));
    oracle.program.penalty = PenaltyOf(entry.at("penalty"));
    oracle.program.loss_scale = ScaleOf(entry.at("loss_scale"));
    oracle.program.beta = entry.at("beta");
    oracle.beta_max = entry.at("beta_max");
    oracle.optimum = entry.at("optimum");
    oracle.accuracy = entry.at("accuracy");
    cases.push_back(std::move(oracle));
  }
  return cases;
}

std::vector<OracleGroup> ReadOracleGroups(at::ScalarType dtype) {
  std::vector<OracleGroup> groups;
  for (auto& oracle : ReadOracleCases(dtype)) {
    const Program& program = oracle.program;
    const std::string name = Name(program.activation) + "_" + Name(program.loss) + "_" + Name(program.penalty);
    auto group =
        std::find_if(groups.begin(), groups.end(), [&](const OracleGroup& other) { return other.name == name; });
    if (group == groups.end()) group = groups.insert(group, {name, {}});
    group->cases.push_back(std::move(oracle));
  }
  return groups;
}

std::map<std::string, double> ReadPyscnnAnswers() {
  std::ifstream file(std::string(CVXNN_TESTDATA) + "/pyscnn_oracle.json");
  std::map<std::string, double> answers;
  const auto document = nlohmann::json::parse(file);
  for (const auto& answer : document.at("answers")) {
    answers[answer.at("name")] = answer.at("objective");
  }
  return answers;
}

OracleCase ReadOracleCase(const std::string& name) {
  for (auto& oracle : ReadOracleCases(at::kDouble)) {
    if (oracle.name == name) return oracle;
  }
  throw std::invalid_argument("no oracle case is called " + name);
}

}  // namespace cvxnn::convex
