// SPDX-License-Identifier: Apache-2.0
// Generators to core; the ranges are those that proto/cvxnn/v1/dataset_service.proto states.
#include "server/translate/generator.h"

#include <cmath>
#include <type_traits>
#include <variant>

#include "server/translate/capabilities.h"
#include "server/translate/choose.h"

namespace cvxnn::server {
namespace {

constexpr std::int64_t kMostRows = 100'000'000;
constexpr std::int64_t kMostColumns = 1'000'000;

constexpr std::array kLabelRules = {Choice{v1::LABEL_RULE_NORM, data::GaussianLabels::kOutsideUnitBall},
                                    Choice{v1::LABEL_RULE_SIGN, data::GaussianLabels::kSign},
                                    Choice{v1::LABEL_RULE_RANDOM, data::GaussianLabels::kRandomSign}};

// Records violations of one generator's fields.
struct Checker {
  std::string path;
  Violations* violations;

  void Rows(std::int64_t rows, std::int64_t least) const {
    violations->Require(rows >= least && rows <= kMostRows, path + "rows", rows,
                        absl::StrCat("must be ", least, " to ", kMostRows));
  }
  void Columns(std::int64_t cols) const {
    violations->Require(cols >= 1 && cols <= kMostColumns, path + "cols", cols,
                        absl::StrCat("must be 1 to ", kMostColumns));
  }
  void Positive(const char* field, double value) const {
    violations->Require(std::isfinite(value) && value > 0, path + field, value, "must be finite and > 0");
  }
  void AtLeastZero(const char* field, double value) const {
    violations->Require(std::isfinite(value) && value >= 0, path + field, value, "must be finite and >= 0");
  }
};

data::GaussianGenerator FromProto(const v1::GaussianGenerator& from, const Checker& check) {
  check.Rows(from.rows(), 2);
  check.Columns(from.cols());
  return {from.rows(), from.cols(),
          Choose(kLabelRules, from.label_rule(), check.path + "label_rule", check.violations)};
}

data::SineGenerator FromProto(const v1::SineGenerator& from, const Checker& check) {
  data::SineGenerator to;
  to.rows = from.rows();
  if (from.has_frequency()) to.frequency = from.frequency();
  check.Rows(to.rows, 2);
  check.violations->Require(std::isfinite(to.frequency) && to.frequency != 0, check.path + "frequency", to.frequency,
                            "must be finite and not 0");
  return to;
}

data::TwoSpiralsGenerator FromProto(const v1::TwoSpiralsGenerator& from, const Checker& check) {
  data::TwoSpiralsGenerator to;
  to.rows = from.rows();
  if (from.has_turns()) to.turns = from.turns();
  to.noise = from.noise();
  check.Rows(to.rows, 2);
  check.violations->Require(to.turns > 0 && to.turns <= 20, check.path + "turns", to.turns,
                            "must be above 0 and at most 20");
  check.AtLeastZero("noise", to.noise);
  return to;
}

data::BlobsGenerator FromProto(const v1::BlobsGenerator& from, const Checker& check) {
  data::BlobsGenerator to;
  to.rows = from.rows();
  to.columns = from.cols();
  if (from.classes() != 0) to.centers = from.classes();
  if (from.has_separation()) to.separation = from.separation();
  if (from.has_spread()) to.spread = from.spread();
  const bool classes_fit = to.centers >= 2 && to.centers <= 1000;
  check.violations->Require(classes_fit, check.path + "classes", to.centers, "must be 2 to 1000");
  check.Rows(to.rows, classes_fit ? to.centers : 2);
  check.Columns(to.columns);
  check.Positive("separation", to.separation);
  check.Positive("spread", to.spread);
  return to;
}

data::PlantedNetworkGenerator FromProto(const v1::PlantedReluGenerator& from, const Checker& check) {
  constexpr std::int64_t kDefaultNeurons = 10;
  constexpr std::int64_t kMostNeurons = 100'000;
  data::PlantedNetworkGenerator to;
  to.rows = from.rows();
  to.columns = from.cols();
  to.neurons = from.neurons() == 0 ? kDefaultNeurons : from.neurons();
  to.noise = from.noise();
  check.Rows(to.rows, 1);
  check.Columns(to.columns);
  check.violations->Require(to.neurons >= 1 && to.neurons <= kMostNeurons, check.path + "neurons", to.neurons,
                            absl::StrCat("must be 1 to ", kMostNeurons));
  check.AtLeastZero("noise", to.noise);
  return to;
}

}  // namespace

data::GeneratorSpec GeneratorFromProto(const v1::GenerateDatasetRequest& request, Violations* violations) {
  data::GeneratorSpec spec;
  spec.test_rows = request.test_rows();
  spec.seed = request.seed();
  violations->Require(spec.test_rows >= 0 && spec.test_rows <= kMostRows, "test_rows", spec.test_rows,
                      absl::StrCat("must be 0 to ", kMostRows));
  const int kind = request.generator_case();
  if (kind == v1::GenerateDatasetRequest::GENERATOR_NOT_SET) {
    violations->Wrong("generator", "required: set exactly one generator");
    return spec;
  }
  const auto* descriptor = v1::GenerateDatasetRequest::descriptor();
  if (!IsBuilt(descriptor, kGenerators, kind, "generator", violations)) return spec;
  const Checker check{MemberName(descriptor, kind) + ".", violations};
  switch (request.generator_case()) {
    case v1::GenerateDatasetRequest::kGaussian:
      spec.generator = FromProto(request.gaussian(), check);
      break;
    case v1::GenerateDatasetRequest::kSine:
      spec.generator = FromProto(request.sine(), check);
      break;
    case v1::GenerateDatasetRequest::kTwoSpirals:
      spec.generator = FromProto(request.two_spirals(), check);
      break;
    case v1::GenerateDatasetRequest::kBlobs:
      spec.generator = FromProto(request.blobs(), check);
      break;
    case v1::GenerateDatasetRequest::kPlantedRelu:
      spec.generator = FromProto(request.planted_relu(), check);
      break;
    case v1::GenerateDatasetRequest::GENERATOR_NOT_SET:
      break;
  }
  return spec;
}

double GeneratedBytes(const data::GeneratorSpec& spec) {
  return std::visit(
      [&](const auto& generator) {
        using Kind = std::decay_t<decltype(generator)>;
        double columns = 3;  // two of features, one of targets
        if constexpr (std::is_same_v<Kind, data::GaussianGenerator>) {
          columns = static_cast<double>(generator.columns) + 1;
        } else if constexpr (std::is_same_v<Kind, data::BlobsGenerator>) {
          columns = static_cast<double>(generator.columns) + static_cast<double>(generator.centers);
        } else if constexpr (std::is_same_v<Kind, data::PlantedNetworkGenerator>) {
          columns = static_cast<double>(generator.columns) + 1;
        }
        return 8 * columns * (static_cast<double>(generator.rows) + static_cast<double>(spec.test_rows));
      },
      spec.generator);
}

double GeneratingBytes(const data::GeneratorSpec& spec) {
  double hidden = 0;
  if (const auto* planted = std::get_if<data::PlantedNetworkGenerator>(&spec.generator)) {
    hidden = static_cast<double>(planted->columns) * static_cast<double>(planted->neurons);
  } else if (const auto* blobs = std::get_if<data::BlobsGenerator>(&spec.generator)) {
    hidden = static_cast<double>(blobs->columns) * static_cast<double>(blobs->centers);
  }
  return GeneratedBytes(spec) + 2 * 8 * hidden;
}

}  // namespace cvxnn::server
