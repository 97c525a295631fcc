# SPDX-License-Identifier: Apache-2.0
"""How often descent explodes, against the width: 98 widths × 3 sizes × 10 runs as one job, and a torch loop on a sample.

    figure4.py torch DATA.npz       the peer: prints {"seconds": …, "runs": …, "exploded": …}
"""

import collections
import json
import pathlib
import subprocess
import sys
import time

import numpy

WIDTHS = range(2, 100)
SIZES = (10, 100, 500)
RUNS = 10
EPOCHS = 1000
LEARNING_RATE = 0.02  # of ½‖F − Y‖², whose gradient grows with n: the sizes explode one after the other
BETA = 1e-4
SAMPLE_WIDTHS = (2, 34, 66, 98)  # of the peer, one run for each size
TORCH_PYTHON = "/usr/bin/python3"
TITLE = f"98 widths × 3 sizes × 10 runs, {EPOCHS:,} full-batch SGD steps each"


def data():
    """500 rows of one input and a bias column, labels ±1 at random."""
    random = numpy.random.default_rng(4)
    x = random.standard_normal((max(SIZES), 1))
    labels = numpy.where(random.random((max(SIZES), 1)) < 0.5, -1.0, 1.0)
    return numpy.hstack([x, numpy.ones_like(x)]).astype("<f4"), labels.astype("<f4")


def train(service, dataset):
    """The job, ended."""
    name = service("job", "submit", "descent", "--dataset", dataset, "--grid-rows", ",".join(map(str, SIZES)),
                   "--grid-neurons", f"{WIDTHS[0]}..{WIDTHS[-1]}", "--trials", RUNS, "--learning-rate", LEARNING_RATE,
                   "--beta", BETA, "--penalty", "weight-decay", "--loss-scale", "half-sum", "--epochs", EPOCHS,
                   "--report-every", EPOCHS, "--precision", "float32", "--seed", 4)["name"]
    return service.wait(name)


def exploded(job):
    """Share of exploded runs by (size, width)."""
    shares = collections.defaultdict(list)
    for model in job["result"]["models"]:
        shares[int(model["setting"]["training_rows"]), int(model["setting"]["neurons"])].append(model["diverged"])
    return {key: sum(values) / len(values) for key, values in shares.items()}


def torch_sample(path):
    run = subprocess.run([TORCH_PYTHON, __file__, "torch", str(path)], stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(run.stdout)


def torch_loop(path):
    """One run of each size and sample width, eager, as one writes it; an exploded run ends as soon as it is seen."""
    import torch
    torch.set_num_threads(1)
    arrays = numpy.load(path)
    features, targets = torch.from_numpy(arrays["features"]), torch.from_numpy(arrays["targets"])
    lost, runs, started = 0, 0, time.perf_counter()
    for size in SIZES:
        x, y = features[:size], targets[:size]
        for width in SAMPLE_WIDTHS:
            torch.manual_seed(runs)
            hidden = torch.nn.Linear(x.shape[1], width, bias=False)
            output = torch.nn.Linear(width, 1, bias=False)
            optimizer = torch.optim.SGD([*hidden.parameters(), *output.parameters()], lr=LEARNING_RATE, weight_decay=BETA)
            for epoch in range(EPOCHS):
                optimizer.zero_grad()
                loss = 0.5 * (output(torch.relu(hidden(x))) - y).square().sum()
                loss.backward()
                optimizer.step()
                if epoch % 100 == 99 and not torch.isfinite(loss):
                    lost += 1
                    break
            runs += 1
    return {"seconds": time.perf_counter() - started, "runs": runs, "exploded": lost}


def measure(service, folder):
    """The table's row, and the shares of exploded runs as rows of a second table."""
    features, targets = data()
    path = pathlib.Path(folder) / "figure-4.npz"
    numpy.savez(path, features=features, targets=targets)
    service("dataset", "create", path, "--task", "regression", "--features-key", "features", "--targets-key", "targets",
            "--id", "figure-4")
    print("measuring figure 4 …", file=sys.stderr, flush=True)
    started = time.perf_counter()
    job = train(service, "figure-4")
    whole = time.perf_counter() - started
    peer = torch_sample(path)
    all_runs = len(job["result"]["models"])
    loop = peer["seconds"] / peer["runs"] * all_runs
    seconds = job["result"]["seconds"]
    row = [TITLE, "under a minute on 2 cores", f"{seconds:.3f}", f"{loop:.3f}", "-", f"{loop / seconds:.1f}×", "-", "-",
           f"{whole:.1f} s from submitting to the last of {all_runs:,} models kept; torch measured on {peer['runs']} runs"]
    shares = exploded(job)
    bands = [(first, min(first + 13, WIDTHS[-1])) for first in range(WIDTHS[0], WIDTHS[-1] + 1, 14)]
    table = []
    for size in SIZES:
        cells = []
        for first, last in bands:
            values = [shares[size, width] for width in range(first, last + 1)]
            cells.append(f"{sum(values) / len(values):.0%}")
        table.append([f"n = {size}", *cells])
    return row, ["exploded", *(f"m = {first}…{last}" for first, last in bands)], table


if __name__ == "__main__":
    print(json.dumps(torch_loop(sys.argv[2])))
