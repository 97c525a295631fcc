// SPDX-License-Identifier: Apache-2.0
// Closed-form gradients (engine.h) with Eigen on the tensors' own memory, trial by trial; trials are spread over
// threads when there is enough work. Rows go through in blocks that stay in the cache; the block depends on the
// network's width alone, so that a trial's arithmetic does not depend on the trials beside it.
#include "core/descent/engines/small_engine.h"

#include <ATen/ATen.h>

#include <Eigen/Core>
#include <algorithm>
#include <cstring>
#include <optional>

#include "core/descent/engines/few_inputs.h"
#include "core/descent/engines/parallel_ranges.h"
#include "core/network/loss_function.h"

namespace cvxnn::descent {
namespace {

/// Hidden activations of a block of rows: 2^14 float64 are 128 KiB.
constexpr std::int64_t kBlockActivations = std::int64_t{1} << 14;
/// Up to this inner size a product is formed coefficient by coefficient; Eigen's packing would cost more than it saves.
constexpr std::int64_t kShortSum = 16;
/// Multiplications that are worth a thread of their own: about a millisecond. Less gains little, and waiting for a
/// thread that the system has put aside costs many times as much.
constexpr std::int64_t kThreadWork = std::int64_t{1} << 20;

template <typename Scalar>
class SmallEngine : public Engine {
  using Matrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  using Map = Eigen::Map<Matrix>;
  using ConstMap = Eigen::Map<const Matrix>;

 public:
  SmallEngine(const Options& options, const Data& data, TrialWeights& weights)
      : options_(options),
        weights_(weights),
        features_(data.features.contiguous()),
        targets_(data.targets.contiguous()),
        rows_(data.features.size(0)),
        block_rows_(std::max<std::int64_t>(1, kBlockActivations / weights.shape.neurons)),
        loss_(FunctionOf(options.loss)),
        scale_(SumMultiple(options.loss_scale, static_cast<double>(rows_))),
        scratch_(static_cast<std::size_t>(ParallelThreads())) {
    if (options.activation == Activation::kRelu && weights.shape.outputs == 1 && weights.shape.inputs <= kFewInputs) {
      kernels_ = KernelsForInputs<Scalar>(weights.shape.inputs);
    }
    if (data.test_features.defined()) {
      test_features_ = data.test_features.contiguous();
      test_targets_ = data.test_targets.contiguous();
    }
  }

  const std::vector<RowSums>& TrainPass(bool gradient, bool count) override {
    Pass(features_, targets_, gradient, count, train_sums_);
    return train_sums_;
  }

  const std::vector<RowSums>& TestPass() override {
    Pass(test_features_, test_targets_, false, true, test_sums_);
    return test_sums_;
  }

  void BatchGradient(const std::vector<std::int64_t>& rows) override {
    const std::int64_t batch = static_cast<std::int64_t>(rows.size()) / weights_.trials();
    const double scale = scale_ * static_cast<double>(rows_) / static_cast<double>(batch);
    const NetworkShape& shape = weights_.shape;
    FindWeights();
    ForEachTrial(batch, [&](Scratch& scratch, std::int64_t slot) {
      if (!kernels_) PenaltyGradient(slot);
      for (std::int64_t begin = 0; begin < batch; begin += block_rows_) {
        const std::int64_t count = std::min(block_rows_, batch - begin);
        Gather(features_, shape.inputs, &rows[static_cast<std::size_t>(slot * batch + begin)], count, scratch.features);
        Gather(targets_, shape.outputs, &rows[static_cast<std::size_t>(slot * batch + begin)], count, scratch.targets);
        Block(scratch, slot, ConstMap(scratch.features.data(), count, shape.inputs),
              ConstMap(scratch.targets.data(), count, shape.outputs), true, false, begin > 0, scale, nullptr);
      }
    });
  }

  const std::vector<WeightSums>& MeasureWeights(Detail detail) override {
    FindWeights();
    weight_sums_.assign(static_cast<std::size_t>(weights_.trials()), WeightSums());
    ForEachTrial(1, [&](Scratch& scratch, std::int64_t slot) {
      WeightSums& sum = weight_sums_[static_cast<std::size_t>(slot)];
      if (kernels_) {
        MeasureFewInputs(slot, detail, sum);
      } else {
        Measure(scratch, slot, detail, sum);
      }
    });
    return weight_sums_;
  }

 private:
  struct Scratch {
    Matrix hidden, slope, outputs, features, targets;
    Eigen::Array<Scalar, 1, Eigen::Dynamic> first_size, second_size;
  };

  /// Where the weights are now; they move when trials are dropped.
  void FindWeights() {
    flat_ = weights_.flat.template data_ptr<Scalar>();
    gradient_ = weights_.gradient.template data_ptr<Scalar>();
  }

  ConstMap First(std::int64_t slot) const {
    const NetworkShape& shape = weights_.shape;
    return {flat_ + slot * shape.size(), shape.inputs, shape.neurons};
  }
  ConstMap Second(std::int64_t slot) const {
    const NetworkShape& shape = weights_.shape;
    return {flat_ + slot * shape.size() + shape.first_size(), shape.neurons, shape.outputs};
  }
  Map FirstGradient(std::int64_t slot) const {
    const NetworkShape& shape = weights_.shape;
    return {gradient_ + slot * shape.size(), shape.inputs, shape.neurons};
  }
  Map SecondGradient(std::int64_t slot) const {
    const NetworkShape& shape = weights_.shape;
    return {gradient_ + slot * shape.size() + shape.first_size(), shape.neurons, shape.outputs};
  }

  /// One output: the norms of the penalties are all ℓ2.
  void MeasureFewInputs(std::int64_t slot, Detail detail, WeightSums& sum) const {
    const NetworkShape& shape = weights_.shape;
    sum.squares = kernels_->sum_of_squares(flat_ + slot * shape.size(), shape.size());
    if (detail == Detail::kSquares) return;
    sum.active = kernels_->count_active(First(slot).data(), Second(slot).data(), shape.neurons);
    sum.gradient_squares = kernels_->sum_of_squares(gradient_ + slot * shape.size(), shape.size());
  }

  void Measure(Scratch& scratch, std::int64_t slot, Detail detail, WeightSums& sum) const {
    const ConstMap first = First(slot);
    const ConstMap second = Second(slot);
    const bool group = options_.penalty == Penalty::kGroupL2;
    if (group || detail == Detail::kAll) {
      scratch.second_size.setZero(second.rows());
      for (Eigen::Index k = 0; k < second.cols(); ++k) scratch.second_size += second.col(k).array().abs().transpose();
    }
    sum.squares = first.template cast<double>().squaredNorm();
    sum.squares += group ? scratch.second_size.template cast<double>().square().sum()
                         : second.template cast<double>().squaredNorm();
    if (detail == Detail::kSquares) return;
    // Sums of absolute values, not of squares: they are zero only when every term is.
    scratch.first_size.setZero(first.cols());
    for (Eigen::Index k = 0; k < first.rows(); ++k) scratch.first_size += first.row(k).array().abs();
    sum.active = (scratch.first_size > 0 && scratch.second_size > 0).count();
    sum.gradient_squares = FirstGradient(slot).template cast<double>().squaredNorm() +
                           SecondGradient(slot).template cast<double>().squaredNorm();
  }

  /// body(scratch, slot) for every trial, on several threads when `rows` rows a trial are enough work.
  template <typename Body>
  void ForEachTrial(std::int64_t rows, const Body& body) {
    const std::int64_t work = std::max<std::int64_t>(1, rows * weights_.shape.size());
    const std::int64_t grain = std::max<std::int64_t>(1, kThreadWork / work);
    ParallelRanges(weights_.trials(), grain, [&](int thread, std::int64_t begin, std::int64_t end) {
      Scratch& scratch = scratch_[static_cast<std::size_t>(thread)];
      for (std::int64_t slot = begin; slot < end; ++slot) body(scratch, slot);
    });
  }

  void Pass(const at::Tensor& features, const at::Tensor& targets, bool gradient, bool count,
            std::vector<RowSums>& sums) {
    FindWeights();
    const NetworkShape& shape = weights_.shape;
    const std::int64_t rows = features.size(0);
    const Scalar* const x = features.template data_ptr<Scalar>();
    const Scalar* const y = targets.template data_ptr<Scalar>();
    sums.assign(static_cast<std::size_t>(weights_.trials()), RowSums());
    ForEachTrial(rows, [&](Scratch& scratch, std::int64_t slot) {
      if (gradient && !kernels_) PenaltyGradient(slot);
      for (std::int64_t begin = 0; begin < rows; begin += block_rows_) {
        const std::int64_t block = std::min(block_rows_, rows - begin);
        Block(scratch, slot, ConstMap(x + begin * shape.inputs, block, shape.inputs),
              ConstMap(y + begin * shape.outputs, block, shape.outputs), gradient, count, begin > 0, scale_,
              &sums[static_cast<std::size_t>(slot)]);
      }
    });
  }

  /// Sets the gradient to that of the penalty; Block adds to it.
  void PenaltyGradient(std::int64_t slot) {
    Map first = FirstGradient(slot);
    Map second = SecondGradient(slot);
    const auto beta = static_cast<Scalar>(weights_.betas[static_cast<std::size_t>(slot)]);
    switch (options_.penalty) {
      case Penalty::kNone:
      case Penalty::kRidge:  // penalties of convex programs: validate.cc refuses them
      case Penalty::kL1:
      case Penalty::kFeatureGroups:
        first.setZero();
        second.setZero();
        return;
      case Penalty::kWeightDecay:
        first = beta * First(slot);
        second = beta * Second(slot);
        return;
      case Penalty::kGroupL2: {
        const ConstMap weights = Second(slot);
        first = beta * First(slot);
        if (weights.cols() == 1) {
          second = beta * weights;
        } else {
          second = beta * (weights.array().sign().colwise() * weights.array().abs().rowwise().sum()).matrix();
        }
        return;
      }
    }
  }

  /// Forward, and with `gradient` backward, over a block of rows: adds to the gradient, and to `sums` (with `count`
  /// also the rows classified right) unless it is null. `more`: blocks came before. The gradient must then, and without
  /// kernels always, hold something to add to.
  void Block(Scratch& scratch, std::int64_t slot, const ConstMap& features, const ConstMap& targets, bool gradient,
             bool count, bool more, double scale, RowSums* sums) {
    const ConstMap second = Second(slot);
    Matrix& hidden = scratch.hidden;
    Matrix& slope = scratch.slope;
    Matrix& outputs = scratch.outputs;
    if (kernels_) {
      hidden.resize(features.rows(), second.rows());
      outputs.resize(features.rows(), 1);
      kernels_->forward(features.data(), features.rows(), First(slot).data(), second.data(), second.rows(),
                        hidden.data(), outputs.data());
    } else {
      Product(features, First(slot), hidden);
      Slope(features, slot, hidden, slope);
      hidden.array() *= slope.array();
      outputs.noalias() = hidden * second;
    }
    if (sums != nullptr) {
      if (count) sums->right += CountRight(outputs, targets);
      sums->loss += loss_.SumOf(outputs.data(), targets.data(), outputs.rows(), outputs.cols());
    }
    if (!gradient) return;

    loss_.Differentiate(static_cast<Scalar>(scale), targets.data(), outputs.rows(), outputs.cols(), outputs.data());
    const Matrix& residual = outputs;
    if (kernels_) {
      const bool penalised = options_.penalty != Penalty::kNone;
      const auto beta = static_cast<Scalar>(penalised ? weights_.betas[static_cast<std::size_t>(slot)] : 0);
      kernels_->backward(features.data(), features.rows(), First(slot).data(), second.data(), second.rows(),
                         hidden.data(), residual.data(), beta, more, FirstGradient(slot).data(),
                         SecondGradient(slot).data());
      return;
    }
    SecondGradient(slot).noalias() += hidden.transpose() * residual;
    if (second.cols() == 1) {
      // As one row: a column of a row-major matrix is not known to be contiguous, so would not be vectorised.
      const Eigen::Map<const Eigen::Array<Scalar, 1, Eigen::Dynamic>> output_weights(second.data(), second.rows());
      for (Eigen::Index i = 0; i < slope.rows(); ++i) slope.row(i).array() *= residual(i, 0) * output_weights;
    } else {
      hidden.noalias() = residual * second.transpose();
      slope.array() *= hidden.array();
    }
    Map first_gradient = FirstGradient(slot);
    if (features.rows() <= kShortSum) {
      first_gradient.noalias() += features.transpose().lazyProduct(slope);
    } else {
      first_gradient.noalias() += features.transpose() * slope;
    }
  }

  static void Product(const ConstMap& left, const ConstMap& right, Matrix& result) {
    if (left.cols() <= kShortSum) {
      result.noalias() = left.lazyProduct(right);
    } else {
      result.noalias() = left * right;
    }
  }

  /// Derivative of the activation, 0 or 1. `activations` is XU.
  void Slope(const ConstMap& features, std::int64_t slot, const Matrix& activations, Matrix& slope) {
    const bool gated = options_.activation == Activation::kGated;
    if (gated) {
      const Scalar* const gates = weights_.gates.template data_ptr<Scalar>() + slot * weights_.gates.stride(0);
      Product(features, ConstMap(gates, weights_.shape.inputs, weights_.shape.neurons), slope);
    } else {
      slope.resize(activations.rows(), activations.cols());
    }
    const Scalar* const from = gated ? slope.data() : activations.data();
    Scalar* const to = slope.data();
    // A loop the compiler vectorises; Eigen's select is scalar.
    if (gated) {
      for (Eigen::Index i = 0; i < slope.size(); ++i) to[i] = from[i] >= 0 ? Scalar{1} : Scalar{0};
    } else {
      for (Eigen::Index i = 0; i < slope.size(); ++i) to[i] = from[i] > 0 ? Scalar{1} : Scalar{0};
    }
  }

  /// As cvxnn::Accuracy counts.
  std::int64_t CountRight(const Matrix& outputs, const ConstMap& targets) const {
    std::int64_t right = 0;
    if (options_.counting == Counting::kSign) {
      for (Eigen::Index i = 0; i < outputs.rows(); ++i) {
        right += ((outputs.row(i).array() >= 0) == (targets.row(i).array() >= 0)).all() && !outputs.row(i).hasNaN();
      }
    } else if (options_.counting == Counting::kArgmax) {
      for (Eigen::Index i = 0; i < outputs.rows(); ++i) {
        Eigen::Index largest = 0;
        Eigen::Index wanted = 0;
        outputs.row(i).maxCoeff(&largest);
        targets.row(i).maxCoeff(&wanted);
        right += largest == wanted && !outputs.row(i).hasNaN();
      }
    }
    return right;
  }

  static void Gather(const at::Tensor& from, std::int64_t cols, const std::int64_t* rows, std::int64_t count,
                     Matrix& to) {
    if (to.rows() < count || to.cols() != cols) to.resize(count, cols);
    const Scalar* const source = from.template data_ptr<Scalar>();
    const auto bytes = static_cast<std::size_t>(cols) * sizeof(Scalar);
    for (std::int64_t i = 0; i < count; ++i) std::memcpy(to.data() + i * cols, source + rows[i] * cols, bytes);
  }

  const Options& options_;
  TrialWeights& weights_;
  at::Tensor features_, targets_, test_features_, test_targets_;
  std::int64_t rows_;
  std::int64_t block_rows_;
  const LossFunction& loss_;
  double scale_;
  const Scalar* flat_ = nullptr;  ///< of weights_, as its tensors were when last looked at
  Scalar* gradient_ = nullptr;
  std::vector<RowSums> train_sums_, test_sums_;
  std::vector<WeightSums> weight_sums_;
  std::vector<Scratch> scratch_;
  std::optional<FewInputKernels<Scalar>> kernels_;  ///< for a ReLU network of few inputs and one output
};

}  // namespace

std::unique_ptr<Engine> MakeSmallEngine(const Options& options, const Data& data, TrialWeights& weights) {
  if (data.features.scalar_type() == at::kFloat) return std::make_unique<SmallEngine<float>>(options, data, weights);
  return std::make_unique<SmallEngine<double>>(options, data, weights);
}

}  // namespace cvxnn::descent
