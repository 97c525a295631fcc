# SPDX-License-Identifier: Apache-2.0
"""Makes tests/testdata/convex_oracle.json: small convex programs with optima found by CVXPY and Clarabel.

The formulas are those of the two problems in core/convex/program.h, written out block by block with none of the
structure that the solvers exploit. Patterns are drawn here and stored, so that the solvers get the same ones.

    python3 -m venv venv && venv/bin/pip install -r tests/oracle/requirements.txt
    venv/bin/python tests/oracle/make_convex_oracle.py [OUTPUT]
"""

import itertools
import json
import pathlib
import sys
import warnings

import cvxpy as cp
import numpy as np

SHAPES = ("plain", "wide", "rank_deficient", "duplicate_rows", "bias")
SCALES = {"half_sum": lambda n: 1.0, "sum": lambda n: 2.0, "mean": lambda n: 2.0 / n}


def draw_features(rng, shape):
    """Features of one of SHAPES; small, so that the conic solver reaches its tightest tolerance."""
    if shape == "plain":
        return rng.standard_normal((14, 4))
    if shape == "wide":
        return rng.standard_normal((8, 13))
    if shape == "rank_deficient":
        return rng.standard_normal((12, 2)) @ rng.standard_normal((2, 5))
    if shape == "duplicate_rows":
        return np.repeat(rng.standard_normal((6, 3)), 2, axis=0)
    return np.hstack([rng.standard_normal((13, 3)), np.ones((13, 1))])


def draw_targets(rng, features, outputs):
    """±1 for one output, one-hot for several, from a planted rule with label noise."""
    scores = np.maximum(features @ rng.standard_normal((features.shape[1], 5)), 0) @ rng.standard_normal((5, outputs))
    scores += 0.3 * rng.standard_normal(scores.shape)
    if outputs == 1:
        return np.where(scores > np.median(scores), 1.0, -1.0)
    return np.eye(outputs)[np.argmax(scores, axis=1)]


def draw_patterns(rng, features, count):
    """Distinct patterns that are active somewhere, n×P, with the gates that made them, d×P."""
    gates = rng.standard_normal((features.shape[1], count))
    mask = features @ gates >= 0
    _, first = np.unique(mask, axis=1, return_index=True)
    keep = [p for p in sorted(first) if mask[:, p].any()]
    return mask[:, keep], gates[:, keep]


def solve(features, targets, mask, activation, multiple, beta):
    """The optimal value, from the definition."""
    outputs, patterns = targets.shape[1], mask.shape[1]
    diagonals = [np.diag(mask[:, p].astype(float)) for p in range(patterns)]
    total, norms, constraints = 0, 0, []
    signs = (1,) if activation == "gated" else (1, -1)
    for p, sign in itertools.product(range(patterns), signs):
        weights = cp.Variable((features.shape[1], outputs))
        total = total + sign * diagonals[p] @ features @ weights
        norms = norms + sum(cp.norm(weights[:, k], 2) for k in range(outputs))
        if activation == "relu":
            cone = 2 * diagonals[p] - np.eye(len(features))
            constraints.append(cone @ features @ weights >= 0)
    objective = multiple * 0.5 * cp.sum_squares(total - targets) + beta * norms
    problem = cp.Problem(cp.Minimize(objective), constraints)
    for tolerance in (1e-10, 3e-10, 1e-9, 3e-9, 1e-8):
        # The tightest tolerance that the conic solver reaches on this program.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            problem.solve(
                solver=cp.CLARABEL, tol_gap_abs=tolerance, tol_gap_rel=tolerance, tol_feas=tolerance, max_iter=200
            )
        if problem.status == cp.OPTIMAL:
            return float(problem.value)
    raise RuntimeError(f"the conic solver ended with {problem.status}")


def make_case(seed, activation, outputs, shape, scale):
    rng = np.random.default_rng(seed)
    features = draw_features(rng, shape)
    targets = draw_targets(rng, features, outputs)
    mask, gates = draw_patterns(rng, features, 8)
    multiple = SCALES[scale](len(features))
    beta_max = multiple * max(
        np.linalg.norm(features.T @ (mask[:, p] * targets[:, k]))
        for p, k in itertools.product(range(mask.shape[1]), range(outputs))
    )
    beta = beta_max * float(rng.choice([0.3, 0.1, 0.02]))
    return {
        "name": f"{activation}_{shape}_c{outputs}_{scale}",
        "activation": activation,
        "loss_scale": scale,
        "beta": beta,
        "beta_max": float(beta_max),
        "features": features.tolist(),
        "targets": targets.tolist(),
        "mask": mask.astype(int).tolist(),
        "gates": gates.tolist(),
        "optimum": solve(features, targets, mask, activation, multiple, beta),
    }


def main():
    default = pathlib.Path(__file__).parent.parent / "testdata" / "convex_oracle.json"
    output = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else default
    kinds = list(itertools.product(("gated", "relu"), (1, 3), SHAPES, ("half_sum", "mean")))
    # The third scale once per kind of program.
    kinds += [(activation, outputs, "plain", "sum") for activation in ("gated", "relu") for outputs in (1, 3)]
    cases = [make_case(seed, *kind) for seed, kind in enumerate(kinds)]
    output.write_text(json.dumps({"cases": cases}, separators=(",", ":")).replace('{"name"', '\n{"name"') + "\n")


if __name__ == "__main__":
    main()
