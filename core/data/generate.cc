// SPDX-License-Identifier: Apache-2.0
// The generators' shared frame: checks, the two parts, the class bookkeeping. The formulas are in
// generator_formulas.cc.
#include "core/data/generate.h"

#include <absl/strings/str_cat.h>

#include <utility>
#include <vector>

#include "core/data/apply_transforms.h"
#include "core/data/class_labels.h"
#include "core/data/field_check.h"
#include "core/data/generator_formulas.h"
#include "core/data/random.h"
#include "core/data/validate.h"

namespace cvxnn::data {
namespace {

// Rows of the training part, columns and target columns of a spec.
struct Sizes {
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::int64_t targets = 1;
};

Sizes SizesOf(const GaussianGenerator& g) { return {g.rows, g.columns, 1}; }
Sizes SizesOf(const SineGenerator& g) { return {g.rows, 2, 1}; }
Sizes SizesOf(const TwoSpiralsGenerator& g) { return {g.rows, 2, 1}; }
Sizes SizesOf(const BlobsGenerator& g) { return {g.rows, g.columns, g.centers}; }
Sizes SizesOf(const PlantedNetworkGenerator& g) { return {g.rows, g.columns, 1}; }

absl::Status FirstError(std::initializer_list<absl::Status> checks) {
  for (const absl::Status& check : checks) {
    if (!check.ok()) return check;
  }
  return absl::OkStatus();
}

constexpr std::int64_t kOne = 1;
constexpr std::int64_t kTwo = 2;

absl::Status Check(const GaussianGenerator& g) {
  return FirstError({CheckAtLeast("gaussian.rows", g.rows, kTwo), CheckAtLeast("gaussian.columns", g.columns, kOne)});
}
absl::Status Check(const SineGenerator& g) {
  if (!std::isfinite(g.frequency) || g.frequency == 0) {
    return FieldError("sine.frequency", g.frequency, "finite and not 0");
  }
  return CheckAtLeast("sine.rows", g.rows, kTwo);
}
absl::Status Check(const TwoSpiralsGenerator& g) {
  if (!(g.turns > 0 && g.turns <= 20)) return FieldError("two_spirals.turns", g.turns, "in (0, 20]");
  return FirstError({CheckAtLeast("two_spirals.rows", g.rows, kTwo), CheckAtLeast("two_spirals.noise", g.noise, 0.0)});
}
absl::Status Check(const BlobsGenerator& g) {
  return FirstError({CheckBetween("blobs.centers", g.centers, kTwo, std::int64_t{1000}),
                     CheckAtLeast("blobs.rows", g.rows, g.centers), CheckAtLeast("blobs.columns", g.columns, kOne),
                     CheckPositive("blobs.separation", g.separation), CheckPositive("blobs.spread", g.spread)});
}
absl::Status Check(const PlantedNetworkGenerator& g) {
  return FirstError({CheckAtLeast("planted_network.rows", g.rows, kOne),
                     CheckAtLeast("planted_network.columns", g.columns, kOne),
                     CheckBetween("planted_network.neurons", g.neurons, kOne, std::int64_t{100'000}),
                     CheckAtLeast("planted_network.noise", g.noise, 0.0)});
}

absl::Status CheckElements(const std::string& name, const Sizes& sizes, std::int64_t test_rows,
                           std::int64_t parameters) {
  // In floating point, so that absurd sizes cannot wrap around.
  const double rows = static_cast<double>(sizes.rows) + static_cast<double>(test_rows);
  const double elements = rows * (static_cast<double>(sizes.columns) + static_cast<double>(sizes.targets)) +
                          static_cast<double>(parameters);
  if (elements <= static_cast<double>(kMaxGeneratedElements)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(name, ": (rows + test_rows) x (columns + targets) = ", elements,
                                                 " elements: must be at most ", kMaxGeneratedElements));
}

std::int64_t HiddenParameters(const GeneratorSpec& spec) {
  if (const auto* g = std::get_if<PlantedNetworkGenerator>(&spec.generator)) {
    // Saturates far above the limit instead of wrapping.
    return g->columns > kMaxGeneratedElements ? kMaxGeneratedElements + 1 : g->columns * g->neurons;
  }
  if (const auto* g = std::get_if<BlobsGenerator>(&spec.generator)) {
    return g->columns > kMaxGeneratedElements ? kMaxGeneratedElements + 1 : g->columns * g->centers;
  }
  return 0;
}

// Turns class numbers into targets and refuses a class without training rows.
absl::Status SetClasses(const std::string& name, const LabelledRows& train, const LabelledRows& test, Task task,
                        std::vector<std::string> class_names, Dataset* dataset) {
  const auto class_count = static_cast<std::int64_t>(class_names.size());
  const std::vector<std::int64_t> counts = CountClasses(train.classes, class_count);
  for (std::size_t label = 0; label < counts.size(); ++label) {
    if (counts[label] > 0) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(name, ": no training row fell into class ", class_names[label],
                     ": choose more rows, another seed, or (for ||x|| > 1) a number of columns near 1 or 2"));
  }
  const auto targets = [&](const std::vector<std::int64_t>& classes) {
    return task == Task::kBinary ? PlusMinusOne(classes, ElementType::kFloat64)
                                 : OneHot(classes, class_count, ElementType::kFloat64);
  };
  dataset->train.targets = targets(train.classes);
  dataset->test.targets = targets(test.classes);
  dataset->description.task = task;
  dataset->description.class_names = std::move(class_names);
  return absl::OkStatus();
}

// Huge standard deviations are finite, and what is drawn with them need not be.
absl::StatusOr<Dataset> Finite(const std::string& name, Dataset dataset) {
  for (const Part* part : {&dataset.train, &dataset.test}) {
    for (const Matrix* matrix : {&part->features, &part->targets}) {
      if (absl::Status status = ValidateFinite(*matrix, name); !status.ok()) return status;
    }
  }
  return dataset;
}

}  // namespace

std::string GeneratorName(const GeneratorSpec& spec) {
  static constexpr const char* kNames[] = {"gaussian", "sine", "two_spirals", "blobs", "planted_network"};
  static_assert(std::size(kNames) == std::variant_size_v<decltype(spec.generator)>);
  return kNames[spec.generator.index()];
}

absl::StatusOr<Dataset> Generate(const GeneratorSpec& spec, const ShouldStop& should_stop) {
  const std::string name = GeneratorName(spec);
  if (absl::Status status = std::visit([](const auto& g) { return Check(g); }, spec.generator); !status.ok()) {
    return status;
  }
  if (absl::Status status = CheckAtLeast("test_rows", spec.test_rows, std::int64_t{0}); !status.ok()) return status;
  const Sizes sizes = std::visit([](const auto& g) { return SizesOf(g); }, spec.generator);
  if (absl::Status status = CheckElements(name, sizes, spec.test_rows, HiddenParameters(spec)); !status.ok()) {
    return status;
  }

  if (const auto* planted = std::get_if<PlantedNetworkGenerator>(&spec.generator)) {
    const double products = (static_cast<double>(planted->rows) + static_cast<double>(spec.test_rows)) *
                            static_cast<double>(planted->columns) * static_cast<double>(planted->neurons);
    if (products > kMaxPlantedProducts) {
      return absl::InvalidArgumentError(absl::StrCat("planted_network: rows x columns x neurons = ", products,
                                                     ": must be at most ", kMaxPlantedProducts));
    }
  }

  Dataset dataset;
  dataset.description.source = absl::StrCat("generated ", name, " seed=", spec.seed);
  RandomStream random(spec.seed);
  StopFlag stop(should_stop);
  if (const auto* sine = std::get_if<SineGenerator>(&spec.generator)) {
    dataset.train = SinePart(*sine, sine->rows);
    dataset.test = SinePart(*sine, spec.test_rows);
    dataset.description.feature_names = {"x"};
    dataset.description.target_names = {"sin"};
    return ApplyTransforms({AppendBias{}}, std::move(dataset), should_stop);
  }
  if (const auto* planted = std::get_if<PlantedNetworkGenerator>(&spec.generator)) {
    const PlantedNetwork network = DrawPlantedNetwork(*planted, &random, &stop);
    dataset.train = PlantedPart(network, planted->noise, planted->rows, &random, &stop);
    dataset.test = PlantedPart(network, planted->noise, spec.test_rows, &random, &stop);
    if (!stop.status().ok()) return stop.status();
    return Finite(name, std::move(dataset));
  }

  LabelledRows train;
  LabelledRows test;
  Task task = Task::kBinary;
  std::vector<std::string> class_names = {"-1", "+1"};
  if (const auto* gaussian = std::get_if<GaussianGenerator>(&spec.generator)) {
    train = GaussianRows(*gaussian, gaussian->rows, &random, &stop);
    test = GaussianRows(*gaussian, spec.test_rows, &random, &stop);
  } else if (const auto* spirals = std::get_if<TwoSpiralsGenerator>(&spec.generator)) {
    train = SpiralRows(*spirals, spirals->rows, &random, &stop);
    test = SpiralRows(*spirals, spec.test_rows, &random, &stop);
  } else if (const auto* blobs = std::get_if<BlobsGenerator>(&spec.generator)) {
    const RowMajor<double> centers = DrawCenters(*blobs, &random, &stop);
    train = BlobRows(*blobs, centers, blobs->rows, &random, &stop);
    test = BlobRows(*blobs, centers, spec.test_rows, &random, &stop);
    task = Task::kMulticlass;
    class_names.clear();
    for (std::int64_t k = 0; k < blobs->centers; ++k) class_names.push_back(absl::StrCat("blob_", k));
  }
  if (!stop.status().ok()) return stop.status();
  if (absl::Status status = SetClasses(name, train, test, task, std::move(class_names), &dataset); !status.ok()) {
    return status;
  }
  dataset.train.features = Matrix(std::move(train.features));
  dataset.test.features = Matrix(std::move(test.features));
  return Finite(name, std::move(dataset));
}

}  // namespace cvxnn::data
