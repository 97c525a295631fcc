# SPDX-License-Identifier: Apache-2.0
"""Makes tests/testdata/pyscnn_oracle.json: what pyscnn (Mishkin, Sahiner & Pilanci, arXiv 2202.01331) finds for the gated
programs with one output, squared loss and group-l2 penalty of convex_oracle.json, by R-FISTA in float64.

Data are not unitised, which would change the penalty. pyscnn minimises ||F u - y||^2 / (2 n) + lambda sum ||u_p||_2; its
answer is weighed here by the formula of the stored program.

    python3 -m venv venv && venv/bin/pip install pyscnn==0.0.10
    venv/bin/python tests/oracle/make_pyscnn_oracle.py
"""

import json
import pathlib

import numpy as np
from scnn.metrics import Metrics
from scnn.models import ConvexGatedReLU
from scnn.optimize import optimize_model
from scnn.regularizers import NeuronGL1
from scnn.solvers import RFISTA

TESTDATA = pathlib.Path(__file__).resolve().parents[1] / "testdata"


def solve(case):
    """The stored program's value at the answer."""
    features, targets, gates = (np.array(case[name], dtype=float) for name in ("features", "targets", "gates"))
    multiple = {"half_sum": 1.0, "sum": 2.0, "mean": 2.0 / len(features)}[case["loss_scale"]]
    model = ConvexGatedReLU(gates)
    model, _ = optimize_model(
        model,
        RFISTA(model, tol=1e-16, max_iters=20000),
        Metrics(),
        features,
        targets,
        regularizer=NeuronGL1(case["beta"] / (multiple * len(features))),
        return_convex=True,
        unitize_data=False,
        dtype="float64",
    )
    # In the order of pyscnn, which sorts patterns.
    weights = np.array(model.parameters[0])[0]
    outputs = np.sum((features @ model.G >= 0) * (features @ weights.T), axis=1)
    loss = 0.5 * np.sum((outputs - targets[:, 0]) ** 2)
    return float(multiple * loss + case["beta"] * np.sum(np.linalg.norm(weights, axis=1)))


def main():
    answers = [
        {"name": case["name"], "objective": solve(case)}
        for case in json.loads((TESTDATA / "convex_oracle.json").read_text())["cases"]
        if (case["activation"], case["loss"], case["penalty"]) == ("gated", "squared", "group_l2") and len(case["targets"][0]) == 1
    ]
    text = json.dumps({"answers": answers}, separators=(",", ":")).replace('{"name"', '\n{"name"')
    (TESTDATA / "pyscnn_oracle.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
