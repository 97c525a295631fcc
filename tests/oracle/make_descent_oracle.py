#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/testdata/descent_trajectories.json: the steps of torch.optim on small two-layer networks.

Forward, loss and penalty are written out naively and differentiated by autograd in float64, so that the trajectories
share nothing with the closed-form gradients under test. Needs python3-torch. Run from anywhere:
    python3 tests/oracle/make_descent_oracle.py
"""

import json
import pathlib

import torch

TESTDATA = pathlib.Path(__file__).resolve().parents[1] / "testdata"
STEPS = 25


def objective(first, second, gates, features, targets, case):
    pre_activation = features @ first
    if case["activation"] == "gated":
        hidden = (features @ gates >= 0).to(features.dtype) * pre_activation
    else:
        hidden = torch.relu(pre_activation)
    squares = ((hidden @ second - targets) ** 2).sum()
    loss = {"half_sum": 0.5, "sum": 1.0, "mean": 1.0 / len(features)}[case["loss_scale"]] * squares
    if case["penalty"] == "none":
        return loss
    if case["penalty"] == "group_l2":
        outputs = (second.abs().sum(dim=1) ** 2).sum()
    else:
        outputs = (second**2).sum()
    return loss + 0.5 * case["beta"] * ((first**2).sum() + outputs)


def trajectory(case):
    rows, inputs, neurons, outputs = case["rows"], case["inputs"], case["neurons"], case["outputs"]
    generator = torch.Generator().manual_seed(case["seed"])

    def normal(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    features, targets = normal(rows, inputs), normal(rows, outputs)
    gates = normal(inputs, neurons)
    first, second = normal(inputs, neurons), normal(neurons, outputs)
    # A dead neuron and a zero output weight: derivatives at 0 must be those of PyTorch.
    first[:, 0] = 0
    second[1, 0] = 0
    record = dict(case, features=features.tolist(), targets=targets.tolist(), gates=gates.tolist())
    record["first_layers"], record["second_layers"], record["objectives"] = [], [], []
    first.requires_grad_(True)
    second.requires_grad_(True)
    if case["optimizer"] == "sgd":
        optimizer = torch.optim.SGD([first, second], lr=case["learning_rate"], momentum=case["momentum"])
    else:
        optimizer = torch.optim.Adam([first, second], lr=case["learning_rate"], betas=(0.8, 0.95), eps=1e-6)
    for _ in range(STEPS + 1):
        value = objective(first, second, gates, features, targets, case)
        record["objectives"].append(value.item())
        record["first_layers"].append(first.detach().flatten().tolist())
        record["second_layers"].append(second.detach().flatten().tolist())
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
    return record


def main():
    shape = {"rows": 7, "inputs": 3, "neurons": 5, "seed": 3}
    records = []
    for optimizer, learning_rate, momentum in (("sgd", 0.005, 0.0), ("sgd", 0.005, 0.9), ("adam", 0.05, 0.0)):
        for activation, penalty, loss_scale, outputs in (
            ("relu", "group_l2", "half_sum", 1),
            ("relu", "group_l2", "half_sum", 3),
            ("relu", "weight_decay", "mean", 3),
            ("relu", "none", "sum", 2),
            ("gated", "group_l2", "mean", 2),
        ):
            records.append(
                trajectory(
                    dict(
                        shape,
                        optimizer=optimizer,
                        learning_rate=learning_rate,
                        momentum=momentum,
                        activation=activation,
                        penalty=penalty,
                        loss_scale=loss_scale,
                        outputs=outputs,
                        beta=0.3,
                    )
                )
            )
    path = TESTDATA / "descent_trajectories.json"
    path.write_text(json.dumps({"torch": torch.__version__, "trajectories": records}) + "\n")


if __name__ == "__main__":
    main()
