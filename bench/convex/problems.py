# SPDX-License-Identifier: Apache-2.0
"""The convex programs that are timed: data, gates and regularisation, made once and handed to cvxnn and its peers as a file.

Every program is ½‖Σ_p D_p X (v_p − w_p) − y‖² + β Σ_p (‖v_p‖ + ‖w_p‖) with the cone constraints of ReLU networks, or
½‖Σ_p D_p X v_p − y‖² + β Σ_p ‖v_p‖ for gated ones. Patterns are those of given gates, distinct and active on some row.
"""

import dataclasses
import lzma
import pathlib

import numpy

ROOT = pathlib.Path(__file__).resolve().parents[2]
CIFAR = ROOT.parent / "shared" / "data" / "cifar-10-binary" / "airplane-automobile" / "train.bin.xz"
RECORD_BYTES = 3073  # CIFAR-10 binary: a label and 3·32·32 pixels


@dataclasses.dataclass(frozen=True)
class Problem:
    """One program. `gates` is P×d, one a row. `beta` is absolute, or a share of β_max where `fraction` is set."""

    title: str
    activation: str  # "relu" or "gated"
    features: numpy.ndarray  # n×d
    targets: numpy.ndarray  # n×1
    gates: numpy.ndarray
    beta: float = 0.0
    fraction: float = 0.0
    precision: str = ""  # of cvxnn; "" is its own choice

    def save(self, path, beta):
        """What a peer reads, with β as cvxnn resolved it."""
        numpy.savez(path, features=self.features, targets=self.targets, gates=self.gates, beta=beta,
                    relu=self.activation == "relu")


def distinct(features, gates):
    """The gates (P×d) whose patterns are new and active on some row."""
    mask = features @ gates.T >= 0
    _, first = numpy.unique(numpy.packbits(mask, axis=0), axis=1, return_index=True)
    return gates[[p for p in sorted(first) if mask[:, p].any()]]


def gaussian_gates(random, features, count):
    gates = random.standard_normal((count, features.shape[1]))
    return distinct(features, gates)


def all_gates_of_the_plane(features):
    """One gate inside each cell of the arrangement of n lines through the origin: 2n cells where no two rows are parallel."""
    normals = numpy.arctan2(features[:, 1], features[:, 0])
    edges = numpy.sort(numpy.concatenate([normals + numpy.pi / 2, normals - numpy.pi / 2]) % (2 * numpy.pi))
    middles = (edges + numpy.diff(numpy.append(edges, edges[0] + 2 * numpy.pi)) / 2)
    return distinct(features, numpy.stack([numpy.cos(middles), numpy.sin(middles)], axis=1))


def plane(rows):
    """n points of the plane, labels ±1 of a planted rule with noise, and every activation pattern of them."""
    random = numpy.random.default_rng(7)
    features = random.standard_normal((rows, 2))
    scores = numpy.maximum(features @ random.standard_normal((2, 3)), 0) @ random.standard_normal((3, 1))
    scores += 0.3 * random.standard_normal(scores.shape)
    targets = numpy.where(scores > numpy.median(scores), 1.0, -1.0)
    gates = all_gates_of_the_plane(features)
    return Problem(f"n = {rows}, d = 2, all {len(gates):,} patterns, β = 1e-4", "relu", features, targets, gates, beta=1e-4)


def cifar_pair(rows):
    """Airplane and automobile, as many of each; centred, rows of unit mean norm. Noise of the same shape without the files."""
    if CIFAR.exists():
        with lzma.open(CIFAR) as file:
            records = numpy.frombuffer(file.read(), dtype=numpy.uint8).reshape(-1, RECORD_BYTES)
        chosen = numpy.sort(numpy.concatenate([numpy.flatnonzero(records[:, 0] == label)[: rows // 2] for label in (0, 1)]))
        features = records[chosen, 1:].astype(numpy.float32)
        targets = numpy.where(records[chosen, :1] == 0, -1.0, 1.0)
        origin = "CIFAR-10 pair"
    else:
        random = numpy.random.default_rng(2)
        features = random.standard_normal((rows, RECORD_BYTES - 1), dtype=numpy.float32)
        targets = numpy.sign(random.standard_normal((rows, 1)))
        origin = "noise in place of the CIFAR-10 pair"
    features -= features.mean()
    features /= numpy.linalg.norm(features, axis=1).mean()
    return origin, features, targets


def shrunk_cifar():
    """Question 9 as it had to be shrunk: a bias column, 10 patterns."""
    origin, features, targets = cifar_pair(200)
    features = numpy.hstack([features.astype(float), numpy.ones((len(features), 1))])
    gates = gaussian_gates(numpy.random.default_rng(9), features, 10)
    return Problem(f"{origin}, n = 200, d = 3,073, P = {len(gates)}, β = 1e-2 β_max", "relu", features, targets, gates,
                   fraction=1e-2)


def whole_cifar(activation):
    """Question 9 as it was asked."""
    origin, features, targets = cifar_pair(10000)
    gates = gaussian_gates(numpy.random.default_rng(10), features, 100).astype(numpy.float32)
    return Problem(f"{origin}, n = 10,000, d = 3,072, P = {len(gates)}, {activation}, β = 1e-2 β_max", activation, features,
                   targets, gates, fraction=1e-2)


def planted(activation, rows, inputs, patterns, fraction):
    """Gaussian rows and a noisy network of 20 neurons."""
    random = numpy.random.default_rng(rows + inputs)
    features = random.standard_normal((rows, inputs)) / inputs**0.5
    targets = numpy.maximum(features @ random.standard_normal((inputs, 20)), 0) @ random.standard_normal((20, 1))
    targets += 0.1 * targets.std() * random.standard_normal(targets.shape)
    gates = gaussian_gates(random, features, patterns)
    return Problem(f"{activation}, n = {rows:,}, d = {inputs}, P = {len(gates)}, β = {fraction:g} β_max", activation,
                   features, targets, gates, fraction=fraction)
