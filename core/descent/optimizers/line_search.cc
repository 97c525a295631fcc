// SPDX-License-Identifier: Apache-2.0
// See line_search.h.
#include "core/descent/optimizers/line_search.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace cvxnn::descent {
namespace {

constexpr double kSufficientDecrease = 1e-4;  // c₁
constexpr double kCurvature = 0.9;            // c₂
constexpr int kMostExtraEvaluations = 25;     // after the first

}  // namespace

StrongWolfeSearch::StrongWolfeSearch(double value, double slope, double first_step, double largest_entry,
                                     double change_tolerance)
    : start_{0, value, slope},
      previous_(start_),
      largest_entry_(largest_entry),
      change_tolerance_(change_tolerance),
      step_(first_step) {}

void StrongWolfeSearch::Report(double value, double slope) {
  const Point point{step_, std::isfinite(value) ? value : std::numeric_limits<double>::infinity(), slope};
  if (zooming_) {
    Zooming(point);
  } else {
    Bracketing(point);
  }
}

bool StrongWolfeSearch::TooHigh(const Point& point) const {
  return point.value > start_.value + kSufficientDecrease * point.step * start_.slope;
}

bool StrongWolfeSearch::Flat(const Point& point) const { return std::abs(point.slope) <= -kCurvature * start_.slope; }

/// Lengthens the step until an interval is known to hold an acceptable one.
void StrongWolfeSearch::Bracketing(const Point& point) {
  if (extra_evaluations_ == kMostExtraEvaluations) {
    failed_ = start_.value <= point.value;
    Finish(failed_ ? start_ : point);
    return;
  }
  if (TooHigh(point) || (extra_evaluations_ > 1 && point.value >= previous_.value)) {
    StartZoom(previous_, point);
    return;
  }
  if (Flat(point)) {
    Finish(point);
    return;
  }
  if (point.slope >= 0) {
    StartZoom(previous_, point);
    return;
  }
  step_ = Cubic(previous_, point, point.step + 0.01 * (point.step - previous_.step), 10 * point.step);
  previous_ = point;
  ++extra_evaluations_;
}

void StrongWolfeSearch::StartZoom(const Point& first, const Point& second) {
  zooming_ = true;
  bracket_[0] = first;
  bracket_[1] = second;
  low_ = first.value <= second.value ? 0 : 1;
  NextZoom();
}

/// Chooses the next step within the bracket, or ends with its lower end.
void StrongWolfeSearch::NextZoom() {
  const double length = std::abs(bracket_[1].step - bracket_[0].step);
  const bool short_enough = length * largest_entry_ < change_tolerance_;
  if (extra_evaluations_ >= kMostExtraEvaluations || short_enough) {
    failed_ = bracket_[low_].step == 0 && !short_enough;
    Finish(bracket_[low_]);
    return;
  }
  const double least = std::min(bracket_[0].step, bracket_[1].step);
  const double most = std::max(bracket_[0].step, bracket_[1].step);
  double step = Cubic(bracket_[0], bracket_[1], least, most);
  // Twice in a row close to an end, or on it: a tenth of the bracket away from it instead.
  const double margin = 0.1 * length;
  const bool close = std::min(most - step, step - least) < margin;
  if (close && (slow_ || step >= most || step <= least)) {
    step = std::abs(step - most) < std::abs(step - least) ? most - margin : least + margin;
    slow_ = false;
  } else {
    slow_ = close;
  }
  step_ = step;
  ++extra_evaluations_;
}

/// Narrows the bracket by a point within it.
void StrongWolfeSearch::Zooming(const Point& point) {
  Point& low = bracket_[low_];
  Point& high = bracket_[1 - low_];
  if (TooHigh(point) || point.value >= low.value) {
    high = point;
    low_ = bracket_[0].value <= bracket_[1].value ? 0 : 1;
    NextZoom();
    return;
  }
  if (Flat(point)) {
    Finish(point);
    return;
  }
  if (point.slope * (high.step - low.step) >= 0) high = low;
  low = point;
  NextZoom();
}

void StrongWolfeSearch::Finish(const Point& point) {
  step_ = point.step;
  value_ = point.value;
  done_ = true;
}

/// Where the cubic through two points with their slopes is least, within [least, most]; the middle when it has no
/// minimum (Nocedal & Wright 2006, equation 3.59).
double StrongWolfeSearch::Cubic(const Point& a, const Point& b, double least, double most) {
  const Point& left = a.step <= b.step ? a : b;
  const Point& right = a.step <= b.step ? b : a;
  const double d1 = left.slope + right.slope - 3 * (left.value - right.value) / (left.step - right.step);
  const double square = d1 * d1 - left.slope * right.slope;
  if (!(square >= 0)) return (least + most) / 2;
  const double d2 = std::sqrt(square);
  const double minimum =
      right.step - (right.step - left.step) * ((right.slope + d2 - d1) / (right.slope - left.slope + 2 * d2));
  // In this order a minimum that is not a number, of infinite values, becomes an end of the interval.
  return std::min(std::max(least, minimum), most);
}

}  // namespace cvxnn::descent
