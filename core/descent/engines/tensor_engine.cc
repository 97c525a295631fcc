// SPDX-License-Identifier: Apache-2.0
// Closed-form gradients (engine.h) as batched tensor operations: groups of trials by blocks of rows, so that no more
// than the workspace is held at a time. On a CPU LibTorch turns each trial's product into one BLAS call, and
// mini-batches of many inputs go by split_products.h. The block of rows depends on sizes of one trial alone, so that on
// a CPU a trial's arithmetic does not depend on those beside it.
#include "core/descent/engines/tensor_engine.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <optional>

#include "absl/functional/function_ref.h"
#include "core/descent/engines/split_products.h"
#include "core/descent/row_math.h"
#include "core/network/loss_function.h"

namespace cvxnn::descent {
namespace {

constexpr std::int64_t kDefaultWorkspace = std::int64_t{512} << 20;

class TensorEngine : public Engine {
 public:
  TensorEngine(const Options& options, const Data& data, TrialWeights& weights)
      : options_(options),
        weights_(weights),
        data_(data),
        rows_(data.features.size(0)),
        loss_(FunctionOf(options.loss)),
        scale_(SumMultiple(options.loss_scale, static_cast<double>(rows_))) {
    gathered_ = at::empty({0}, data.features.options());
    workspace_ = options.workspace_bytes > 0 ? options.workspace_bytes : kDefaultWorkspace;
    // XU, and beside it Rαᵀ or XG with its mask.
    row_bytes_ = 3 * weights.shape.neurons * static_cast<std::int64_t>(data.features.element_size());
    // A trial's block takes an eighth of the workspace at most: then several trials fit into one operation.
    block_rows_ = std::max<std::int64_t>(1, workspace_ / (8 * row_bytes_));
    if (SplitProducts::Serve(data.features)) split_.emplace(data.features, weights.shape.neurons);
  }

  const std::vector<RowSums>& TrainPass(bool gradient, bool count) override {
    if (gradient) PenaltyGradient();
    Pass(data_.features, data_.targets, gradient, count, train_sums_);
    return train_sums_;
  }

  const std::vector<RowSums>& TestPass() override {
    Pass(data_.test_features, data_.test_targets, false, true, test_sums_);
    return test_sums_;
  }

  void BatchGradient(const std::vector<std::int64_t>& rows) override {
    const std::int64_t trials = weights_.trials();
    const std::int64_t batch = static_cast<std::int64_t>(rows.size()) / trials;
    const double scale = scale_ * static_cast<double>(rows_) / static_cast<double>(batch);
    PenaltyGradient();
    const at::Tensor host =
        at::from_blob(const_cast<std::int64_t*>(rows.data()), {trials, batch}, at::TensorOptions().dtype(at::kLong));
    const at::Tensor index = host.to(data_.features.device());
    const std::int64_t inputs = weights_.shape.inputs;
    const std::int64_t gathered_bytes =
        split_ ? split_->RowBytes() : inputs * static_cast<std::int64_t>(data_.features.element_size());
    const std::int64_t step =
        std::min(batch, std::max<std::int64_t>(1, workspace_ / (8 * (row_bytes_ + gathered_bytes))));
    const std::int64_t group = std::max<std::int64_t>(1, workspace_ / (step * (row_bytes_ + gathered_bytes)));
    for (std::int64_t first = 0; first < trials; first += group) {
      const std::int64_t count = std::min(group, trials - first);
      for (std::int64_t begin = 0; begin < batch; begin += step) {
        const std::int64_t width = std::min(step, batch - begin);
        const at::Tensor picked = index.narrow(0, first, count).narrow(1, begin, width).reshape({-1});
        const at::Tensor targets = data_.targets.index_select(0, picked).view({count, width, -1});
        if (split_) {
          split_->Begin(rows.data() + first * batch + begin, batch, count, width);
          SplitBlock(first, count, targets, scale);
          continue;
        }
        gathered_.resize_({0});  // keeps its memory; out operations warn when they must shrink
        at::index_select_out(gathered_, data_.features, 0, picked);
        Block(first, gathered_.view({count, width, inputs}), targets, true, false, scale, nullptr);
      }
    }
  }

  const std::vector<WeightSums>& MeasureWeights(Detail detail) override {
    const at::Tensor first = FirstLayers(weights_.flat, weights_.shape);
    const at::Tensor second = SecondLayers(weights_.flat, weights_.shape);
    const bool group = options_.penalty == Penalty::kGroupL2;
    at::Tensor second_size;
    if (group || detail == Detail::kAll) second_size = second.abs().sum(2);
    at::Tensor squares = first.to(at::kDouble).square().sum(at::IntArrayRef{1, 2});
    squares += group ? second_size.to(at::kDouble).square().sum(1)
                     : second.to(at::kDouble).square().sum(at::IntArrayRef{1, 2});
    std::vector<at::Tensor> columns = {squares};
    if (detail == Detail::kAll) {
      const at::Tensor active = first.abs().sum(1).gt(0).logical_and_(second_size.gt(0)).sum(1);
      columns.insert(columns.end(), {active.to(at::kDouble), RowDots(weights_.gradient, weights_.gradient)});
    }
    const at::Tensor all = at::stack(columns, 1).cpu();
    weight_sums_.assign(static_cast<std::size_t>(weights_.trials()), WeightSums());
    const double* row = all.data_ptr<double>();
    for (WeightSums& sum : weight_sums_) {
      sum.squares = row[0];
      if (detail == Detail::kAll) {
        sum.active = static_cast<std::int64_t>(row[1]);
        sum.gradient_squares = row[2];
      }
      row += all.size(1);
    }
    return weight_sums_;
  }

 private:
  void Pass(const at::Tensor& features, const at::Tensor& targets, bool gradient, bool count,
            std::vector<RowSums>& result) {
    const std::int64_t trials = weights_.trials();
    const std::int64_t rows = features.size(0);
    const std::int64_t block = std::max<std::int64_t>(1, std::min(block_rows_, rows));
    const std::int64_t group = std::max<std::int64_t>(1, workspace_ / (block * row_bytes_));
    at::Tensor sums = at::zeros({trials, 2}, features.options().dtype(at::kDouble));
    for (std::int64_t first = 0; first < trials; first += group) {
      const std::int64_t members = std::min(group, trials - first);
      at::Tensor group_sums = sums.narrow(0, first, members);
      for (std::int64_t begin = 0; begin < rows; begin += block) {
        const std::int64_t width = std::min(block, rows - begin);
        Block(first, features.narrow(0, begin, width).unsqueeze(0).expand({members, -1, -1}),
              targets.narrow(0, begin, width).unsqueeze(0).expand({members, -1, -1}), gradient, count, scale_,
              &group_sums);
      }
    }
    const at::Tensor host = sums.cpu();
    result.clear();
    for (std::int64_t slot = 0; slot < trials; ++slot) {
      const double* const row = host.data_ptr<double>() + 2 * slot;
      result.push_back({row[0], static_cast<std::int64_t>(row[1])});
    }
  }

  /// Sets the gradient to that of the penalty; Block adds to it.
  void PenaltyGradient() {
    if (options_.penalty == Penalty::kNone) {
      weights_.gradient.zero_();
      return;
    }
    at::mul_out(weights_.gradient, weights_.flat, weights_.beta_column);
    if (options_.penalty == Penalty::kGroupL2 && weights_.shape.outputs > 1) {
      const at::Tensor second = SecondLayers(weights_.flat, weights_.shape);
      at::Tensor gradient = SecondLayers(weights_.gradient, weights_.shape);
      gradient.copy_(second.sign().mul_(second.abs().sum(2, true)).mul_(weights_.beta_column.unsqueeze(2)));
    }
  }

  /// Forward, and with `gradient` backward, over rows (g×b×d, g×b×c) of the trials from slot `first`: adds to the
  /// gradient, and to `sums` (g×2: loss, with `count` rows classified right) unless it is null. Where split_ serves,
  /// the rows are the same for all trials.
  void Block(std::int64_t first, const at::Tensor& features, const at::Tensor& targets, bool gradient, bool count,
             double scale, at::Tensor* sums) {
    const std::int64_t members = features.size(0);
    const auto products = [&](const at::Tensor& matrices) {
      return split_ ? split_->ForwardOver(features[0], matrices) : at::bmm(features, matrices);
    };
    const at::Tensor back = FromProducts(first, members, products, targets, gradient, count, scale, sums);
    if (!gradient) return;
    at::Tensor gradients = FirstLayers(weights_.gradient.narrow(0, first, members), weights_.shape);
    if (split_) {
      split_->BackwardOver(features[0], back, gradients);
    } else {
      gradients.baddbmm_(features.transpose(1, 2), back);
    }
  }

  /// The same for the rows that split_ began with, of `members` trials, always with the gradient.
  void SplitBlock(std::int64_t first, std::int64_t members, const at::Tensor& targets, double scale) {
    const auto products = [&](const at::Tensor& matrices) { return split_->Forward(matrices); };
    const at::Tensor back = FromProducts(first, members, products, targets, true, false, scale, nullptr);
    at::Tensor gradients = FirstLayers(weights_.gradient.narrow(0, first, members), weights_.shape);
    split_->Backward(back, gradients);
  }

  /// All of Block but the products with the rows: `products` takes matrices (g×d×m) and gives X times each (g×b×m).
  /// Gives the derivative by XU, with `gradient`.
  at::Tensor FromProducts(std::int64_t first, std::int64_t members,
                          const absl::FunctionRef<at::Tensor(const at::Tensor&)> products, const at::Tensor& targets,
                          bool gradient, bool count, double scale, at::Tensor* sums) {
    const at::Tensor weights = weights_.flat.narrow(0, first, members);
    const at::Tensor second = SecondLayers(weights, weights_.shape);
    at::Tensor hidden = products(FirstLayers(weights, weights_.shape));
    at::Tensor closed;
    if (weights_.gates.defined()) closed = products(weights_.gates.narrow(0, first, members)).lt(0);
    if (closed.defined()) {
      hidden.masked_fill_(closed, 0);
    } else {
      hidden.relu_();
    }
    const at::Tensor outputs = at::bmm(hidden, second);
    if (sums != nullptr && count && options_.counting != Counting::kNone) {
      sums->select(1, 1).add_(ClassifiedRight(options_.counting, outputs, targets).sum(1));
    }
    if (sums != nullptr) sums->select(1, 0).add_(loss_.Sum(outputs, targets));
    if (!gradient) return at::Tensor();

    const at::Tensor residual = loss_.Gradient(outputs, targets).mul_(scale);
    SecondLayers(weights_.gradient.narrow(0, first, members), weights_.shape)
        .baddbmm_(hidden.transpose(1, 2), residual);
    const at::Tensor back = at::bmm(residual, second.transpose(1, 2));
    return closed.defined() ? back.masked_fill(closed, 0) : at::threshold_backward(back, hidden, 0);
  }

  const Options& options_;
  TrialWeights& weights_;
  const Data& data_;
  std::int64_t rows_;
  const LossFunction& loss_;
  double scale_;
  std::int64_t workspace_ = 0;
  std::int64_t row_bytes_ = 0;
  std::int64_t block_rows_ = 0;
  at::Tensor gathered_;
  std::optional<SplitProducts> split_;  ///< where it serves
  std::vector<RowSums> train_sums_, test_sums_;
  std::vector<WeightSums> weight_sums_;
};

}  // namespace

std::unique_ptr<Engine> MakeTensorEngine(const Options& options, const Data& data, TrialWeights& weights) {
  return std::make_unique<TensorEngine>(options, data, weights);
}

}  // namespace cvxnn::descent
