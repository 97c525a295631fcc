# SPDX-License-Identifier: Apache-2.0
"""A Python user's whole way: upload, train, watch across a cut stream, download, predict."""

import io
import json
import zlib

import grpc
import numpy as np
import pytest
import safetensors
import safetensors.numpy
import torch

CHUNK_BYTES = 64 * 1024


def make_api(channel):
    """The generated modules and one stub per service."""
    from cvxnn.v1 import (dataset_pb2, dataset_service_pb2, dataset_service_pb2_grpc, job_pb2, job_service_pb2,
                          job_service_pb2_grpc, model_service_pb2, model_service_pb2_grpc, server_service_pb2,
                          server_service_pb2_grpc, tensor_pb2)

    class Api:
        pass

    api = Api()
    api.data, api.datasets_pb, api.job, api.jobs_pb = dataset_pb2, dataset_service_pb2, job_pb2, job_service_pb2
    api.models_pb, api.tensor, api.server_pb = model_service_pb2, tensor_pb2, server_service_pb2
    api.datasets = dataset_service_pb2_grpc.DatasetServiceStub(channel)
    api.jobs = job_service_pb2_grpc.JobServiceStub(channel)
    api.models = model_service_pb2_grpc.ModelServiceStub(channel)
    api.server = server_service_pb2_grpc.ServerServiceStub(channel)
    return api


@pytest.fixture(scope="session")
def api(stubs, channel):
    return make_api(channel)


def matrix_shape(api, array):
    types = {np.dtype("<f4"): api.tensor.DATA_TYPE_FLOAT32, np.dtype("<f8"): api.tensor.DATA_TYPE_FLOAT64}
    return api.tensor.MatrixShape(rows=array.shape[0], cols=array.shape[1], data_type=types[array.dtype])


def upload_messages(api, task, arrays, **header):
    """Header and chunks for {"features": X, "targets": Y, …}."""
    shapes = {name: matrix_shape(api, array) for name, array in arrays.items()}
    yield api.datasets_pb.CreateDatasetRequest(
        header=api.datasets_pb.CreateDatasetHeader(task=task, **shapes, **header))
    for name, array in arrays.items():
        data = np.ascontiguousarray(array).tobytes()
        number = api.datasets_pb.DatasetArray.Value(f"DATASET_ARRAY_{name.upper()}")
        for offset in range(0, len(data), CHUNK_BYTES):
            piece = data[offset:offset + CHUNK_BYTES]
            yield api.datasets_pb.CreateDatasetRequest(
                chunk=api.datasets_pb.DatasetChunk(array=number, offset=offset, data=piece, crc32=zlib.crc32(piece)))


@pytest.fixture(scope="session")
def dataset(api, arrays):
    return api.datasets.CreateDataset(upload_messages(api, api.data.TASK_BINARY, arrays, dataset_id="from-numpy"))


def convex_spec(api, dataset, **convex):
    patterns = api.job.Patterns(sampled=api.job.SampledPatterns(count=40))
    return api.job.JobSpec(
        dataset=dataset.name, beta_max_fraction=0.02, seed=3,
        stopping=api.job.StoppingRule(max_epochs=3000, tolerance=1e-4),
        convex=api.job.ConvexTraining(patterns=patterns, **convex))


def descent_spec(api, dataset):
    return api.job.JobSpec(
        dataset=dataset.name, beta=0.05, seed=3, loss_scale=api.job.LOSS_SCALE_MEAN,
        stopping=api.job.StoppingRule(max_epochs=300),
        descent=api.job.GradientDescent(neurons=30, optimizer=api.job.Optimizer(adam=api.job.Adam()), learning_rate=0.01, trials=2))


def specs(api, dataset):
    return {
        "gated": convex_spec(api, dataset, activation=api.job.ACTIVATION_GATED),
        "relu": convex_spec(api, dataset, activation=api.job.ACTIVATION_RELU),
        "descent": descent_spec(api, dataset),
    }


def watch(api, name, cut_after=None):
    """Every event of a job's log; with cut_after, the stream is dropped and resumed after each so many messages."""
    events, after = [], 0
    while True:
        call = api.jobs.WatchJob(api.jobs_pb.WatchJobRequest(name=name, after_sequence=after))
        received = 0
        for event in call:
            kind = event.WhichOneof("event")
            if kind != "heartbeat":
                events.append(event)
                after = event.sequence
                received += 1
            if kind == "end":
                return events
            if cut_after and received == cut_after:
                call.cancel()
                break
        else:
            pytest.fail("the stream ended without its last record")


def records(events):
    """(sequence, trial, epoch or state) of every record, in order."""
    out = []
    for event in events:
        if event.WhichOneof("event") == "state_change":
            out.append((event.sequence, "state", event.state_change.state))
        elif event.WhichOneof("event") == "metrics":
            first = event.metrics.first_sequence
            out.extend((first + i, epoch.trial, epoch.epoch) for i, epoch in enumerate(event.metrics.epochs))
    return out


@pytest.fixture(scope="session", params=["gated", "relu", "descent"])
def finished(request, api, dataset):
    """(kind, job, events seen across cut streams) of a job watched while it ran."""
    job = api.jobs.CreateJob(api.jobs_pb.CreateJobRequest(
        job=api.job.Job(spec=specs(api, dataset)[request.param], display_name=request.param)))
    events = watch(api, job.name, cut_after=2)
    return request.param, events[-1].end.job, events


def test_the_server_describes_the_uploaded_array(api, dataset, arrays):
    assert dataset.name == "datasets/from-numpy"
    assert (dataset.features.rows, dataset.features.cols, dataset.test_rows) == (400, 5, 200)
    negative = int((arrays["targets"] < 0).sum())
    assert list(dataset.class_rows) == [negative, 400 - negative]


def test_a_job_ends_well(finished, api):
    kind, job, events = finished
    assert job.state == api.job.JOB_STATE_SUCCEEDED, job.error
    assert job.result.best_model
    last = [m for e in events if e.WhichOneof("event") == "metrics" for m in e.metrics.epochs][-1]
    assert last.HasField("objective")
    if kind != "descent":
        # An iterate that violates constraints may lie below the bound by about as much.
        assert last.lower_bound <= last.objective * (1 + max(1e-6, last.constraint_violation))
        assert job.result.certificate.restricted
    if kind == "gated":
        assert job.result.certificate.verified
    best = next(m for m in job.result.models if m.model == job.result.best_model)
    assert best.metrics.test_accuracy > 0.8


def test_no_epoch_is_lost_or_doubled_across_reconnects(finished, api):
    _, job, events = finished
    across_cuts = records(events)
    assert [sequence for sequence, _, _ in across_cuts] == list(range(1, job.last_sequence + 1))
    assert across_cuts == records(watch(api, job.name)), "a later uncut watch must tell the same"
    epochs = {}
    for _, trial, epoch in across_cuts:
        if trial != "state":
            epochs.setdefault(trial, []).append(epoch)
    for trial, seen in epochs.items():
        assert seen == list(range(seen[0], seen[0] + len(seen))), f"trial {trial} has a hole"


def download(api, name, model_format, piece_of=None):
    """The file, its header checked; with piece_of, fetched in two calls that meet at that offset."""
    def fetch(offset):
        data, header = b"", None
        for message in api.models.DownloadModel(
                api.models_pb.DownloadModelRequest(name=name, format=model_format, offset=offset)):
            if message.WhichOneof("message") == "header":
                header = message.header
            else:
                assert message.chunk.offset == offset + len(data)
                assert message.chunk.crc32 == zlib.crc32(message.chunk.data)
                data += message.chunk.data
        return header, data

    header, data = fetch(0)
    if piece_of:
        data = data[:piece_of] + fetch(piece_of)[1]
    assert len(data) == header.total_bytes
    assert zlib.crc32(data) == header.crc32
    return data


def server_outputs(api, model, rows):
    answer = api.models.Predict(api.models_pb.PredictRequest(
        model=model, rows=api.tensor.Tensor(shape=matrix_shape(api, rows), data=rows.tobytes())))
    dtype = "<f4" if answer.outputs.shape.data_type == api.tensor.DATA_TYPE_FLOAT32 else "<f8"
    outputs = np.frombuffer(answer.outputs.data, dtype).reshape(answer.outputs.shape.rows, answer.outputs.shape.cols)
    return outputs, np.array(answer.predicted_classes)


def test_safetensors_weights_give_the_servers_predictions(finished, api, arrays):
    _, job, _ = finished
    data = download(api, job.result.best_model, api.models_pb.MODEL_FORMAT_SAFETENSORS, piece_of=100)
    weights = safetensors.numpy.load(data)
    rows = arrays["test_features"]
    # The network written out in NumPy, from the definition in the contract.
    pre_activation = rows.astype("f8") @ weights["first_layer.weight"].T.astype("f8")
    gate = rows.astype("f8") @ weights["gates"].T.astype("f8") if "gates" in weights else pre_activation
    expected = (pre_activation * (gate >= 0)) @ weights["second_layer.weight"].T.astype("f8")
    outputs, classes = server_outputs(api, job.result.best_model, rows)
    np.testing.assert_allclose(outputs, expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(classes, (outputs[:, 0] >= 0).astype(int))


def test_torchscript_module_gives_the_servers_predictions(finished, api, arrays):
    _, job, _ = finished
    data = download(api, job.result.best_model, api.models_pb.MODEL_FORMAT_TORCHSCRIPT)
    module = torch.jit.load(io.BytesIO(data))
    dtype = next(module.parameters()).dtype
    with torch.no_grad():
        expected = module(torch.from_numpy(arrays["test_features"].copy()).to(dtype)).numpy()
    outputs, _ = server_outputs(api, job.result.best_model, arrays["test_features"])
    np.testing.assert_allclose(outputs, expected, rtol=1e-5, atol=1e-5)


def test_a_safetensors_file_says_what_it_is(finished, api, tmp_path):
    kind, job, _ = finished
    path = tmp_path / "model.safetensors"
    path.write_bytes(download(api, job.result.best_model, api.models_pb.MODEL_FORMAT_SAFETENSORS))
    with safetensors.safe_open(str(path), framework="numpy") as opened:
        assert opened.metadata()["activation"] == ("gated" if kind == "gated" else "relu"), json.dumps(opened.metadata())


def test_evaluate_agrees_with_the_last_metrics(finished, api):
    _, job, _ = finished
    best = next(m for m in job.result.models if m.model == job.result.best_model)
    answer = api.models.Evaluate(api.models_pb.EvaluateRequest(
        model=best.model, dataset_rows=api.models_pb.DatasetRows(part=api.models_pb.PART_TEST),
        loss_scale=job.spec.loss_scale))
    assert answer.rows == 200
    assert answer.accuracy == pytest.approx(best.metrics.test_accuracy, abs=1e-9)
    assert answer.loss == pytest.approx(best.metrics.test_loss, rel=1e-4)


def test_a_wrong_checksum_is_data_loss_and_leaves_nothing(api, arrays):
    messages = list(upload_messages(api, api.data.TASK_BINARY, arrays, dataset_id="damaged"))
    messages[2].chunk.crc32 ^= 1
    with pytest.raises(grpc.RpcError) as caught:
        api.datasets.CreateDataset(iter(messages))
    assert caught.value.code() == grpc.StatusCode.DATA_LOSS
    with pytest.raises(grpc.RpcError) as caught:
        api.datasets.GetDataset(api.datasets_pb.GetDatasetRequest(name="datasets/damaged"))
    assert caught.value.code() == grpc.StatusCode.NOT_FOUND


def test_a_bad_value_names_row_and_column(api, arrays):
    broken = {name: array.copy() for name, array in arrays.items()}
    broken["features"][17, 4] = np.nan
    with pytest.raises(grpc.RpcError) as caught:
        api.datasets.CreateDataset(upload_messages(api, api.data.TASK_BINARY, broken))
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "17" in caught.value.details() and "4" in caught.value.details()


@pytest.fixture(scope="session")
def grid_job(api, dataset):
    """Two sizes, three widths and two trials, with weights kept on the way."""
    pb = api.job
    spec = pb.JobSpec(
        dataset=dataset.name, beta=0.05, seed=3, loss_scale=pb.LOSS_SCALE_MEAN, stopping=pb.StoppingRule(max_epochs=100),
        descent=pb.GradientDescent(
            optimizer=pb.Optimizer(adam=pb.Adam()), learning_rate=0.01, trials=2, keep_best=3,
            grid=pb.Grid(training_rows=[50, 400], neurons=[2, 8, 30]), reports=pb.DescentReports(every_epochs=50),
            snapshots=pb.Snapshots(every_epochs=50)))
    job = api.jobs.CreateJob(api.jobs_pb.CreateJobRequest(job=pb.Job(spec=spec)))
    return watch(api, job.name)[-1].end.job


def test_a_grid_trains_every_combination(grid_job, api):
    assert grid_job.state == api.job.JOB_STATE_SUCCEEDED, grid_job.error
    settings = [(m.trial, m.setting.training_rows, m.setting.neurons) for m in grid_job.result.models]
    expected = [(rows, neurons) for rows in (50, 400) for neurons in (2, 8, 30) for _ in range(2)]
    assert settings == [(trial, *setting) for trial, setting in enumerate(expected)]
    kept = [m for m in grid_job.result.models if m.model]
    assert len(kept) == 3
    assert max(m.metrics.objective for m in kept) <= min(
        m.metrics.objective for m in grid_job.result.models if not m.model)


def test_snapshots_lead_to_the_final_weights(grid_job, api):
    def models(snapshots):
        return api.models.ListModels(api.models_pb.ListModelsRequest(
            job=grid_job.name, include_snapshots=snapshots, page_size=1000)).models

    assert {m.name for m in models(False)} == {m.model for m in grid_job.result.models if m.model}
    snapshots = [m for m in models(True) if m.snapshot]
    assert sorted((m.trial, m.metrics.epoch) for m in snapshots) == [(t, e) for t in range(12) for e in (0, 50, 100)]
    best = next(m for m in grid_job.result.models if m.model == grid_job.result.best_model)
    weights = {m.metrics.epoch: safetensors.numpy.load(download(api, m.name, api.models_pb.MODEL_FORMAT_SAFETENSORS))
               for m in snapshots if m.trial == best.trial}
    final = safetensors.numpy.load(download(api, best.model, api.models_pb.MODEL_FORMAT_SAFETENSORS))
    np.testing.assert_array_equal(weights[100]["first_layer.weight"], final["first_layer.weight"])
    moved = [np.linalg.norm(weights[e]["first_layer.weight"] - weights[0]["first_layer.weight"]) for e in (50, 100)]
    assert 0 < moved[0] < moved[1], "a neuron's path leads away from its start"
