# SPDX-License-Identifier: Apache-2.0
"""What the clients of the crash tests ask for: small data sets, and jobs of every kind that leaves traces on disk."""

import zlib

import numpy as np

CHUNK_BYTES = 16 * 1024
BASE = "base"  # the data set of all jobs; never deleted
KINDS = ("descent", "checkpointed", "convex", "path")


def arrays(seed, rows=200, columns=5):
    """{"features": …, "targets": …}: the same for a seed on every run."""
    random = np.random.default_rng(seed)
    features = random.standard_normal((rows, columns)).astype("<f4")
    targets = np.where(features[:, :1] * features[:, 1:2] > 0, 1, -1).astype("<f4")
    return {"features": features, "targets": targets}


def upload_messages(api, name, content):
    pb = api.datasets_pb
    shapes = {key: api.tensor.MatrixShape(rows=a.shape[0], cols=a.shape[1], data_type=api.tensor.DATA_TYPE_FLOAT32)
              for key, a in content.items()}
    yield pb.CreateDatasetRequest(header=pb.CreateDatasetHeader(task=api.data.TASK_BINARY, dataset_id=name, **shapes))
    for key, array in content.items():
        data = array.tobytes()
        number = pb.DatasetArray.Value(f"DATASET_ARRAY_{key.upper()}")
        for offset in range(0, len(data), CHUNK_BYTES):
            piece = data[offset:offset + CHUNK_BYTES]
            yield pb.CreateDatasetRequest(
                chunk=pb.DatasetChunk(array=number, offset=offset, data=piece, crc32=zlib.crc32(piece)))


def job_spec(api, kind):
    """The spec of a kind; the same on every call, so that every job of a kind must end with the same weights."""
    pb = api.job
    spec = pb.JobSpec(dataset=f"datasets/{BASE}", seed=3, loss_scale=pb.LOSS_SCALE_MEAN)
    patterns = pb.Patterns(sampled=pb.SampledPatterns(count=20))
    adam = pb.Optimizer(adam=pb.Adam())
    if kind == "descent":
        spec.beta, spec.stopping.max_epochs = 0.05, 60
        spec.descent.CopyFrom(pb.GradientDescent(neurons=10, optimizer=adam, learning_rate=0.01, trials=2))
    elif kind == "checkpointed":
        spec.beta, spec.stopping.max_epochs = 0.05, 2500
        spec.descent.CopyFrom(pb.GradientDescent(neurons=10, optimizer=adam, learning_rate=0.01,
                                                 snapshots=pb.Snapshots(every_epochs=500)))
    elif kind == "convex":
        spec.beta_max_fraction, spec.stopping.max_epochs = 0.02, 200
        spec.convex.CopyFrom(pb.ConvexTraining(patterns=patterns, activation=pb.ACTIVATION_GATED))
    else:
        spec.stopping.max_epochs = 100
        spec.path.convex.CopyFrom(pb.ConvexTraining(patterns=patterns, activation=pb.ACTIVATION_GATED))
        spec.path.points = 4
    return spec
