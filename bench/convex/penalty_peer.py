# SPDX-License-Identifier: Apache-2.0
"""The mini-batch penalty method that code for CIFAR-10 trains the ReLU program with, rebuilt on python3-torch.

    penalty_peer.py PROBLEM.npz LOWER_BOUND GAP[,GAP…] LEARNING_RATE RHO SECONDS
        prints "ready", then {"reached": {GAP: {"seconds", "epochs"}}, "seconds", "epochs", "gap", "violation"}

Cone constraints become a penalty ρ Σ (−E_p X v_p)₊ (mean over rows); Adam takes steps on batches of 1,000 rows, and the
learning rate halves when an epoch's objective no longer falls. After an epoch the answer is weighed like any other, which
its clock does not count.
"""

import json
import sys
import time

import torch

import weigh

BATCH = 1000
PATIENCE = 3


def main():
    program = weigh.load(sys.argv[1])
    bound, gaps = float(sys.argv[2]), [float(gap) for gap in sys.argv[3].split(",")]
    rate, rho, limit = (float(argument) for argument in sys.argv[4:7])
    torch.manual_seed(0)
    features = torch.from_numpy(program.features).float()
    targets = torch.from_numpy(program.targets).float()
    mask = torch.from_numpy(program.mask)
    (n, inputs), patterns = features.shape, mask.shape[1]
    weights = [torch.zeros(inputs, patterns).requires_grad_() for _ in range(2)]
    optimizer = torch.optim.Adam(weights, lr=rate)
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=PATIENCE)
    reached, seconds, epochs, gap, violation = {}, 0.0, 0, float("nan"), float("nan")
    print("ready", flush=True)
    while seconds < limit and len(reached) < len(gaps):
        started, total = time.perf_counter(), 0.0
        for rows in torch.randperm(n).split(BATCH):
            x, active = features[rows], mask[rows].float()
            products = [x @ block for block in weights]
            outputs = (active * (products[0] - products[1])).sum(1, keepdim=True)
            loss = 0.5 * n / len(rows) * (outputs - targets[rows]).square().sum()
            norms = sum(block.norm(dim=0).sum() for block in weights)
            outside = sum(((1 - 2 * active) * product).clamp_min(0).sum() for product in products)
            objective = loss + program.beta * norms + rho * n / len(rows) * outside
            optimizer.zero_grad()
            objective.backward()
            for block in weights:  # the norm has no gradient at 0
                block.grad.nan_to_num_(0)
            optimizer.step()
            total += float(objective.detach()) * len(rows) / n
        schedule.step(total)
        epochs += 1
        seconds += time.perf_counter() - started
        if epochs % max(1, epochs // 8) == 0 or seconds >= limit:
            blocks = [block.detach().t().double().numpy() for block in weights]
            value = program.objective(*blocks)[0]
            gap, violation = (value - bound) / value, program.violation(*blocks)
            for wanted in gaps:
                if wanted not in reached and abs(gap) <= wanted and violation <= wanted:
                    reached[wanted] = {"seconds": seconds, "epochs": epochs}
    print(json.dumps({"reached": {f"{wanted:g}": at for wanted, at in reached.items()}, "seconds": seconds, "epochs": epochs,
                      "gap": gap, "violation": violation}))


if __name__ == "__main__":
    main()
