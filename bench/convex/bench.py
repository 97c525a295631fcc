# SPDX-License-Identifier: Apache-2.0
"""Times convex jobs of a real server against CVXPY, pyscnn and a mini-batch penalty method, and prints one Markdown table.

    bench.py BUILD_BIN_FOLDER PEER_PYTHON [--only NAME[,NAME…]]

cvxnn's figure is the training time that the job reports, from patterns to the certified answer, every epoch's metrics
streamed and kept; a peer's is its solve alone. Memory is the largest resident size of the server, or of the peer's
process. Where a peer does not get to the gap within its bound, the bound stands as "> 30 s".
"""

import argparse
import pathlib
import signal
import subprocess
import sys
import tempfile

import rows
from measure import Trainer

GEMM = ("import sys, time, torch; n, d, m = map(int, sys.argv[1:]); a = torch.randn(n, d); b = torch.randn(d, m); best = 1e9\n"
        "for _ in range(12):\n t = time.perf_counter(); a @ b; best = min(best, time.perf_counter() - t)\n"
        "print(2 * n * d * m / best / 1e9)")


class Context:
    """Where the binaries, the peers' Python and a scratch folder are."""

    def __init__(self, binaries, python, folder):
        self.binaries, self.python, self.folder, self.count = binaries, python, folder, 0

    def trainer(self, problem):
        """A fresh server with the problem's data, and the folder for what peers read."""
        self.say(problem.title)
        self.count += 1
        folder = self.folder / str(self.count)
        return Trainer(self.binaries, folder, problem), folder

    def gemm_rate(self, shape, columns):
        """GFLOP/s of one large float32 product of the same sizes, best of several, on all cores, by the same LibTorch."""
        run = subprocess.run([rows.TORCH_PYTHON, "-c", GEMM, *map(str, shape), str(columns)], stdout=subprocess.PIPE, text=True,
                             check=True)
        return float(run.stdout)

    @staticmethod
    def say(text):
        print(f"measuring {text} …", file=sys.stderr, flush=True)


def show(row):
    print("| " + " | ".join(row) + " |", flush=True)


def main():
    parser = argparse.ArgumentParser(description="Convex training against CVXPY, pyscnn and a penalty method.")
    parser.add_argument("binaries", type=pathlib.Path)
    parser.add_argument("python", help="a Python with CVXPY and pyscnn")
    parser.add_argument("--only", default=",".join(rows.ROWS), help="of " + ", ".join(rows.ROWS))
    arguments = parser.parse_args()
    chosen = arguments.only.split(",")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # as Ctrl-C does, it ends the server and the peer first
    if unknown := set(chosen) - set(rows.ROWS):
        parser.error(f"--only: {', '.join(sorted(unknown))}: must be of {', '.join(rows.ROWS)}")
    with tempfile.TemporaryDirectory(prefix="cvxnn-bench-") as name:
        context = Context(arguments.binaries.resolve(), arguments.python, pathlib.Path(name))
        failed = False
        show(rows.HEAD)
        show(["-"] * len(rows.HEAD))
        for one in chosen:
            try:
                for row in rows.ROWS[one](context):
                    show(row)
            except Exception as error:  # pylint: disable=broad-except
                # The other rows are still worth having, and this one is shown too.
                show([one, *["-"] * (len(rows.HEAD) - 2), f"not measured: {type(error).__name__}: {error}"])
                failed = True
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
