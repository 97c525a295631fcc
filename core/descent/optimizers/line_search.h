// SPDX-License-Identifier: Apache-2.0
// A line search for the strong Wolfe conditions (Nocedal & Wright 2006, algorithms 3.5 and 3.6) that is asked for steps
// and told what they gave, so that many trials can search together, each along its own direction. Interpolation and
// safeguards are those of torch.optim.LBFGS, so that both take the same steps.
#pragma once

namespace cvxnn::descent {

/// φ(t) is the objective at x + t·d, φ' its slope along d. Usage: while not done, evaluate at step() and Report it.
class StrongWolfeSearch {
 public:
  /// φ(0), φ'(0) < 0, the first step to try (> 0), and the length of the bracket, times the largest entry of d, below
  /// which the search ends.
  StrongWolfeSearch(double value, double slope, double first_step, double largest_entry, double change_tolerance);

  bool done() const { return done_; }
  /// The step to evaluate next; once done, the step to take.
  double step() const { return step_; }
  /// Once done, φ at step().
  double value() const { return value_; }
  /// Once done, whether no step was found that lowers φ although the bracket was not yet too short to matter.
  bool failed() const { return failed_; }
  /// φ and φ' at step(). A value that is not finite counts as infinitely bad.
  void Report(double value, double slope);

 private:
  struct Point {
    double step;
    double value;
    double slope;
  };

  bool TooHigh(const Point& point) const;
  bool Flat(const Point& point) const;
  void Bracketing(const Point& point);
  void Zooming(const Point& point);
  void StartZoom(const Point& first, const Point& second);
  void NextZoom();
  void Finish(const Point& point);
  static double Cubic(const Point& a, const Point& b, double least, double most);

  Point start_;
  Point previous_;
  Point bracket_[2] = {};
  int low_ = 0;  ///< which end of the bracket has the lower value
  double largest_entry_;
  double change_tolerance_;
  double step_;
  double value_ = 0;
  int extra_evaluations_ = 0;
  bool zooming_ = false;
  bool slow_ = false;  ///< the last interpolation came close to an end of the bracket
  bool done_ = false;
  bool failed_ = false;
};

}  // namespace cvxnn::descent
