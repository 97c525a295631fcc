// SPDX-License-Identifier: Apache-2.0
// Least squares over the last differences; see anderson.h.
#include "core/convex/solvers/anderson.h"

#include <ATen/ATen.h>

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>

#include "core/convex/solve_state.h"

namespace cvxnn::convex {
namespace {

// A residual may grow by this factor before its point is given up.
constexpr double kLargestGrowth = 2;
// Ridge of the least squares as a share of the Gram matrix's trace: differences may be nearly parallel.
constexpr double kRidge32 = 1e-8;
constexpr double kRidge64 = 1e-14;

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

}  // namespace

void Anderson::Forget() {
  kept_ = oldest_ = 0;
  last_residual_.reset();
  last_image_.reset();
  accelerated_ = false;
}

at::Tensor Anderson::Next(const at::Tensor& point, const at::Tensor& image) {
  if (memory_ == 0) return image;
  const at::Tensor residual = image.sub(point);
  const double norm = residual.norm().item<double>();
  if (accelerated_ && !(norm <= kLargestGrowth * last_norm_)) {
    const at::Tensor plain = last_image_;
    Forget();
    return plain;
  }
  if (last_residual_.defined()) {
    if (!residuals_.defined()) {
      residuals_ = at::zeros({memory_, residual.numel()}, residual.options());
      images_ = at::zeros({memory_, residual.numel()}, residual.options());
      gram_ = at::zeros({memory_, memory_}, at::TensorOptions().dtype(at::kDouble).device(at::kCPU));
    }
    at::Tensor row = residuals_.select(0, oldest_), image_row = images_.select(0, oldest_);
    at::sub_out(row, residual, last_residual_);
    at::sub_out(image_row, image, last_image_);
    const at::Tensor products = at::mv(residuals_, row).to(gram_.options());
    gram_.select(0, oldest_).copy_(products);
    gram_.select(1, oldest_).copy_(products);
    oldest_ = (oldest_ + 1) % memory_;
    kept_ = std::min(kept_ + 1, memory_);
  }
  last_residual_ = residual;
  last_image_ = image;
  last_norm_ = norm;
  const at::Tensor next = kept_ > 0 ? Combine(image, residual) : image;
  accelerated_ = kept_ > 0;
  return next;
}

at::Tensor Anderson::Combine(const at::Tensor& image, const at::Tensor& residual) const {
  // Rows that are not filled yet, those from kept_ on, stay out.
  const at::Tensor right =
      at::mv(residuals_.narrow(0, 0, kept_), residual).to(gram_.options().dtype(at::kDouble)).contiguous();
  Eigen::MatrixXd gram =
      Eigen::Map<const Matrix>(gram_.data_ptr<double>(), memory_, memory_).topLeftCorner(kept_, kept_);
  const double ridge = residual.scalar_type() == at::kFloat ? kRidge32 : kRidge64;
  gram.diagonal().array() += ridge * gram.trace();
  const Eigen::VectorXd weights = gram.ldlt().solve(Eigen::Map<const Eigen::VectorXd>(right.data_ptr<double>(), kept_));
  if (!weights.allFinite()) return image;
  at::Tensor shares = at::empty({kept_}, gram_.options());
  std::copy(weights.data(), weights.data() + kept_, shares.data_ptr<double>());
  return at::addmv(image, images_.narrow(0, 0, kept_).t(), shares.to(image.options()), 1, -1);
}

void Anderson::Save(const std::string& prefix, descent::State* state) const {
  (*state)[prefix + "kept"] = kept_;
  (*state)[prefix + "oldest"] = oldest_;
  (*state)[prefix + "last_norm"] = last_norm_;
  (*state)[prefix + "accelerated"] = std::int64_t{accelerated_};
  SaveMatrix(prefix + "gram", gram_, state);
  SaveMatrix(prefix + "residuals", residuals_, state);
  SaveMatrix(prefix + "images", images_, state);
  if (!last_residual_.defined()) return;
  SaveMatrix(prefix + "last_residual", last_residual_.unsqueeze(0), state);
  SaveMatrix(prefix + "last_image", last_image_.unsqueeze(0), state);
}

void Anderson::Load(const at::TensorOptions& like, descent::StateReader* reader) {
  kept_ = reader->Integer("kept");
  oldest_ = reader->Integer("oldest");
  last_norm_ = reader->Number("last_norm");
  accelerated_ = reader->Integer("accelerated") != 0;
  const auto host = at::TensorOptions().dtype(at::kDouble).device(at::kCPU);
  // The first three change in place.
  const auto own = [](const at::Tensor& loaded) { return loaded.defined() ? loaded.clone() : loaded; };
  gram_ = own(LoadMatrix("gram", host, reader));
  residuals_ = own(LoadMatrix("residuals", like, reader));
  images_ = own(LoadMatrix("images", like, reader));
  last_residual_ = LoadMatrix("last_residual", like, reader);
  last_image_ = LoadMatrix("last_image", like, reader);
  if (last_residual_.defined()) last_residual_ = last_residual_.squeeze(0);
  if (last_image_.defined()) last_image_ = last_image_.squeeze(0);
  if (kept_ < 0 || kept_ > memory_) reader->Refuse("kept");
  if (oldest_ < 0 || oldest_ >= std::max<std::int64_t>(memory_, 1)) reader->Refuse("oldest");
  if (gram_.defined() ? gram_.size(0) != memory_ || gram_.size(1) != memory_ : kept_ > 0) reader->Refuse("gram");
}

}  // namespace cvxnn::convex
