#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/testdata/notebook_losses.json: how gradient descent on the notebook's sine ends from many starts.

The notebook fits ten points of a sine by a ReLU network of 500 neurons, full-batch SGD at rate 0.01, 20,000 steps, and
publishes a loss of 8e-4. Here from 20 starts of torch.nn.Linear's default initialisation, in float64, differentiated by
autograd. Starts differ from ours, so only distributions can be compared. Needs python3-torch. Run from anywhere:
    python3 tests/oracle/make_notebook_oracle.py            writes the file
    python3 tests/oracle/make_notebook_oracle.py --check    remakes the first steps and compares; exit status 77 without torch
"""

import json
import pathlib
import sys

try:
    import torch
except ModuleNotFoundError:
    print("python3-torch is not installed: nothing remade")
    sys.exit(77)

STORED = pathlib.Path(__file__).resolve().parents[1] / "testdata" / "notebook_losses.json"
STARTS, NEURONS, RATE = 20, 500, 0.01
LOOKED_AT = (0, 200, 2000, 20000)


def data():
    x = torch.linspace(-1, 1, 10, dtype=torch.float64)
    return torch.stack([x, torch.ones_like(x)], dim=1), torch.sin(10 * x)[:, None]


def start(seed):
    """Weights of torch.nn.Linear(2, 500, bias=False) and torch.nn.Linear(500, 1, bias=False)."""
    torch.manual_seed(seed)
    hidden = torch.nn.Linear(2, NEURONS, bias=False, dtype=torch.float64)
    output = torch.nn.Linear(NEURONS, 1, bias=False, dtype=torch.float64)
    return hidden.weight.detach().T, output.weight.detach().T


def losses(steps):
    """Mean squared errors of all starts, side by side, after each number of steps."""
    features, targets = data()
    starts = [start(seed) for seed in range(STARTS)]
    first = torch.stack([u for u, _ in starts]).requires_grad_(True)
    second = torch.stack([a for _, a in starts]).requires_grad_(True)
    optimizer = torch.optim.SGD([first, second], lr=RATE)
    found = {}
    for step in range(max(steps) + 1):
        optimizer.zero_grad()
        errors = ((torch.relu(features @ first) @ second - targets) ** 2).mean(dim=(1, 2))
        if step in steps:
            found[str(step)] = errors.detach().tolist()
        errors.sum().backward()  # each start has a term, and weights, of its own
        optimizer.step()
    return found


def check():
    stored = json.loads(STORED.read_text())["losses"]
    for step, now in losses(LOOKED_AT[:2]).items():
        if not torch.allclose(torch.tensor(stored[step]), torch.tensor(now), rtol=1e-6):
            sys.exit(f"losses after {step} steps are not those stored")
    print(f"remade {LOOKED_AT[1]} steps with PyTorch {torch.__version__}: as stored")


def main():
    if sys.argv[1:] == ["--check"]:
        check()
        return
    STORED.write_text(json.dumps({"torch": torch.__version__, "losses": losses(LOOKED_AT)}) + "\n")


if __name__ == "__main__":
    main()
