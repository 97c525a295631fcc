# SPDX-License-Identifier: Apache-2.0
"""Times descent jobs of a real server against PyTorch and JAX, in turns, and prints one table.

    bench.py BUILD_BIN_FOLDER JAX_PYTHON [WORK…]     JAX_PYTHON may be "-": JAX is left out

A figure is the best of the rounds. cvxnn's is the training time that the job reports, with every epoch's objective streamed
and kept; the peers also know the loss of every epoch. Compilation and starting are not timed for anybody.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy

import figure4
import works

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "scripts"))
from cvxnn_service import Service, print_table  # noqa: E402

ROUNDS = 3
TORCH_PYTHON = "/usr/bin/python3"  # Debian's, which has python3-torch


def peer(script, python, *arguments):
    """Seconds for all trials of the work, and the median objective; None when the peer is not there."""
    environment = {**os.environ, "PYTHONPATH": str(HERE), "JAX_PLATFORMS": "cpu", "OMP_WAIT_POLICY": "passive"}
    run = subprocess.run([python, HERE / script, *map(str, arguments)], stdout=subprocess.PIPE, text=True, check=True,
                         env=environment)
    answer = json.loads(run.stdout)
    work = works.by_name(arguments[0])
    return answer["seconds"] * work.trials / answer["trials"], answer["objective"]


def cvxnn(service, work, seed):
    """Seconds of training that the job reports, and the median objective of its trials."""
    job = service("job", "submit", "descent", "--dataset", work.name, "--neurons", work.neurons, "--optimizer",
                  work.optimizer, "--learning-rate", work.learning_rate, "--beta", work.beta, "--penalty", "weight-decay",
                  "--loss-scale", work.scale, "--epochs", work.epochs, "--trials", work.trials, "--batch-size", work.batch,
                  "--precision", work.precision, "--seed", seed)["name"]
    result = service.wait(job)["result"]
    return result["seconds"], float(numpy.median([model["metrics"]["objective"] for model in result["models"]]))


def gemm_rate(features, neurons):
    """GFLOP/s of one large product of the same inner size, best of several, on all cores, by the same LibTorch."""
    code = ("import sys, time, torch; n, d, m = map(int, sys.argv[1:]); a = torch.randn(n, d); b = torch.randn(d, m); best = 1e9\n"
            "for _ in range(12):\n t = time.perf_counter(); a @ b; best = min(best, time.perf_counter() - t)\n"
            "print(2 * n * d * m / best / 1e9)")
    run = subprocess.run([TORCH_PYTHON, "-c", code, *map(str, features.shape), str(neurons)], stdout=subprocess.PIPE,
                         text=True, check=True)
    return float(run.stdout)


def ratio(peer_result, own):
    return "-" if peer_result is None else f"{peer_result[0] / own[0]:.1f}×"


def seconds(result):
    return "-" if result is None else f"{result[0]:.3f}"


def measure(service, work, folder, jax_python):
    """The table's row of one work."""
    features, targets = works.data_of(work)
    data = folder / f"{work.name}.npz"
    numpy.savez(data, features=features, targets=targets)
    service("dataset", "create", data, "--task", "regression", "--features-key", "features", "--targets-key", "targets",
            "--id", work.name)
    own, torch, jax = [], [], []
    for seed in range(ROUNDS):
        print(f"measuring {work.name}, round {seed + 1} of {ROUNDS} …", file=sys.stderr, flush=True)
        own.append(cvxnn(service, work, seed))
        torch.extend(peer("torch_peer.py", TORCH_PYTHON, work.name, data, threads) for threads in (1, os.cpu_count()))
        if jax_python != "-":
            jax.append(peer("jax_peer.py", jax_python, work.name, data))
    own, torch, jax = min(own), min(torch), min(jax, default=None)
    note = ""
    if work.batch:
        # Flops a weight and row: 4 for the steps (forward, and backward but for X's own gradient), 2 for the objective.
        flops = work.epochs * features.size * work.neurons * (4 + 2)
        rate = gemm_rate(features, work.neurons)
        note = f"{flops / own[0] / 1e9:.0f} GFLOP/s, {flops / own[0] / 1e9 / rate:.0%} of the GEMM rate"
    elif work.trials == 1:
        note = f"{own[0] / work.epochs * 1e6:.1f} µs a step"
    objectives = " / ".join("-" if result is None else f"{result[1]:.4g}" for result in (own, torch, jax))
    return [work.title, work.goal, seconds(own), seconds(torch), seconds(jax), ratio(torch, own), ratio(jax, own),
            objectives, note]


def main():
    binaries, jax_python, chosen = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2], sys.argv[3:]
    with tempfile.TemporaryDirectory(prefix="cvxnn-bench-") as name:
        folder = pathlib.Path(name)
        service = Service(binaries, folder)
        try:
            rows = [measure(service, work, folder, jax_python) for work in works.WORKS
                    if not chosen or work.name in chosen]
            shares = None
            if not chosen or "figure-4" in chosen:
                row, *shares = figure4.measure(service, folder)
                rows.append(row)
        finally:
            service.stop()
    print_table("Descent: seconds, best of the rounds",
                ["work", "goal", "cvxnn", "torch", "JAX", "to torch", "to JAX", "objectives", "note"], rows)
    if shares:
        print_table("Share of runs that explode, by training rows and width", *shares)


if __name__ == "__main__":
    main()
