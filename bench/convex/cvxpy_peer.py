# SPDX-License-Identifier: Apache-2.0
"""CVXPY with one of its solvers at its default settings, on the program as people write it down from the paper.

    cvxpy_peer.py PROBLEM.npz SOLVER     prints "ready", then {"status", "seconds", "solver_seconds", "objective", "violation"}

Seconds are those of Problem.solve, which translates the program and solves it.
"""

import json
import sys
import time
import warnings

import cvxpy as cp

import weigh


def build(program):
    """The program, and the variables v and w as d×P."""
    inputs, patterns = program.features.shape[1], program.mask.shape[1]
    positive, negative = cp.Variable((inputs, patterns)), cp.Variable((inputs, patterns))
    mask = program.mask.astype(float)
    outputs = cp.sum(cp.multiply(mask, program.features @ (positive - negative)), axis=1)
    norms = cp.sum(cp.norm(positive, 2, axis=0)) + cp.sum(cp.norm(negative, 2, axis=0))
    objective = 0.5 * cp.sum_squares(outputs - program.targets[:, 0]) + program.beta * norms
    signs = 2 * mask - 1
    cones = [cp.multiply(signs, program.features @ weights) >= 0 for weights in (positive, negative)]
    return cp.Problem(cp.Minimize(objective), cones), positive, negative


def main():
    program, solver = weigh.load(sys.argv[1]), sys.argv[2]
    warnings.simplefilter("ignore")
    problem, positive, negative = build(program)
    print("ready", flush=True)
    started = time.perf_counter()
    try:
        problem.solve(solver=solver)
        status = problem.status
    except cp.SolverError:
        status = "solver error"
    except MemoryError:
        status = "out of memory"
    answer = {"status": status, "seconds": time.perf_counter() - started}
    if positive.value is not None:
        answer["solver_seconds"] = problem.solver_stats.solve_time
        answer["objective"] = float(program.objective(positive.value.T, negative.value.T)[0])
        answer["violation"] = program.violation(positive.value.T, negative.value.T)
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
