# SPDX-License-Identifier: Apache-2.0
"""A server that writes through faulty_writes.cc, and stubs made from the contract."""

import mmap
import os
import pathlib
import struct
import subprocess
import sys

import grpc

ROOT = pathlib.Path(__file__).resolve().parents[2]


def make_stubs(folder):
    """Generates the modules of the contract and puts them on sys.path."""
    protos = sorted(str(p.relative_to(ROOT / "proto")) for p in (ROOT / "proto").rglob("*.proto"))
    subprocess.run([sys.executable, "-m", "grpc_tools.protoc", "-I", str(ROOT / "proto"), f"--python_out={folder}",
                    f"--grpc_python_out={folder}", *protos], check=True)
    sys.path.insert(0, str(folder))


class Api:
    """Messages and stubs on one channel."""

    def __init__(self, address):
        from cvxnn.v1 import (dataset_pb2, dataset_service_pb2, dataset_service_pb2_grpc, job_pb2, job_service_pb2,
                              job_service_pb2_grpc, model_service_pb2, model_service_pb2_grpc, tensor_pb2)
        self.data, self.datasets_pb, self.job, self.jobs_pb = dataset_pb2, dataset_service_pb2, job_pb2, job_service_pb2
        self.models_pb, self.tensor = model_service_pb2, tensor_pb2
        self.channel = grpc.insecure_channel(address)
        self.datasets = dataset_service_pb2_grpc.DatasetServiceStub(self.channel)
        self.jobs = job_service_pb2_grpc.JobServiceStub(self.channel)
        self.models = model_service_pb2_grpc.ModelServiceStub(self.channel)


class Plan:
    """What faulty_writes.cc reads; see there."""

    FORMAT = "<4Q"

    def __init__(self, path):
        self.path = path
        path.write_bytes(bytes(struct.calcsize(self.FORMAT)))
        with open(path, "r+b") as file:
            self.memory = mmap.mmap(file.fileno(), 0)

    def set(self, seed=0, one_in=0, kill_at=0):
        self.memory[:] = struct.pack(self.FORMAT, seed, one_in, kill_at, 0)


class Server:
    """One process on a data directory; address is None where it ended before it listened."""

    FLAGS = ["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--checkpoint-seconds", "0.05", "--threads", "1"]

    def __init__(self, binary, library, data_dir, plan, log):
        environment = dict(os.environ, LD_PRELOAD=str(library), CVXNN_FAULTS_DIRECTORY=str(data_dir),
                           CVXNN_FAULTS_PLAN=str(plan.path), OMP_WAIT_POLICY="passive")
        self.process = subprocess.Popen([binary, *self.FLAGS, "--data-dir", str(data_dir)], env=environment,
                                        stdout=subprocess.PIPE, stderr=log, text=True)
        self.address = None
        for line in self.process.stdout:
            if line.startswith("listening on "):
                self.address = line.split()[2]
                return
        self.process.wait()

    def alive(self):
        return self.process.poll() is None

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.terminate()
        return self.process.wait(timeout=120)
