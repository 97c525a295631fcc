# SPDX-License-Identifier: Apache-2.0
"""Clients that do one thing after another until the server is gone, and note in the ledger what it acknowledged."""

import collections
import random
import threading

import grpc

from ledger import BrokenPromise, JobFacts, create_job, digest
from workload import BASE, KINDS, arrays, upload_messages

MOST_DATASETS, MOST_JOBS = 6, 8
GONE = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED, grpc.StatusCode.UNKNOWN)


class Client(threading.Thread):
    """One of several; broken is what it found wrong, to be raised by who joins it."""

    def __init__(self, api, ledger, seed, prefix):
        super().__init__()
        self.api, self.ledger, self.random, self.prefix = api, ledger, random.Random(seed), prefix
        self.counts = collections.Counter()
        self.broken = None
        self.number = 0

    def run(self):
        steps = [(self.upload, 4), (self.submit, 4), (self.watch, 4), (self.delete_job, 2), (self.delete_dataset, 2),
                 (self.cancel, 1), (self.pause, 1), (self.look, 2)]
        while True:
            step = self.random.choices([s for s, _ in steps], [share for _, share in steps])[0]
            try:
                if step():
                    self.counts[f"acknowledged: {step.__name__}"] += 1
            except grpc.RpcError as error:
                if error.code() in GONE and not self.is_there():
                    return
                self.counts[f"refused: {step.__name__}, {error.code().name}"] += 1
            except BrokenPromise as broken:
                self.broken = broken
                return
            except ValueError:  # the channel is closed
                return

    def join(self, timeout=None):
        super().join(timeout)
        if self.broken:
            raise self.broken

    def is_there(self):
        try:
            self.api.jobs.ListJobs(self.api.jobs_pb.ListJobsRequest(page_size=1), timeout=5)
            return True
        except (grpc.RpcError, ValueError):
            return False

    def next_name(self):
        self.number += 1
        return f"c{self.prefix}-{self.number}"

    def upload(self):
        name = self.next_name()
        content = arrays(self.random.getrandbits(32), rows=self.random.choice([20, 2000]))
        with self.ledger.lock:
            if len(self.ledger.datasets) + len(self.ledger.open_datasets) >= MOST_DATASETS:
                return False
            self.ledger.open_datasets[name] = digest(content)
        self.api.datasets.CreateDataset(upload_messages(self.api, name, content))
        with self.ledger.lock:
            self.ledger.datasets[name] = self.ledger.open_datasets.pop(name)
        return True

    def submit(self):
        request_id, kind = self.next_name(), self.random.choice(KINDS)
        with self.ledger.lock:
            if len(self.ledger.jobs) + len(self.ledger.open_requests) >= MOST_JOBS + len(KINDS):
                return False
            self.ledger.open_requests[request_id] = kind
        job = create_job(self.api, request_id, kind)
        with self.ledger.lock:
            self.ledger.jobs[job.name] = JobFacts(self.ledger.open_requests.pop(request_id), request_id)
        return True

    def some_job(self, ended=None):
        """(name, facts) of a job that nobody deletes, or None."""
        with self.ledger.lock:
            names = [n for n, f in self.ledger.jobs.items() if not f.deleting and ended in (None, f.end is not None)]
            if not names:
                return None
            name = self.random.choice(names)
            return name, self.ledger.jobs[name]

    def watch(self):
        chosen = self.some_job()
        if chosen is None:
            return False
        name, facts = chosen
        after = self.random.choice([0, max(facts.records, default=0)])
        most = self.random.randint(1, 30)
        stream = self.api.jobs.WatchJob(self.api.jobs_pb.WatchJobRequest(name=name, after_sequence=after))
        for received, event in enumerate(stream):
            with self.ledger.lock:
                facts.saw_event(name, event)
            if received == most:
                stream.cancel()
                break
        return True

    def look(self):
        chosen = self.some_job()
        if chosen is None:
            return False
        job = self.api.jobs.GetJob(self.api.jobs_pb.GetJobRequest(name=chosen[0]))
        with self.ledger.lock:
            chosen[1].looked(job)
        return True

    def cancel(self):
        chosen = self.some_job(ended=False)
        if chosen is None:
            return False
        job = self.api.jobs.CancelJob(self.api.jobs_pb.CancelJobRequest(name=chosen[0]))
        with self.ledger.lock:
            chosen[1].looked(job)
            if job.state == self.api.job.JOB_STATE_CANCELLED:
                chosen[1].end = job.SerializeToString(deterministic=True)
        return True

    def pause(self):
        chosen = self.some_job(ended=False)
        if chosen is None:
            return False
        self.api.jobs.PauseJob(self.api.jobs_pb.PauseJobRequest(name=chosen[0]))
        self.api.jobs.ResumeJob(self.api.jobs_pb.ResumeJobRequest(name=chosen[0]))
        return True

    def delete_job(self):
        chosen = self.some_job(ended=True)
        if chosen is None or chosen[1].request_id.startswith("undisturbed"):
            return False
        name, facts = chosen
        with self.ledger.lock:
            if facts.deleting:
                return False
            facts.deleting = True
        self.api.jobs.DeleteJob(self.api.jobs_pb.DeleteJobRequest(name=name))
        with self.ledger.lock:
            del self.ledger.jobs[name]
            self.ledger.deleted.add(name)
        return True

    def delete_dataset(self):
        with self.ledger.lock:
            names = [n for n in self.ledger.datasets if n != BASE]
            if not names:
                return False
            name = self.random.choice(names)
            self.ledger.open_datasets[name] = self.ledger.datasets.pop(name)
        self.api.datasets.DeleteDataset(self.api.datasets_pb.DeleteDatasetRequest(name=f"datasets/{name}"))
        with self.ledger.lock:
            del self.ledger.open_datasets[name]
            self.ledger.deleted.add(f"datasets/{name}")
        return True
