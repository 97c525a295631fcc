# SPDX-License-Identifier: Apache-2.0
"""What a peer's answer is worth, by the formulas alone, in float64: objective, violation, and a bound from its residual."""

import dataclasses

import numpy


@dataclasses.dataclass
class Program:
    """As problems.Problem.save wrote it. `mask` is n×P."""

    features: numpy.ndarray
    targets: numpy.ndarray
    gates: numpy.ndarray
    mask: numpy.ndarray
    beta: float
    relu: bool

    def objective(self, positive, negative=None):
        """Value at v and w, each P×d; and the residual y − F(v − w)."""
        difference = positive if negative is None else positive - negative
        residual = self.targets[:, 0] - numpy.einsum("np,np->n", self.mask, self.features @ difference.T)
        norms = numpy.linalg.norm(positive, axis=1).sum()
        if negative is not None:
            norms += numpy.linalg.norm(negative, axis=1).sum()
        return 0.5 * residual @ residual + self.beta * norms, residual

    def violation(self, positive, negative):
        """The largest violation of a cone constraint, relative to the larger of max |x_iᵀv_p| and max |y|."""
        worst, largest = 0.0, numpy.abs(self.targets).max()
        for weights in (positive, negative):
            products = self.features @ weights.T
            worst = max(worst, -float(numpy.where(self.mask, products, -products).min()))
            largest = max(largest, float(numpy.abs(products).max()))
        return worst / largest

    def gated_bound(self, residual):
        """Lower bound of the gated optimum: the residual scaled to dual feasibility, at the best such scale."""
        slopes = numpy.linalg.norm(self.features.T @ (self.mask * residual[:, None]), axis=0).max()
        squared = residual @ residual
        largest = self.beta / slopes
        # Either sign: the residual of an early iterate may point away from the targets.
        scale = min(max(self.targets[:, 0] @ residual / squared, -largest), largest)
        return scale * (self.targets[:, 0] @ residual) - 0.5 * scale * scale * squared


def load(path):
    arrays = numpy.load(path)
    features, gates = arrays["features"].astype(float), arrays["gates"].astype(float)
    # The side of a row is decided in the precision that the data came in.
    mask = arrays["features"] @ arrays["gates"].T.astype(arrays["features"].dtype) >= 0
    return Program(features, arrays["targets"].astype(float), gates, mask, float(arrays["beta"]), bool(arrays["relu"]))
