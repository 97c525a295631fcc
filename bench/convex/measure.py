# SPDX-License-Identifier: Apache-2.0
"""One measurement: a job of a server of its own, or a peer in a process of its own, with time and peak memory."""

import dataclasses
import json
import os
import pathlib
import select
import subprocess
import sys
import tempfile
import time

import numpy

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "scripts"))
from cvxnn_service import Service  # noqa: E402

START_SECONDS = 120  # for a peer to import its libraries, read the problem and build it
LEAST_VIRTUAL = 1 << 20


@dataclasses.dataclass
class Measured:
    """Seconds of the work alone, and of the answer's gap and violation. `reached` is false where it did not get as far as it
    was asked to, and `ended` then says why."""

    seconds: float
    reached: bool
    peak_bytes: int
    gap: float = float("nan")
    violation: float = float("nan")
    ended: str = ""
    details: dict = dataclasses.field(default_factory=dict)


def peak_bytes(process):
    """The largest resident size so far, of a process that still runs; 0 when it is gone."""
    try:
        status = pathlib.Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM:")), 0)


class Trainer:
    """A fresh server with the problem's data, whose peak memory is that of the problem alone."""

    def __init__(self, binaries, folder, problem):
        folder.mkdir()
        self.folder, self.problem = folder, problem
        self.service = Service(binaries, folder)
        self._create("data", problem.features, problem.targets)
        self._create("gates", problem.gates, numpy.zeros((len(problem.gates), 1)))

    def _create(self, name, features, targets):
        path = self.folder / f"{name}.npz"
        numpy.savez(path, features=features, targets=targets)
        self.service("dataset", "create", path, "--task", "regression", "--features-key", "features", "--targets-key",
                     "targets", "--id", name)
        path.unlink()

    def train(self, tolerance, bound):
        """A job to this relative gap (and violation), the seconds of training that it reports, and its whole result."""
        problem = self.problem
        beta = ["--beta-max-fraction", problem.fraction] if problem.fraction else ["--beta", problem.beta]
        precision = ["--precision", problem.precision] if problem.precision else []
        job = self.service("job", "submit", "convex", "--dataset", "data", "--activation", problem.activation, *beta,
                           *precision, "--refine", "0", "--patterns-kind", "given:dataset=datasets/gates", "--tolerance", tolerance,
                           "--max-seconds", bound, "--epochs", 1000000)["name"]
        try:
            result = self.service.wait(job)["result"]
        except SystemExit as failure:  # a row that failed is shown
            return Measured(bound, False, peak_bytes(self.service.process.pid), ended=str(failure),
                            details={"solver": "-", "epochs": 0, "beta": problem.beta, "lower_bound": 0.0})
        metrics = result["models"][0]["metrics"]
        gap, violation = metrics.get("gap", float("nan")), metrics.get("constraint_violation", 0.0)
        reached = abs(gap) <= tolerance and violation <= tolerance
        return Measured(result["seconds"], reached, peak_bytes(self.service.process.pid), gap, violation,
                        result["termination"].removeprefix("TERMINATION_").lower().replace("_", " "),
                        {**result, "lower_bound": metrics.get("lower_bound")})

    def stop(self):
        self.service.stop()


def run_peer(python, script, arguments, bound, memory_bytes):
    """The JSON answer of a peer, or None; with its peak memory and what ended it early. `bound` counts from its "ready"."""
    limit = f"ulimit -v {max(LEAST_VIRTUAL, memory_bytes // 1024)} && exec \"$@\""
    errors = tempfile.TemporaryFile("w+", encoding="utf-8")
    process = subprocess.Popen(["bash", "-c", limit, "-", python, HERE / script, *map(str, arguments)], stdout=subprocess.PIPE,
                               stderr=errors, text=True, env={**os.environ, "PYTHONPATH": str(HERE)})
    peak, ended, deadline, ready = 0, "", time.monotonic() + START_SECONDS, False
    lines = []
    try:
        while True:
            peak = max(peak, peak_bytes(process.pid))
            if select.select([process.stdout], [], [], 0.02)[0]:
                line = process.stdout.readline()
                if not line:
                    break
                if line.strip() == "ready" and not ready:
                    ready, deadline = True, time.monotonic() + bound
                else:
                    lines.append(line)
            if time.monotonic() > deadline:
                ended = f"> {bound:.0f} s" if ready else f"not ready within {START_SECONDS} s"
                process.kill()
                break
    except BaseException:
        process.kill()
        raise
    process.stdout.close()
    status = process.wait()
    errors.seek(0)
    problems = errors.read()
    if ended:
        return None, peak, ended
    if status != 0 or not lines:
        out_of_memory = "MemoryError" in problems or "bad_alloc" in problems or status in (-9, -6)
        last = problems.strip().splitlines()[-1] if problems.strip() else ""
        return None, peak, f"out of memory (bound {memory_bytes / 2**30:.0f} GiB)" if out_of_memory else f"failed: {last[:80]}"
    return json.loads(lines[-1]), peak, ""
