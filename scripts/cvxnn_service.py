# SPDX-License-Identifier: Apache-2.0
"""A server of one's own and the cvxnn command that talks to it, for the demo and the benchmarks; and their tables."""

import json
import signal
import subprocess


class Service:
    """A cvxnn-server of our own, and the cvxnn command that talks to it."""

    def __init__(self, binaries, folder):
        self.command = str(binaries / "cvxnn")
        self.log = open(folder / "server.log", "w", encoding="utf-8")
        self.process = subprocess.Popen(
            [binaries / "cvxnn-server", "--listen", "127.0.0.1:0", "--data-dir", folder / "server"],
            stdout=subprocess.PIPE, stderr=self.log, text=True)
        for line in self.process.stdout:
            if line.startswith("listening on "):
                self.address = line.split()[2]
                return
        raise SystemExit(f"the server did not start; its log:\n{(folder / 'server.log').read_text()}")

    def __call__(self, *arguments, show=False):
        """Runs `cvxnn ARGUMENTS`; returns its JSON output, or shows its output as a person sees it."""
        output = [] if show else ["--output", "json"]
        run = subprocess.run([self.command, "--server", self.address, *output, *map(str, arguments)],
                             stdout=None if show else subprocess.PIPE, text=True, check=False)
        if run.returncode != 0:
            raise SystemExit(f"cvxnn {' '.join(map(str, arguments))}: exit status {run.returncode}")
        return None if show else json.loads(run.stdout)

    def wait(self, job):
        """Waits for the end of a job and returns it."""
        run = subprocess.run([self.command, "--server", self.address, "job", "watch", job], stdout=subprocess.DEVNULL,
                             check=False)
        if run.returncode != 0:
            raise SystemExit(f"{job} did not succeed: {self('job', 'describe', job).get('error')}")
        return self("job", "describe", job)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(timeout=60)
        self.log.close()
        if status != 0:
            raise SystemExit(f"the server ended with status {status}")


def print_table(title, head, rows):
    """The first column is text, the others are figures."""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    print(f"\n{title}")
    for row in [head, ["-" * width for width in widths], *rows]:
        print("  ".join(cell.ljust(width) if i == 0 else cell.rjust(width) for i, (cell, width) in enumerate(zip(row, widths))))
    print(flush=True)
