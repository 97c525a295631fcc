# SPDX-License-Identifier: Apache-2.0
"""What is measured: data, network and optimiser of each work, said once for cvxnn and for its peers."""

import dataclasses
import lzma
import pathlib

import numpy

ROOT = pathlib.Path(__file__).resolve().parents[2]
RECORD_BYTES = 3073  # CIFAR-10 binary: a label and 3·32·32 pixels


@dataclasses.dataclass(frozen=True)
class Work:
    """One training to be timed. The loss is ‖F − Y‖²/n for scale "mean" and ½‖F − Y‖² for "half-sum"; the penalty is
    β/2 (‖U‖² + ‖α‖²). `epochs` passes over the data; batch 0 is the full batch."""

    name: str
    title: str
    goal: str
    neurons: int
    optimizer: str
    learning_rate: float
    beta: float
    scale: str
    epochs: int
    trials: int = 1
    batch: int = 0
    peer_trials: int = 1  # trials that a peer which trains one by one is measured on; its time is scaled to `trials`
    precision: str = "float32"


WORKS = [
    Work("notebook", "n = 10, d = 2, m = 500, 20,000 full-batch SGD steps", "≥ 15× torch, ≥ 1.5× JAX", neurons=500,
         optimizer="sgd", learning_rate=0.01, beta=1e-4, scale="mean", epochs=20000),
    Work("trials", "100 trials, n = 20, d = 1, m = 50, Adam, 1,000 epochs", "≥ 50× torch one by one", neurons=50,
         optimizer="adam", learning_rate=0.01, beta=1e-3, scale="half-sum", epochs=1000, trials=100, peer_trials=4),
    Work("cifar", "CIFAR-10 pair, 10,000×3,072, m = 100, Adam, mini-batch 100, an epoch", "≥ 1.2× torch", neurons=100,
         optimizer="adam", learning_rate=5e-4, beta=10.0, scale="half-sum", epochs=4, batch=100),
]


def by_name(name):
    return next(work for work in WORKS if work.name == name)


def _notebook():
    """The notebook's sine: n points on [−1, 1], frequency 10, with a bias column."""
    x = numpy.linspace(-1, 1, 10)
    return numpy.stack([x, numpy.ones_like(x)], axis=1), numpy.sin(10 * x)[:, None]


def _line():
    random = numpy.random.default_rng(1)
    x = random.standard_normal((20, 1))
    return x, numpy.sign(x + 0.5 * random.standard_normal((20, 1)))


def _cifar():
    """Airplane and automobile where the files are at hand, else noise of the same shape."""
    packed = ROOT.parent / "shared" / "data" / "cifar-10-binary" / "airplane-automobile" / "train.bin.xz"
    if not packed.exists():
        random = numpy.random.default_rng(2)
        return random.standard_normal((10000, 3072)), numpy.sign(random.standard_normal((10000, 1)))
    with lzma.open(packed) as file:
        records = numpy.frombuffer(file.read(), dtype=numpy.uint8).reshape(-1, RECORD_BYTES)
    pixels = records[:, 1:].astype(numpy.float32) / 255
    return (pixels - pixels.mean()) / pixels.std(), numpy.where(records[:, :1] == records[0, 0], -1, 1)


_DATA = {"notebook": _notebook, "trials": _line, "cifar": _cifar}


def data_of(work):
    """Features n×d and targets n×1, float32, contiguous."""
    features, targets = _DATA[work.name]()
    return numpy.ascontiguousarray(features, numpy.float32), numpy.ascontiguousarray(targets, numpy.float32)
