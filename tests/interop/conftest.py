# SPDX-License-Identifier: Apache-2.0
"""Stubs made from the contract, and a real server on a free loopback port."""

import os
import pathlib
import signal
import subprocess
import sys

import grpc
import numpy as np
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def stubs(tmp_path_factory):
    """Directory of the generated modules, which is also put on sys.path."""
    out = tmp_path_factory.mktemp("stubs")
    protos = sorted(str(p.relative_to(ROOT / "proto")) for p in (ROOT / "proto").rglob("*.proto"))
    subprocess.run(
        [sys.executable, "-m", "grpc_tools.protoc", "-I", str(ROOT / "proto"), f"--python_out={out}",
         f"--grpc_python_out={out}", *protos],
        check=True,
    )
    sys.path.insert(0, str(out))
    return out


class Server:
    """A cvxnn-server process."""

    def __init__(self, data_dir, *flags, stderr=None):
        self.process = subprocess.Popen(
            [os.environ["CVXNN_SERVER_BINARY"], "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--data-dir", str(data_dir),
             *flags],
            stdout=subprocess.PIPE, stderr=stderr, text=True,
        )
        for line in self.process.stdout:
            if line.startswith("listening on "):
                self.address = line.split()[2]
                return
        raise RuntimeError(f"the server ended with {self.process.wait()} before it listened")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60)

    def kill(self):
        """As a crash or a loss of power ends it."""
        self.process.kill()
        self.process.wait(timeout=60)


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    running = Server(tmp_path_factory.mktemp("data"))
    yield running
    assert running.stop() == 0, "SIGTERM must end the server cleanly"


@pytest.fixture(scope="session")
def channel(server):
    with grpc.insecure_channel(server.address) as open_channel:
        yield open_channel


@pytest.fixture(scope="session")
def arrays():
    """A seeded table with a label that no linear model gets right."""
    random = np.random.default_rng(7)
    features = random.standard_normal((600, 5)).astype("<f4")
    labels = np.where(np.abs(features[:, 0]) + features[:, 1] > 0.7, 1.0, -1.0).astype("<f4")[:, None]
    return {"features": features[:400], "targets": labels[:400], "test_features": features[400:], "test_targets": labels[400:]}
