# SPDX-License-Identifier: Apache-2.0
"""Makes tests/testdata/convex_oracle.json: small convex programs with optima found by CVXPY and Clarabel.

The formulas are those of the two problems in core/convex/program.h, written out block by block with none of the
structure that the solvers exploit. Patterns are drawn here and stored, so that the solvers get the same ones.

    python3 -m venv venv && venv/bin/pip install -r tests/oracle/requirements.txt
    venv/bin/python tests/oracle/make_convex_oracle.py            writes the file
    venv/bin/python tests/oracle/make_convex_oracle.py --check    remakes some optima and compares them with the file;
                                                                  exit status 77 without CVXPY
"""

import itertools
import json
import pathlib
import sys
import warnings

try:
    import cvxpy as cp
    import numpy as np
except ModuleNotFoundError:
    print("CVXPY is not installed: nothing remade")
    sys.exit(77)

STORED = pathlib.Path(__file__).resolve().parents[1] / "testdata" / "convex_oracle.json"
SHAPES = ("plain", "wide", "rank_deficient", "duplicate_rows", "bias")
MORE_SHAPES = SHAPES + ("zero_column",)
SCALES = {"half_sum": lambda n: 1.0, "sum": lambda n: 2.0, "mean": lambda n: 2.0 / n}


def draw_features(rng, shape):
    """Features of one of SHAPES; small, so that the conic solver reaches its tightest tolerance."""
    if shape == "plain":
        return rng.standard_normal((14, 4))
    if shape == "wide":
        return rng.standard_normal((8, 13))
    if shape == "rank_deficient":
        return rng.standard_normal((12, 2)) @ rng.standard_normal((2, 5))
    if shape == "zero_column":
        return np.insert(rng.standard_normal((13, 3)), 1, 0, axis=1)
    if shape == "duplicate_rows":
        return np.repeat(rng.standard_normal((6, 3)), 2, axis=0)
    return np.hstack([rng.standard_normal((13, 3)), np.ones((13, 1))])


def draw_targets(rng, features, outputs, loss):
    """From a planted rule with label noise: ±1 for one output and for losses of margins, else one-hot."""
    scores = np.maximum(features @ rng.standard_normal((features.shape[1], 5)), 0) @ rng.standard_normal((5, outputs))
    scores += 0.3 * rng.standard_normal(scores.shape)
    if outputs == 1:
        return np.where(scores > np.median(scores), 1.0, -1.0)
    classes = np.eye(outputs)[np.argmax(scores, axis=1)]
    return 2 * classes - 1 if loss in ("logistic", "hinge", "squared_hinge") else classes


def draw_patterns(rng, features, count):
    """Distinct patterns that are active somewhere, n×P, with the gates that made them, d×P."""
    gates = rng.standard_normal((features.shape[1], count))
    mask = features @ gates >= 0
    _, first = np.unique(mask, axis=1, return_index=True)
    keep = [p for p in sorted(first) if mask[:, p].any()]
    return mask[:, keep], gates[:, keep]


def loss_sum(outputs, targets, loss):
    """Σℓ as a CVXPY expression, as core/network/loss.h writes it."""
    if loss == "squared":
        return cp.sum_squares(outputs - targets)
    if loss == "logistic":
        return cp.sum(cp.logistic(-cp.multiply(targets, outputs)))
    if loss == "squared_hinge":
        return cp.sum_squares(cp.pos(1 - cp.multiply(targets, outputs)))
    if loss == "hinge":
        return cp.sum(cp.pos(1 - cp.multiply(targets, outputs)))
    return cp.sum(cp.log_sum_exp(outputs, axis=1)) - cp.sum(cp.multiply(targets, outputs))


def slope_at_zero(targets, loss):
    """-∂(½ℓ)/∂F at zero outputs."""
    if loss == "logistic":
        return targets / 4
    if loss == "hinge":
        return targets / 2
    if loss == "cross_entropy":
        return (targets - 1 / targets.shape[1]) / 2
    return targets


def solve(features, targets, mask, activation, loss, penalty, multiple, beta):
    """The optimal value, from the definition, and the relative tolerance that it was found to."""
    outputs, patterns = targets.shape[1], mask.shape[1]
    diagonals = [np.diag(mask[:, p].astype(float)) for p in range(patterns)]
    total, norms, constraints, blocks = 0, 0, [], []
    signs = (1,) if activation == "gated" else (1, -1)
    for p, sign in itertools.product(range(patterns), signs):
        weights = cp.Variable((features.shape[1], outputs))
        total = total + sign * diagonals[p] @ features @ weights
        blocks.append(weights)
        if penalty == "weight_decay":
            norms = norms + cp.normNuc(weights)
        elif penalty == "ridge":
            norms = norms + 0.5 * cp.sum_squares(weights)
        elif penalty == "l1":
            norms = norms + cp.sum(cp.abs(weights))
        elif penalty == "group_l2":
            norms = norms + sum(cp.norm(weights[:, k], 2) for k in range(outputs))
        if activation == "relu":
            cone = 2 * diagonals[p] - np.eye(len(features))
            constraints.append(cone @ features @ weights >= 0)
    if penalty == "feature_groups":
        norms = sum(cp.norm(cp.hstack([block[i, :] for block in blocks]), 2) for i in range(features.shape[1]))
    objective = multiple * 0.5 * loss_sum(total, targets, loss) + beta * norms
    problem = cp.Problem(cp.Minimize(objective), constraints)
    for tolerance in (1e-10, 3e-10, 1e-9, 3e-9, 1e-8, 3e-8, 1e-7, 3e-7):
        # The tightest tolerance that the conic solver reaches on this program.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                problem.solve(
                    solver=cp.CLARABEL, tol_gap_abs=tolerance, tol_gap_rel=tolerance, tol_feas=tolerance, max_iter=200
                )
            except cp.SolverError:
                continue
        if problem.status == cp.OPTIMAL:
            return float(problem.value), tolerance
    raise RuntimeError(f"the conic solver ended with {problem.status}")


def dual_norm(blocks, penalty):
    """Of the products Xᵀ D_p ν at zero weights: the least β at which zero is optimal; 0 where there is none."""
    if penalty in ("ridge", "none"):
        return 0.0
    if penalty == "weight_decay":
        return max(np.linalg.norm(block, 2) for block in blocks)
    if penalty == "l1":
        return max(np.max(np.abs(block)) for block in blocks)
    if penalty == "feature_groups":
        return np.max(np.linalg.norm(np.hstack(blocks), axis=1))
    return max(np.max(np.linalg.norm(block, axis=0)) for block in blocks)


def make_case(seed, activation, outputs, shape, scale, loss="squared", penalty="group_l2", count=8):
    rng = np.random.default_rng(seed)
    features = draw_features(rng, shape)
    targets = draw_targets(rng, features, outputs, loss)
    mask, gates = draw_patterns(rng, features, count)
    multiple = SCALES[scale](len(features))
    slope = slope_at_zero(targets, loss)
    correlations = [features.T @ (mask[:, p : p + 1] * slope) for p in range(mask.shape[1])]
    beta_max = multiple * dual_norm(correlations, penalty)
    beta = beta_max * float(rng.choice([0.3, 0.1, 0.02]))
    if penalty == "ridge":
        beta = multiple * float(rng.choice([3, 0.3, 0.03]))
    optimum, accuracy = solve(features, targets, mask, activation, loss, penalty, multiple, beta)
    return {
        "name": "_".join(
            [activation]
            + [loss] * (loss != "squared")
            + [{"weight_decay": "nuclear"}.get(penalty, penalty)] * (penalty != "group_l2")
            + [shape, f"c{outputs}", scale]
        ),
        "activation": activation,
        "loss": loss,
        "penalty": penalty,
        "loss_scale": scale,
        "beta": beta,
        "beta_max": float(beta_max),
        "features": features.tolist(),
        "targets": targets.tolist(),
        "mask": mask.astype(int).tolist(),
        "gates": gates.tolist(),
        "optimum": optimum,
        "accuracy": accuracy,
    }


def kinds():
    """Arguments of every case, in the order of their seeds."""
    yield from itertools.product(("gated", "relu"), (1, 3), SHAPES, ("half_sum", "mean"))
    # The third scale once per kind of program.
    yield from ((activation, outputs, "plain", "sum") for activation in ("gated", "relu") for outputs in (1, 3))
    for outputs, loss in ((1, "logistic"), (3, "logistic"), (1, "squared_hinge"), (3, "squared_hinge"), (3, "cross_entropy")):
        yield from (("gated", outputs, shape, scale, loss) for shape, scale in zip(SHAPES, ("half_sum", "mean", "sum") * 2))
    for loss in ("squared", "logistic", "cross_entropy"):
        yield from (("gated", 3, shape, scale, loss, "weight_decay") for shape, scale in zip(SHAPES, ("half_sum", "mean", "sum") * 2))
    yield from other_penalties()


def other_penalties():
    """Squared losses under the penalties of the products, then other losses."""
    scales = ("half_sum", "mean", "sum") * 2
    for penalty, outputs in itertools.product(("ridge", "l1", "feature_groups"), (1, 3)):
        yield from (("gated", outputs, shape, scale, "squared", penalty) for shape, scale in zip(MORE_SHAPES, scales))
    for penalty, outputs in zip(("ridge", "l1", "feature_groups"), (1, 3, 3)):
        yield from (("relu", outputs, shape, scale, "squared", penalty) for shape, scale in zip(MORE_SHAPES, scales))
    # Few patterns, so that the optimum is not 0.
    for activation, shapes in (("gated", ("plain", "rank_deficient", "duplicate_rows", "bias", "zero_column")), ("relu", ("plain", "bias"))):
        yield from ((activation, 1, shape, scale, "squared", "none", 2) for shape, scale in zip(shapes, scales))
    for (loss, outputs), penalty in itertools.product(
        (("logistic", 1), ("squared_hinge", 3), ("cross_entropy", 3)), ("ridge", "l1", "feature_groups")
    ):
        yield from (
            ("gated", outputs, shape, scale, loss, penalty)
            for shape, scale in zip(("plain", "wide", "rank_deficient"), scales)
        )
    for loss, outputs in (("logistic", 1), ("squared_hinge", 1), ("hinge", 1), ("cross_entropy", 3)):
        yield from (("relu", outputs, shape, scale, loss) for shape, scale in zip(MORE_SHAPES, scales))
        yield from (
            ("relu", outputs, shape, scale, loss, penalty)
            for shape, scale, penalty in zip(("plain", "duplicate_rows", "bias"), scales, ("ridge", "l1", "feature_groups"))
        )
    yield from (("gated", 1, shape, scale, "hinge") for shape, scale in zip(MORE_SHAPES, scales))
    yield from (
        ("gated", 3, shape, scale, "hinge", penalty)
        for shape, scale, penalty in zip(
            ("plain", "duplicate_rows", "bias", "wide"), scales, ("ridge", "l1", "feature_groups", "weight_decay")
        )
    )
    for loss in ("squared", "cross_entropy"):
        yield from (("relu", 3, shape, scale, loss, "weight_decay") for shape, scale in zip(SHAPES, scales))


CHECKED = 7


def check():
    cases = json.loads(STORED.read_text())["cases"]
    for seed, kind in list(enumerate(kinds()))[::CHECKED]:
        was, now = cases[seed], make_case(seed, *kind)
        for name in ("name", "features", "targets", "mask"):
            if was[name] != now[name]:
                sys.exit(f"{was['name']}: {name} is not what is stored")
        if abs(was["optimum"] - now["optimum"]) > max(1e-7, was["accuracy"]) * abs(now["optimum"]):
            sys.exit(f"{was['name']}: the optimum is {now['optimum']}, {was['optimum']} is stored")
    print(f"remade every {CHECKED}th of {len(cases)} cases: as stored")


def main():
    if sys.argv[1:] == ["--check"]:
        check()
        return
    cases = [make_case(seed, *kind) for seed, kind in enumerate(kinds())]
    STORED.write_text(json.dumps({"cases": cases}, separators=(",", ":")).replace('{"name"', '\n{"name"') + "\n")


if __name__ == "__main__":
    main()
