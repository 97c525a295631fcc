# SPDX-License-Identifier: Apache-2.0
"""A server that is killed in the midst of a job goes on from the job's checkpoint, as if nothing had been."""

import time

import grpc
import pytest

from conftest import Server
from test_training import descent_spec, download, make_api, records, upload_messages, watch

EPOCHS = 6000


@pytest.fixture(scope="module")
def restarted(stubs, arrays, tmp_path_factory):
    """Servers on one data directory, each killed before the next is started; the last is stopped."""
    data_dir = tmp_path_factory.mktemp("restarted")
    running = []

    def start():
        if running:
            running.pop().kill()
        running.append(Server(data_dir, "--checkpoint-seconds", "0.05"))
        channel = grpc.insecure_channel(running[0].address)
        return make_api(channel)

    yield data_dir, start
    assert running.pop().stop() == 0


def spec_of(api, dataset):
    spec = descent_spec(api, dataset)
    spec.stopping.max_epochs = EPOCHS
    spec.descent.snapshots.every_epochs = 1000
    return spec


def submit(api, spec):
    return api.jobs.CreateJob(api.jobs_pb.CreateJobRequest(job=api.job.Job(spec=spec))).name


def weights(api, job):
    return {m.trial: download(api, m.model, api.models_pb.MODEL_FORMAT_SAFETENSORS) for m in job.result.models}


def snapshots(api, job):
    models = api.models.ListModels(api.models_pb.ListModelsRequest(job=job.name, include_snapshots=True, page_size=1000))
    return sorted((m.trial, m.metrics.epoch) for m in models.models if m.snapshot)


def test_a_job_survives_kill_9_bit_for_bit(restarted, stubs, arrays):
    data_dir, start = restarted
    api = start()
    dataset = api.datasets.CreateDataset(upload_messages(api, api.data.TASK_BINARY, arrays, dataset_id="table"))
    undisturbed = watch(api, submit(api, spec_of(api, dataset)))
    expected = weights(api, undisturbed[-1].end.job)

    name = submit(api, spec_of(api, dataset))
    checkpoint = data_dir / "checkpoints" / (name.removeprefix("jobs/") + ".checkpoint")
    for kill in (1, 2):
        deadline = time.monotonic() + 60
        begun = api.jobs.GetJob(api.jobs_pb.GetJobRequest(name=name)).latest.epoch
        while not (checkpoint.exists() and
                   api.jobs.GetJob(api.jobs_pb.GetJobRequest(name=name)).latest.epoch > begun + EPOCHS // 8):
            assert time.monotonic() < deadline, "no checkpoint, or no progress"
            time.sleep(0.005)
        assert api.jobs.GetJob(api.jobs_pb.GetJobRequest(name=name)).state == api.job.JOB_STATE_RUNNING
        api = start()
    events = watch(api, name)
    job = events[-1].end.job
    assert job.state == api.job.JOB_STATE_SUCCEEDED, job.error
    assert (job.attempt, job.lost_attempts) == (3, 2)
    assert weights(api, job) == expected, "the weights are those of a run without interruption, byte for byte"
    told = [(trial, epoch) for _, trial, epoch in records(events) if trial != "state"]
    assert sorted(told) == [(trial, epoch) for trial in range(2) for epoch in range(EPOCHS + 1)], "a hole, or a repeat"
    assert told == [(trial, epoch) for _, trial, epoch in records(undisturbed) if trial != "state"]
    reasons = [e.state_change.reason for e in events if e.WhichOneof("event") == "state_change"]
    assert sum(reason.startswith("goes on from the checkpoint after") for reason in reasons) == 2, reasons
    assert snapshots(api, job) == [(trial, epoch) for trial in range(2) for epoch in range(0, EPOCHS + 1, 1000)]
    assert not checkpoint.exists(), "a job that has ended needs no checkpoint"


def test_a_paused_job_goes_on_after_a_restart(restarted):
    data_dir, start = restarted
    api = start()
    dataset = api.datasets.GetDataset(api.datasets_pb.GetDatasetRequest(name="datasets/table"))
    name = submit(api, spec_of(api, dataset))
    get = api.jobs_pb.GetJobRequest(name=name)
    while api.jobs.GetJob(get).latest.epoch < 200:
        time.sleep(0.005)
    api.jobs.PauseJob(api.jobs_pb.PauseJobRequest(name=name))
    while api.jobs.GetJob(get).state != api.job.JOB_STATE_PAUSED:
        time.sleep(0.005)
    stopped_at = api.jobs.GetJob(get).latest.epoch
    assert stopped_at < EPOCHS
    api = start()
    assert api.jobs.GetJob(get).state == api.job.JOB_STATE_PAUSED
    api.jobs.ResumeJob(api.jobs_pb.ResumeJobRequest(name=name))
    events = watch(api, name)
    assert events[-1].end.job.state == api.job.JOB_STATE_SUCCEEDED
    told = [(trial, epoch) for _, trial, epoch in records(events) if trial != "state"]
    assert sorted(told) == [(trial, epoch) for trial in range(2) for epoch in range(EPOCHS + 1)]
    with pytest.raises(grpc.RpcError) as refused:
        api.jobs.PauseJob(api.jobs_pb.PauseJobRequest(name=name))
    assert refused.value.code() == grpc.StatusCode.FAILED_PRECONDITION
