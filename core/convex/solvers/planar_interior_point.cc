// SPDX-License-Identifier: Apache-2.0
// Predictor and corrector, block by block; see planar_interior_point.h.
#include "core/convex/solvers/planar_interior_point.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/convex/group_l2.h"
#include "core/convex/solvers/interior_point_limits.h"

namespace cvxnn::convex {
namespace {

// Solutions are refined so often, or until this share of the right-hand side is left.
constexpr int kRefinements = 3;
constexpr double kExact = 1e-14;
// Steps in which the products have to halve, or rounding is all that moves them.
constexpr int kPatience = 10;
// All products together at the start, in objectives at zero.
constexpr double kFirstObjectives = 1;
// Multiplications in an epoch that is not worth reporting alone, and steps of one at most.
constexpr double kLeastEpoch = 2e5;
constexpr double kMostSteps = 10;
// In a saved state.
constexpr std::size_t kNumbersOfBlock = 9;

Point Turned(const Point& a) { return {-a.y, a.x}; }

Point Combined(const PlanarCell& cell, const double (&a)[2]) { return a[0] * cell.first + a[1] * cell.second; }

// The direction in the middle of a cell.
Point Middle(const PlanarCell& cell) {
  const Point sum = Dot(cell.first, cell.second) > 0 ? cell.first + cell.second : Turned(cell.first - cell.second);
  return (1 / Length(sum)) * sum;
}

// The point of the cell that is nearest to c.
Point Projected(const PlanarCell& cell, const Point& c) {
  if (Cross(cell.first, c) >= 0 && Cross(c, cell.second) >= 0) return c;
  const double first = Dot(cell.first, c), second = Dot(cell.second, c);
  if (first <= 0 && second <= 0) return {};
  return first > second ? first * cell.first : second * cell.second;
}

double Norm(const std::vector<double>& x) {
  double sum = 0;
  for (const double each : x) sum += each * each;
  return std::sqrt(sum);
}

std::vector<double> Entries(const at::Tensor& tensor) {
  const at::Tensor flat = tensor.contiguous();
  return {flat.data_ptr<double>(), flat.data_ptr<double>() + flat.numel()};
}

}  // namespace

std::unique_ptr<Solver> PlanarInteriorPoint::For(const HalfSumProblem& problem) {
  const at::Tensor& x = problem.map.features();
  if (x.size(1) != 2 || !x.device().is_cpu()) return nullptr;
  // β < β_max, so X is not zero.
  const double scale = at::linalg_matrix_norm(x, 2).item<double>();
  auto cells = PlanarCells::Of(x.div(scale), problem.map.mask());
  if (!cells.has_value()) return nullptr;
  return std::unique_ptr<Solver>(new PlanarInteriorPoint(problem, *std::move(cells), scale));
}

PlanarInteriorPoint::PlanarInteriorPoint(const HalfSumProblem& problem, PlanarCells cells, double features_scale)
    : problem_(problem), cells_(std::move(cells)), features_scale_(features_scale), factor_(cells_.rows()) {
  const auto rows = static_cast<double>(cells_.rows()), count = static_cast<double>(cells_.cells().size());
  const double step = 8 * rows * count + rows * rows * rows / 6 + 200 * count;
  steps_ = static_cast<int>(std::clamp(kLeastEpoch / step, 1.0, kMostSteps));
}

absl::Status PlanarInteriorPoint::SetUp() {
  for (std::int64_t k = 0; k < problem_.map.outputs(); ++k) outputs_.push_back(Prepared(k));
  return absl::OkStatus();
}

// The centre of the dual's feasible set at ν = 0, where every product is the same.
PlanarInteriorPoint::Output PlanarInteriorPoint::Prepared(std::int64_t k) const {
  Output output;
  const at::Tensor correlations = problem_.correlations.view({2, -1, problem_.map.outputs()}).select(2, k);
  output.targets = Entries(problem_.targets.select(1, k));
  output.scale = Norm(output.targets);
  output.zero = ColumnNorms(correlations).max().item<double>() <= problem_.beta;
  if (output.zero) return output;
  for (double& target : output.targets) target /= output.scale;
  output.beta = problem_.beta / (features_scale_ * output.scale);
  output.nu.resize(cells_.rows());
  output.blocks.resize(2 * cells_.cells().size());
  const double product = kFirstObjectives * 0.5 / static_cast<double>(3 * output.blocks.size());
  const double zeta = std::sqrt(2.0 / 3) * output.beta, inside = output.beta * output.beta / 3;
  for (std::size_t j = 0; j < output.blocks.size(); ++j) {
    Block& block = output.blocks[j];
    const Point middle = Middle(CellOf(j));
    const double cosine = Dot(middle, CellOf(j).first);
    block.a[0] = block.a[1] = product * zeta / (2 * inside * cosine);
    block.lambda[0] = block.lambda[1] = zeta * cosine;
    block.weights = {product * output.beta / inside, Combined(CellOf(j), block.a)};
    block.dual = -zeta * middle;
  }
  return output;
}

double PlanarInteriorPoint::MeanProduct(const Output& output, double step) const {
  double sum = 0;
  for (std::size_t j = 0; j < output.blocks.size(); ++j) {
    const Block& block = output.blocks[j];
    if (step == 0) {
      sum += block.weights.head * output.beta + Dot(block.weights.tail, block.dual);
      for (int i : {0, 1}) sum += block.a[i] * block.lambda[i];
      continue;
    }
    const Direction& change = direction_[j];
    sum += (block.weights.head + step * change.weights.head) * output.beta +
           Dot(block.weights.tail + step * change.weights.tail, block.dual + step * change.dual);
    for (int i : {0, 1}) {
      sum += (block.a[i] + step * change.a[i]) * (block.lambda[i] + step * change.lambda[i]);
    }
  }
  return sum / static_cast<double>(3 * output.blocks.size());
}

absl::Status PlanarInteriorPoint::Frames(const Output& output) {
  const std::size_t count = cells_.cells().size();
  changes_.resize(output.blocks.size());
  for (std::size_t j = 0; j < changes_.size(); ++j) changes_[j].u = output.blocks[j].weights.tail;
  Apply(changes_, nu_left_);
  for (std::size_t i = 0; i < nu_left_.size(); ++i) nu_left_[i] = output.targets[i] - output.nu[i] - nu_left_[i];
  cells_.Adjoint(output.nu, correlations_);

  std::vector<Symmetric> coupling(count);
  frames_.clear();
  for (std::size_t j = 0; j < output.blocks.size(); ++j) {
    const Block& block = output.blocks[j];
    const PlanarCell& cell = CellOf(j);
    const ConePoint dual{output.beta, block.dual};
    if (!(Determinant(block.weights) > 0 && Determinant(dual) > 0)) {
      return absl::InternalError("interior point: rounding hides the inside of a cone");
    }
    Frame frame{PlanarScaling(block.weights, dual), {}, {}, 0, 0, 0, {}};
    const PlanarScaling& scaling = frame.scaling;
    frame.scaled = scaling.Apply(dual);
    const Point sum = Sign(j) * correlations_[j % count] + block.dual;
    frame.left[0] = -block.lambda[0] - Dot(cell.first, sum);
    frame.left[1] = -block.lambda[1] - Dot(cell.second, sum);
    for (int i : {0, 1}) frame.theta[i] = block.lambda[i] / block.a[i];
    frame.across = 1 / (scaling.eta * scaling.eta);
    frame.along = scaling.epsilon / (scaling.eta * scaling.eta);
    const auto curvature = [&](const Point& r) { return Dot(r, scaling.Weighed(r, frame.along, frame.across)); };
    const double squared_sine = cell.sine * cell.sine;
    frame.determinant = frame.theta[0] * frame.theta[1] + frame.theta[0] * curvature(cell.second) +
                        frame.theta[1] * curvature(cell.first) + squared_sine * frame.along * frame.across;
    // R_jM_j⁻¹R_jᵀ = (θ₂r₁r₁ᵀ + θ₁r₂r₂ᵀ + sin²·adj(S))/det M.
    const auto outer = [](double factor, const Point& r) {
      return Symmetric{factor * r.x * r.x, factor * r.x * r.y, factor * r.y * r.y};
    };
    const double by_sine = squared_sine / frame.determinant;
    coupling[j % count] = coupling[j % count] + outer(frame.theta[1] / frame.determinant, cell.first) +
                          outer(frame.theta[0] / frame.determinant, cell.second) +
                          outer(by_sine * frame.across, scaling.along) +
                          outer(by_sine * frame.along, Turned(scaling.along));
    frames_.push_back(frame);
  }
  cells_.Coupling(coupling, factor_.matrix());
  return factor_.Factor();
}

// M⁻¹(Rᵀf + p) for every block, f = σXᵀD_pΔν + along: with g = Rᵀf + p,
//   adj(M)g = (θ₂g₁, θ₁g₂) + adj(R)·adj(S)·(det(R) f + p₂r₁⊥ − p₁r₂⊥).
void PlanarInteriorPoint::SolveBlocks(const std::vector<Point>& correlations) {
  const std::size_t count = cells_.cells().size();
  for (std::size_t j = 0; j < blocks_left_.size(); ++j) {
    const PlanarCell& cell = CellOf(j);
    const Frame& frame = frames_[j];
    const Point f = Sign(j) * correlations[j % count] + blocks_left_[j].along;
    const auto& p = blocks_left_[j].apart;
    const Point v = frame.scaling.Weighed(cell.sine * f + p[1] * Turned(cell.first) - p[0] * Turned(cell.second),
                                          frame.across, frame.along);
    Rays& change = changes_[j];
    change.a[0] = (frame.theta[1] * (Dot(cell.first, f) + p[0]) + Cross(v, cell.second)) / frame.determinant;
    change.a[1] = (frame.theta[0] * (Dot(cell.second, f) + p[1]) + Cross(cell.first, v)) / frame.determinant;
    change.u = Combined(cell, change.a);
  }
}

// Differences of v and w through F.
void PlanarInteriorPoint::Apply(const std::vector<Rays>& blocks, std::vector<double>& result) {
  const std::size_t count = cells_.cells().size();
  differences_.resize(count);
  for (std::size_t p = 0; p < count; ++p) differences_[p] = blocks[p].u - blocks[p + count].u;
  cells_.Apply(differences_, result);
}

// Δν + F·RΔa = what is left of the residual and MΔa = Rᵀ(Fᵀ Δν + along) + apart, refined together: neither keeps its
// digits when it is computed from the other alone.
void PlanarInteriorPoint::Solve(const Output& output) {
  const std::size_t count = cells_.cells().size(), size = output.blocks.size();
  blocks_left_.resize(size);
  changes_.assign(size, Rays());
  for (std::size_t j = 0; j < size; ++j) {
    direction_[j] = Direction();
    blocks_left_[j].along = frames_[j].scaling.Reduced(wanted_[j].target);
    for (int i : {0, 1}) {
      blocks_left_[j].apart[i] = wanted_[j].products[i] / output.blocks[j].a[i] - frames_[j].left[i];
    }
  }
  const std::vector<Left> right = blocks_left_;
  std::vector<double> nu_left = nu_left_, images;
  std::vector<Rays> weights(size);
  nu_change_.assign(cells_.rows(), 0);
  double last = 0;
  for (int round = 0;; ++round) {
    correlations_.assign(count, Point());
    SolveBlocks(correlations_);
    Apply(changes_, images);
    for (std::size_t i = 0; i < images.size(); ++i) images[i] = nu_left[i] - images[i];
    factor_.Solve(images);
    cells_.Adjoint(images, correlations_);
    SolveBlocks(correlations_);
    for (std::size_t i = 0; i < images.size(); ++i) nu_change_[i] += images[i];
    for (std::size_t j = 0; j < size; ++j) {
      for (int i : {0, 1}) weights[j].a[i] += changes_[j].a[i];
      weights[j].u = Combined(CellOf(j), weights[j].a);
    }
    if (round == kRefinements) break;
    Apply(weights, images);
    for (std::size_t i = 0; i < images.size(); ++i) nu_left[i] = nu_left_[i] - nu_change_[i] - images[i];
    const double left = Norm(nu_left);
    if (!(left > kExact) || (round > 0 && left > 0.5 * last)) break;
    last = left;
    cells_.Adjoint(nu_change_, correlations_);
    for (std::size_t j = 0; j < size; ++j) {
      const PlanarCell& cell = CellOf(j);
      const Point f =
          Sign(j) * correlations_[j % count] + right[j].along - frames_[j].scaling.ApplyCurvature(weights[j].u);
      blocks_left_[j] = {{},
                         {right[j].apart[0] - frames_[j].theta[0] * weights[j].a[0] + Dot(cell.first, f),
                          right[j].apart[1] - frames_[j].theta[1] * weights[j].a[1] + Dot(cell.second, f)}};
    }
  }
  for (std::size_t j = 0; j < size; ++j) {
    Direction& direction = direction_[j];
    const Block& block = output.blocks[j];
    const Point& tail = weights[j].u;
    direction.weights = {frames_[j].scaling.Head(wanted_[j].target, tail), tail};
    direction.dual = right[j].along - frames_[j].scaling.ApplyCurvature(tail);
    for (int i : {0, 1}) {
      direction.a[i] = weights[j].a[i];
      direction.lambda[i] = (wanted_[j].products[i] - block.lambda[i] * direction.a[i]) / block.a[i];
    }
  }
}

double PlanarInteriorPoint::LargestStep(const Output& output) const {
  double step = 1e30;
  for (std::size_t j = 0; j < output.blocks.size(); ++j) {
    const Block& block = output.blocks[j];
    const Direction& change = direction_[j];
    step = std::min({step, LargestConeStep(block.weights, change.weights),
                     LargestConeStep({output.beta, block.dual}, {0, change.dual})});
    for (int i : {0, 1}) {
      if (change.a[i] < 0) step = std::min(step, -block.a[i] / change.a[i]);
      if (change.lambda[i] < 0) step = std::min(step, -block.lambda[i] / change.lambda[i]);
    }
  }
  return step;
}

absl::Status PlanarInteriorPoint::Advance(Output& output) {
  const double mean = MeanProduct(output, 0);
  if (!(mean > kLeastProduct)) return absl::InternalError("interior point: rounding hides further progress");
  if (mean < 0.5 * output.mean_then) {
    output.mean_then = mean;
    output.steps_since = 0;
  } else if (++output.steps_since > kPatience) {
    return absl::InternalError("interior point: no step leads further at this precision");
  }
  if (absl::Status status = Frames(output); !status.ok()) return status;
  wanted_.resize(output.blocks.size());
  direction_.resize(output.blocks.size());
  for (std::size_t j = 0; j < wanted_.size(); ++j) {
    const ConePoint& scaled = frames_[j].scaled;
    wanted_[j].target = frames_[j].scaling.ApplyInverse({-scaled.head, -1.0 * scaled.tail});
    for (int i : {0, 1}) wanted_[j].products[i] = -output.blocks[j].a[i] * output.blocks[j].lambda[i];
  }
  Solve(output);
  // How much of the products the predictor would leave says how far to keep from the edge.
  const double left = std::clamp(MeanProduct(output, std::min(1.0, LargestStep(output))) / mean, 0.0, 1.0);
  const double centre = left * left * left * mean;
  for (std::size_t j = 0; j < wanted_.size(); ++j) {
    const ConePoint& scaled = frames_[j].scaled;
    const PlanarScaling& scaling = frames_[j].scaling;
    const Direction& change = direction_[j];
    const ConePoint square = JordanProduct(scaled, scaled);
    const ConePoint second = JordanProduct(scaling.ApplyInverse(change.weights), scaling.Apply({0, change.dual}));
    const ConePoint wanted{centre - square.head - second.head, -1.0 * (square.tail + second.tail)};
    wanted_[j].target = scaling.ApplyInverse(JordanQuotient(wanted, scaled, scaling.determinant));
    for (int i : {0, 1}) wanted_[j].products[i] += centre - change.a[i] * change.lambda[i];
  }
  Solve(output);
  const double step = std::min(1.0, kShare * LargestStep(output));
  double sum = 0;
  for (const Direction& change : direction_) {
    sum += change.weights.head + change.dual.x + change.dual.y + change.a[0] + change.a[1] + change.lambda[0] +
           change.lambda[1];
  }
  if (!(step > kLeastStep) || !std::isfinite(sum)) {
    return absl::InternalError("interior point: no step leads further at this precision");
  }
  for (std::size_t i = 0; i < output.nu.size(); ++i) output.nu[i] += step * nu_change_[i];
  for (std::size_t j = 0; j < output.blocks.size(); ++j) {
    Block& block = output.blocks[j];
    const Direction& change = direction_[j];
    for (int i : {0, 1}) {
      block.a[i] += step * change.a[i];
      block.lambda[i] += step * change.lambda[i];
    }
    block.weights = {block.weights.head + step * change.weights.head, Combined(CellOf(j), block.a)};
    block.dual = block.dual + step * change.dual;
  }
  step_size_ = std::min(step_size_, step);
  return absl::OkStatus();
}

absl::Status PlanarInteriorPoint::Step(LowerBound& bound) {
  const std::vector<Output> before = outputs_;
  const double step_before = std::exchange(step_size_, 1);
  absl::Status failure = absl::InternalError("interior point: every output is at its optimum");
  bool any = false;
  for (Output& output : outputs_) {
    if (output.zero) continue;
    if (problem_.Stopped()) {
      outputs_ = before;
      step_size_ = step_before;
      return absl::CancelledError("stopped between the outputs of an epoch");
    }
    for (int i = 0; i < steps_; ++i) {
      const absl::Status status = Advance(output);
      // Another output may still have far to go.
      if (!status.ok()) {
        failure = status;
        break;
      }
      any = true;
    }
  }
  if (!any) return failure;
  Publish(&bound);
  return absl::OkStatus();
}

bool PlanarInteriorPoint::IsInside(const Block& block, double beta) {
  double least = std::min(Determinant(block.weights), Determinant({beta, block.dual}));
  for (int i : {0, 1}) least = std::min({least, block.a[i], block.lambda[i]});
  const double sum = block.weights.head + block.a[0] + block.a[1] + block.lambda[0] + block.lambda[1];
  return least > 0 && std::isfinite(sum);
}

void PlanarInteriorPoint::Save(const std::string& prefix, descent::State* state) const {
  for (std::size_t k = 0; k < outputs_.size(); ++k) {
    const Output& output = outputs_[k];
    if (output.zero) continue;
    std::vector<double> numbers;
    numbers.reserve(kNumbersOfBlock * output.blocks.size());
    for (const Block& block : output.blocks) {
      numbers.insert(numbers.end(), {block.weights.head, block.weights.tail.x, block.weights.tail.y, block.a[0],
                                     block.a[1], block.dual.x, block.dual.y, block.lambda[0], block.lambda[1]});
    }
    const std::string name = absl::StrCat(prefix, k, "/");
    (*state)[name + "blocks"] = descent::Entry(numbers);
    (*state)[name + "nu"] = descent::Entry(output.nu);
    (*state)[name + "mean_then"] = output.mean_then;
    (*state)[name + "steps_since"] = std::int64_t{output.steps_since};
  }
  (*state)[prefix + "step_size"] = step_size_;
}

absl::Status PlanarInteriorPoint::Load(descent::StateReader* reader) {
  for (std::size_t k = 0; k < outputs_.size(); ++k) {
    Output& output = outputs_[k];
    if (output.zero) continue;
    const std::string name = absl::StrCat(k, "/");
    const std::vector<double> numbers = reader->Numbers(name + "blocks", kNumbersOfBlock * output.blocks.size());
    const double* next = numbers.data();
    for (Block& block : output.blocks) {
      block = {{next[0], {next[1], next[2]}}, {next[3], next[4]}, {next[5], next[6]}, {next[7], next[8]}};
      next += kNumbersOfBlock;
      if (!IsInside(block, output.beta)) reader->Refuse(name + "blocks");
    }
    output.nu = reader->Numbers(name + "nu", output.nu.size());
    output.mean_then = reader->Number(name + "mean_then");
    output.steps_since = static_cast<int>(reader->Integer(name + "steps_since"));
  }
  step_size_ = reader->Number("step_size");
  if (!reader->status().ok()) return reader->status();
  Publish(nullptr);
  return absl::OkStatus();
}

// As InteriorPoint::Kept; X is of unit norm, so no block adds more to the outputs than its length.
std::vector<bool> PlanarInteriorPoint::Kept(const Output& output) const {
  std::vector<bool> kept(output.blocks.size(), true);
  double largest = 0, left_out = 0;
  for (const Block& block : output.blocks) largest = std::max(largest, block.weights.head);
  std::vector<std::pair<double, std::size_t>> order;
  for (std::size_t j = 0; j < kept.size(); ++j) {
    const Block& block = output.blocks[j];
    if (block.weights.head / largest < 1 - Length(block.dual) / output.beta) {
      order.emplace_back(Length(block.weights.tail), j);
    }
  }
  std::sort(order.begin(), order.end());
  const double gap = MeanProduct(output, 0) * static_cast<double>(3 * output.blocks.size());
  for (const auto& [size, j] : order) {
    left_out += size;
    if (left_out > std::sqrt(2 * kLeftOutShare * gap)) break;
    kept[j] = false;
  }
  return kept;
}

void PlanarInteriorPoint::Publish(LowerBound* bound) {
  const std::int64_t outputs = problem_.map.outputs(), patterns = problem_.map.patterns();
  const auto rows = static_cast<std::int64_t>(cells_.rows()), columns = 2 * patterns * outputs;
  const auto options = problem_.map.features().options();
  const at::Tensor weights = at::zeros({2, columns}, options), projections = at::zeros({2, columns}, options);
  const at::Tensor nu = at::empty({rows, outputs}, options);
  const auto set = [&](const at::Tensor& matrix, std::int64_t column, const Point& point) {
    matrix.data_ptr<double>()[column] = point.x;
    matrix.data_ptr<double>()[columns + column] = point.y;
  };
  for (std::int64_t k = 0; k < outputs; ++k) {
    const Output& output = outputs_[static_cast<std::size_t>(k)];
    const std::vector<double>& residual = output.zero ? output.targets : output.nu;
    const double scale = output.zero ? 1 : output.scale;
    for (std::int64_t i = 0; i < rows; ++i) {
      nu.data_ptr<double>()[i * outputs + k] = scale * residual[static_cast<std::size_t>(i)];
    }
    cells_.Adjoint(residual, correlations_);
    const std::vector<bool> kept = output.zero ? std::vector<bool>() : Kept(output);
    for (std::size_t j = 0; j < 2 * cells_.cells().size(); ++j) {
      const PlanarCell& cell = CellOf(j);
      const std::int64_t block = cell.pattern + (Sign(j) > 0 ? 0 : patterns);
      const Point correlation = (Sign(j) * scale * features_scale_) * correlations_[j % cells_.cells().size()];
      set(projections, block * outputs + k, Projected(cell, correlation));
      if (output.zero || !kept[j]) continue;
      set(weights, block * outputs + k, (output.scale / features_scale_) * output.blocks[j].weights.tail);
    }
  }
  iterate_.weights = weights;
  iterate_.norms = iterate_.terms = ColumnNorms(weights);
  // Twice the rounding of one product with X, for the scaling to unit norm and for the rays.
  if (bound != nullptr) bound->Offer(nu, projections, {}, ColumnNorms(nu).mul_(2));
}

at::Tensor PlanarInteriorPoint::Multipliers() const {
  const std::int64_t outputs = problem_.map.outputs(), patterns = problem_.map.patterns();
  const auto rows = static_cast<std::int64_t>(cells_.rows());
  at::Tensor multipliers = at::zeros({rows, 2 * patterns * outputs}, problem_.map.features().options());
  const at::Tensor lengths = at::linalg_vector_norm(problem_.map.features(), 2, at::IntArrayRef{1});
  const at::Tensor mask = problem_.map.mask().contiguous();
  for (std::int64_t k = 0; k < outputs; ++k) {
    const Output& output = outputs_[static_cast<std::size_t>(k)];
    for (std::size_t j = 0; j < output.blocks.size(); ++j) {
      const PlanarCell& cell = CellOf(j);
      const std::int64_t block = cell.pattern + (Sign(j) > 0 ? 0 : patterns);
      for (int i : {0, 1}) {
        const std::int64_t row = cell.row_of[i];
        const double length = lengths.data_ptr<double>()[row] / features_scale_;
        const double sign = mask.data_ptr<bool>()[row * patterns + cell.pattern] ? 1 : -1;
        multipliers.data_ptr<double>()[row * multipliers.size(1) + block * outputs + k] +=
            sign * output.scale * output.blocks[j].lambda[i] / (cell.sine * length);
      }
    }
  }
  return multipliers;
}

}  // namespace cvxnn::convex
