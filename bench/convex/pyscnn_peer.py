# SPDX-License-Identifier: Apache-2.0
"""pyscnn (arXiv 2202.01331): R-FISTA on gated programs, the augmented Lagrangian on ReLU programs, until gaps are reached.

    pyscnn_peer.py PROBLEM.npz LOWER_BOUND GAP[,GAP…] PRECISION BACKEND TOLERANCE SECONDS
        prints "ready", then {"reached": {GAP: {"seconds", "epochs"}}, "seconds", "gap", "violation"}: where it ended

TOLERANCE is the one that the augmented Lagrangian begins its inner problems with; R-FISTA has no use for it.

Data are not unitised and nothing is collected. After an iteration its answer is weighed in float64, which its clock does not
count: an iterate counts once its objective is within the gap of the larger of LOWER_BOUND (cvxnn's certified one) and
the bound of its own residual, and once it violates constraints by no more than the gap.
"""

import json
import sys
import time

import lab
import numpy
import scnn.optimize
from scnn.metrics import Metrics
from scnn.models import ConvexGatedReLU, ConvexReLU
from scnn.regularizers import NeuronGL1
from scnn.solvers import AL, RFISTA

import weigh

WEIGH_SHARE = 0.05  # iterations between two weighings, as a share of those done


class Ended(Exception):
    """All gaps are reached, or the time is up."""


class Watch:
    """The callback after each iteration, with a clock that stands still while it weighs."""

    def __init__(self, program, bound, gaps, limit):
        self.program, self.bound, self.gaps, self.limit = program, bound, sorted(gaps, reverse=True), limit
        self.reached, self.epochs, self.next, self.mask = {}, 0, 1, None
        self.gap = self.violation = float("nan")
        self.seconds = 0.0
        self.started = None

    def start(self):
        self.started = time.perf_counter()

    def weigh(self, model):
        weights = lab.to_np(model.weights).astype(float)
        if self.mask is None:  # pyscnn sorts patterns
            self.program.mask = self.mask = lab.to_np(model.D).astype(bool)
        if self.program.relu:
            value, _ = self.program.objective(weights[0, 0], weights[1, 0])
            self.violation = self.program.violation(weights[0, 0], weights[1, 0])
        else:
            value, residual = self.program.objective(weights[0])
            self.bound = max(self.bound, self.program.gated_bound(residual))
            self.violation = 0.0
        self.gap = (value - self.bound) / value

    def __call__(self, model, features, targets):
        self.seconds += time.perf_counter() - self.started
        self.epochs += 1
        if self.epochs >= self.next or self.seconds >= self.limit:
            self.next = self.epochs + max(1, int(WEIGH_SHARE * self.epochs))
            self.weigh(model)
            for gap in self.gaps:
                if gap not in self.reached and abs(self.gap) <= gap and self.violation <= gap:
                    self.reached[gap] = {"seconds": self.seconds, "epochs": self.epochs}
            if len(self.reached) == len(self.gaps) or self.seconds >= self.limit:
                raise Ended
        self.started = time.perf_counter()
        return model


def with_callback(watch):
    """pyscnn's own procedure, with the callback that its public entrance does not pass on."""
    build = scnn.optimize.build_optimizer

    def build_watched(*arguments):
        procedure = build(*arguments)

        def run(*inputs):
            watch.start()
            return procedure(*inputs, callback=watch)
        return run
    return build_watched


def main():
    program = weigh.load(sys.argv[1])
    watch = Watch(program, float(sys.argv[2]), [float(gap) for gap in sys.argv[3].split(",")], float(sys.argv[7]))
    scnn.optimize.build_optimizer = with_callback(watch)
    if sys.argv[5] == "torch":
        def set_device(device, dtype, seed):
            lab.set_backend("torch")
            lab.set_device("cpu")
            lab.set_dtype(dtype)
            lab.set_seeds(seed)
        scnn.optimize.set_device = set_device
    gates = numpy.ascontiguousarray(program.gates.T)
    if program.relu:
        model = ConvexReLU(gates)
        solver = AL(model, tol=float(sys.argv[6]), constraint_tol=1e-14, max_primal_iters=10**9, max_dual_iters=10**9)
    else:
        model = ConvexGatedReLU(gates)
        solver = RFISTA(model, tol=1e-24, max_iters=10**9)
    metrics = Metrics(objective=False, grad_norm=False)
    print("ready", flush=True)
    try:
        scnn.optimize.optimize_model(model, solver, metrics, program.features, program.targets,
                                     regularizer=NeuronGL1(program.beta / len(program.features)), return_convex=True,
                                     unitize_data=False, dtype=sys.argv[4])
    except Ended:
        pass
    print(json.dumps({"reached": {f"{gap:g}": at for gap, at in watch.reached.items()}, "seconds": watch.seconds,
                      "gap": watch.gap, "violation": watch.violation, "epochs": watch.epochs}))


if __name__ == "__main__":
    main()
