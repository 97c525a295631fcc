# SPDX-License-Identifier: Apache-2.0
"""What the server has acknowledged, and whether it still holds.

A fact enters when its answer arrives, and never leaves but by an answer to a deletion. A call without an answer leaves
its outcome open until the next start of the server settles it.
"""

import hashlib
import pathlib
import random
import sqlite3
import threading
import zlib

import grpc

ABSENT = grpc.StatusCode.NOT_FOUND
DELETED_ASKED_FOR = 10


class BrokenPromise(AssertionError):
    pass


def promise(holds, *what):
    if not holds:
        raise BrokenPromise(" ".join(str(w) for w in what))


def digest(content):
    return {f"{name}.bin": hashlib.sha256(array.tobytes()).hexdigest() for name, array in content.items()}


def records_of(event):
    """[(sequence, record as bytes)] of one message of WatchJob."""
    if event.WhichOneof("event") == "state_change":
        return [(event.sequence, event.state_change.SerializeToString())]
    if event.WhichOneof("event") == "metrics":
        first = event.metrics.first_sequence
        return [(first + i, epoch.SerializeToString()) for i, epoch in enumerate(event.metrics.epochs)]
    return []


class JobFacts:
    """Of one job."""

    def __init__(self, kind, request_id):
        self.kind, self.request_id = kind, request_id
        self.records = {}  # by sequence, as bytes
        self.last_sequence = 0
        self.attempt = 1
        self.end = None  # the job in its final state, as bytes
        self.deleting = False

    def looked(self, job):
        """An answer to one of several clients: later ones may have been noted already."""
        self.attempt, self.last_sequence = max(self.attempt, job.attempt), max(self.last_sequence, job.last_sequence)

    def saw_job(self, api, job):
        """After a start, when nobody else asks."""
        promise(job.display_name == self.request_id, job.name, "has another title")
        promise(job.attempt >= self.attempt, job.name, "went back to attempt", job.attempt, "from", self.attempt)
        promise(job.last_sequence >= self.last_sequence, job.name, "lost records:", job.last_sequence, "of", self.last_sequence)
        self.attempt, self.last_sequence = job.attempt, job.last_sequence
        if job.state in (api.job.JOB_STATE_SUCCEEDED, api.job.JOB_STATE_FAILED, api.job.JOB_STATE_CANCELLED):
            body = job.SerializeToString(deterministic=True)
            promise(self.end in (None, body), job.name, "changed after its end")
            self.end = body
        else:
            promise(self.end is None, job.name, "had ended, and has not any more")

    def saw_event(self, name, event):
        for sequence, record in records_of(event):
            promise(self.records.setdefault(sequence, record) == record, name, "changed record", sequence)


class Ledger:
    """Thread-safe where clients note facts; check() runs alone."""

    def __init__(self, data_dir, models):
        self.data_dir = pathlib.Path(data_dir)
        self.models = models  # CRC-32 of weights by (kind, trial or β), the same on every run
        self.lock = threading.Lock()
        self.datasets = {}  # name: digest
        self.open_datasets = {}  # asked for, or asked to delete, without an answer
        self.deleted = set()  # names of data sets and jobs; no name is used twice
        self.jobs = {}  # name: JobFacts
        self.open_requests = {}  # request id: kind
        self.checked = {"facts": 0, "records": 0, "models": 0}

    # What every start of the server must give back.

    def check(self, api):
        self.settle(api)
        self.check_datasets(api)
        self.check_jobs(api)
        self.check_leftovers()

    def exists(self, call, request):
        try:
            call(request)
            return True
        except grpc.RpcError as error:
            if error.code() != ABSENT:
                raise
            return False

    def settle(self, api):
        """Finds out what became of calls without an answer."""
        for name, content in list(self.open_datasets.items()):
            if self.exists(api.datasets.GetDataset, api.datasets_pb.GetDatasetRequest(name=f"datasets/{name}")):
                self.datasets[name] = content
            else:
                self.deleted.add(f"datasets/{name}")
            del self.open_datasets[name]
        for request_id, kind in list(self.open_requests.items()):
            job = create_job(api, request_id, kind)
            self.jobs[job.name] = JobFacts(kind, request_id)
            del self.open_requests[request_id]
        for name, facts in list(self.jobs.items()):
            if facts.deleting and not self.exists(api.jobs.GetJob, api.jobs_pb.GetJobRequest(name=name)):
                del self.jobs[name]
                self.deleted.add(name)
            facts.deleting = False

    def check_datasets(self, api):
        stored = {p.name: p for p in (self.data_dir / "datasets").iterdir()}
        with self.database() as database:
            folders = dict(database.execute("SELECT name, directory FROM datasets").fetchall())
        listed = {d.name for d in api.datasets.ListDatasets(api.datasets_pb.ListDatasetsRequest(page_size=1000)).datasets}
        promise(listed == {f"datasets/{name}" for name in self.datasets}, "data sets are", listed, "not", set(self.datasets))
        promise(set(stored) == set(folders.values()), "folders of data sets are", set(stored), "not", folders)
        for name, content in self.datasets.items():
            folder = stored[folders[f"datasets/{name}"]]
            for file, expected in content.items():
                promise(hashlib.sha256((folder / file).read_bytes()).hexdigest() == expected, name, file, "has other bytes")
            self.checked["facts"] += 1
        # That none of the others is back, the lists say.
        for name in random.sample(sorted(self.deleted), min(DELETED_ASKED_FOR, len(self.deleted))):
            call, request = ((api.datasets.GetDataset, api.datasets_pb.GetDatasetRequest)
                             if name.startswith("datasets/") else (api.jobs.GetJob, api.jobs_pb.GetJobRequest))
            promise(not self.exists(call, request(name=name)), name, "was deleted, and is back")
            self.checked["facts"] += 1

    def check_jobs(self, api):
        listed = api.jobs.ListJobs(api.jobs_pb.ListJobsRequest(page_size=1000)).jobs
        promise(sorted(j.name for j in listed) == sorted(self.jobs), "jobs are", [j.name for j in listed], "not", list(self.jobs))
        titles = [j.display_name for j in listed]
        promise(len(set(titles)) == len(titles), "a request made two jobs:", titles)
        for name, facts in self.jobs.items():
            promise(create_job(api, facts.request_id, facts.kind).name == name, facts.request_id, "made another job than", name)
            job = api.jobs.GetJob(api.jobs_pb.GetJobRequest(name=name))
            facts.saw_job(api, job)
            self.check_log(api, name, facts, job.last_sequence)
            self.checked["facts"] += 2
            if job.state == api.job.JOB_STATE_PAUSED:
                api.jobs.ResumeJob(api.jobs_pb.ResumeJobRequest(name=name))
            if job.state == api.job.JOB_STATE_SUCCEEDED:
                self.check_models(api, facts, job)

    def check_log(self, api, name, facts, last_sequence):
        seen, epochs = 0, {}
        stream = api.jobs.WatchJob(api.jobs_pb.WatchJobRequest(name=name))
        for event in stream:
            facts.saw_event(name, event)
            for sequence, _ in records_of(event):
                promise(sequence == seen + 1, name, "record", sequence, "follows", seen)
                seen = sequence
            for epoch in event.metrics.epochs if event.WhichOneof("event") == "metrics" else ():
                key = (epoch.trial, epoch.beta if facts.kind == "path" else 0)
                promise(epoch.epoch == epochs.get(key, epoch.epoch - 1) + 1, name, key, "epoch", epoch.epoch, "follows", epochs.get(key))
                epochs[key] = epoch.epoch
            if seen >= last_sequence:
                break
        stream.cancel()
        promise(seen >= max(facts.records, default=0), name, "lost records after", seen)
        self.checked["records"] += seen

    def check_models(self, api, facts, job):
        for i, trained in enumerate(job.result.models):
            weights = b"".join(m.chunk.data for m in api.models.DownloadModel(api.models_pb.DownloadModelRequest(
                name=trained.model, format=api.models_pb.MODEL_FORMAT_SAFETENSORS)))
            found = zlib.crc32(weights)
            expected = self.models.setdefault((facts.kind, i), found)
            promise(found == expected, job.name, facts.kind, "model", i, "has other weights than an undisturbed run")
            self.checked["models"] += 1

    def check_leftovers(self):
        """Just after a start: nothing of interrupted writers lies about."""
        with self.database() as database:
            known = {row[0] for row in database.execute("SELECT DISTINCT file FROM models")}
            names = {row[0].removeprefix("jobs/") for row in database.execute("SELECT name FROM jobs")}
        for path in (self.data_dir / "models").iterdir():
            # A job that runs by now may be writing its first models.
            promise(path.name in known or path.name.endswith(".writing") or self.running(), path, "belongs to no model")
        for path in (self.data_dir / "checkpoints").iterdir():
            promise(path.name.split(".")[0] in names, path, "belongs to no job")

    def running(self):
        return any(facts.end is None for facts in self.jobs.values())

    def database(self):
        return sqlite3.connect(f"file:{self.data_dir / 'cvxnn.sqlite3'}?mode=ro", uri=True, timeout=30)


def create_job(api, request_id, kind):
    from workload import job_spec
    return api.jobs.CreateJob(api.jobs_pb.CreateJobRequest(
        request_id=request_id, job=api.job.Job(display_name=request_id, spec=job_spec(api, kind))))
