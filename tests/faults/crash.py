# SPDX-License-Identifier: Apache-2.0
"""Kills a server again and again, by SIGKILL at random moments and in the midst of its writes, and lets writes fail;
after each start on the same directory every acknowledged fact is checked (ledger.py).

    crash.py SERVER LIBRARY [--kills 500] [--seed 1] [--keep FOLDER]
    crash.py SERVER LIBRARY --sabotage

Prints what was done and checked; exit status 1 for a broken promise, which names it and the round to look at.
"""

import argparse
import collections
import copy
import pathlib
import random
import shutil
import sqlite3
import sys
import tempfile
import threading
import time

import grpc

from clients import Client
from ledger import BrokenPromise, JobFacts, Ledger, create_job, digest, promise
from service import Api, Plan, Server, make_stubs
from workload import BASE, KINDS, arrays, upload_messages

CLIENTS = 3
MOST_SECONDS = 0.6  # of a round; one that waits for a write to die at may take twice that
HOW = ("at a moment", "in a write", "in a write of its start", "after failing writes")
SHARES = (30, 40, 10, 20)


class Rounds:
    def __init__(self, arguments, folder):
        self.random = random.Random(arguments.seed)
        self.binary, self.library = arguments.server, arguments.library
        self.folder = folder
        self.data_dir = folder / "data"
        self.data_dir.mkdir()
        self.plan = Plan(folder / "plan")
        self.log = open(folder / "server.log", "w")
        self.ledger = Ledger(self.data_dir, {})
        self.counts = collections.Counter()

    def start(self):
        return Server(self.binary, self.library, self.data_dir, self.plan, self.log)

    def begin(self):
        """The data set of all jobs, and the weights that each kind of job ends with when nothing disturbs it."""
        self.plan.set()
        server = self.start()
        api = Api(server.address)
        content = arrays(0)
        api.datasets.CreateDataset(upload_messages(api, BASE, content))
        self.ledger.datasets[BASE] = digest(content)
        for kind in KINDS:
            job = create_job(api, f"undisturbed-{kind}", kind)
            for event in api.jobs.WatchJob(api.jobs_pb.WatchJobRequest(name=job.name)):
                ended = event.end.job if event.WhichOneof("event") == "end" else None
            promise(ended.state == api.job.JOB_STATE_SUCCEEDED, kind, ended.error)
            self.ledger.jobs[job.name] = JobFacts(kind, f"undisturbed-{kind}")
        self.ledger.check(api)
        promise(server.stop() == 0, "SIGTERM must end the server cleanly")

    def round(self, number):
        """One start, every check, clients at work, and an end that the server does not expect."""
        how = self.random.choices(HOW, SHARES)[0]
        if how == HOW[2]:
            self.plan.set(kill_at=self.random.randint(1, 40))
            self.start().kill()
            self.counts[how] += 1
        self.plan.set()
        server = self.start()
        promise(server.address, "round", number, ": the server does not start")
        api = Api(server.address)
        self.ledger.check(api)
        if how == HOW[1]:
            self.plan.set(kill_at=int(10 ** self.random.uniform(0, 2.7)))
        if how == HOW[3]:
            self.plan.set(seed=self.random.getrandbits(32), one_in=self.random.choice([3, 10, 30, 100]))
        clients = [Client(api, self.ledger, self.random.getrandbits(64), f"{number}-{i}") for i in range(CLIENTS)]
        for client in clients:
            client.start()
        seconds = MOST_SECONDS * (2 if how == HOW[1] else self.random.random())
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and server.alive():
            time.sleep(min(0.01, max(0.0, deadline - time.monotonic())))
        by_itself = not server.alive()
        if how in (HOW[0], HOW[3]):
            promise(not by_itself, "round", number, ": the server ended by itself,", server.process.returncode)
        server.kill()
        if how != HOW[2]:
            self.counts[how if by_itself or how != HOW[1] else HOW[0]] += 1
        api.channel.close()
        for client in clients:
            client.join()
            self.counts.update(client.counts)

    def end(self):
        """Undisturbed again: every job ends, and a clean stop leaves everything as it is."""
        self.plan.set()
        server = self.start()
        api = Api(server.address)
        self.ledger.check(api)
        for name in self.ledger.jobs:
            for event in api.jobs.WatchJob(api.jobs_pb.WatchJobRequest(name=name)):
                self.ledger.jobs[name].saw_event(name, event)
        self.ledger.check(api)
        promise(not self.ledger.running(), "a job has not ended")
        promise(server.stop() == 0, "SIGTERM must end the server cleanly")
        server = self.start()
        self.ledger.check(Api(server.address))
        promise(not list((self.data_dir / "checkpoints").iterdir()), "a checkpoint outlives its job")
        promise(not list((self.data_dir / "models").glob("*.writing")), "a file of weights was left half written")
        promise(server.stop() == 0, "SIGTERM must end the server cleanly")


def flip_a_byte(data_dir):
    path = next((data_dir / "datasets").glob("*/features.bin"))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def leave_a_file(data_dir):
    (data_dir / "checkpoints" / "nobody.checkpoint").write_bytes(b"")


def in_the_database(statement):
    def change(data_dir):
        with sqlite3.connect(data_dir / "cvxnn.sqlite3") as database:
            database.execute(statement)
    return change


SABOTAGES = {
    "a flipped byte": flip_a_byte,
    "a lost piece of a log": in_the_database(
        "DELETE FROM job_events WHERE id = (SELECT id FROM job_events ORDER BY job DESC, id DESC LIMIT 1 OFFSET 1)"),
    "a lost job": in_the_database("DELETE FROM jobs WHERE number = 2"),
    "a request id forgotten": in_the_database("UPDATE jobs SET request_id = NULL WHERE number = 2"),
    "a lost data set": in_the_database("DELETE FROM datasets"),
    "a file of nobody": leave_a_file,
}


def check_sabotages(arguments, folder):
    """What the ledger would not notice proves nothing: every kind of loss is done on purpose once."""
    rounds = Rounds(arguments, folder)
    rounds.begin()
    original = folder / "original"
    shutil.copytree(rounds.data_dir, original)
    for what, sabotage in SABOTAGES.items():
        shutil.rmtree(rounds.data_dir)
        shutil.copytree(original, rounds.data_dir)
        ledger = copy.copy(rounds.ledger)
        ledger.jobs = copy.deepcopy(rounds.ledger.jobs)
        server = rounds.start() if what == "a file of nobody" else None
        sabotage(rounds.data_dir)
        server = server or rounds.start()
        try:
            ledger.check(Api(server.address))
        except (BrokenPromise, grpc.RpcError) as noticed:
            print(f"{what}: noticed, {noticed}".splitlines()[0])
        else:
            sys.exit(f"{what}: not noticed")
        finally:
            server.kill()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("server")
    parser.add_argument("library")
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sabotage", action="store_true", help="check instead that losses are noticed")
    parser.add_argument("--keep", type=pathlib.Path, help="folder for the data directory and the server's log; kept")
    arguments = parser.parse_args()
    folder = arguments.keep or pathlib.Path(tempfile.mkdtemp(prefix="cvxnn-crash-"))
    folder.mkdir(parents=True, exist_ok=True)
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as stubs:
        make_stubs(stubs)
        if arguments.sabotage:
            check_sabotages(arguments, folder)
            shutil.rmtree(folder)
            return
        rounds = Rounds(arguments, folder)
        number = 0
        try:
            rounds.begin()
            for number in range(1, arguments.kills + 1):
                rounds.round(number)
            rounds.end()
        except (BrokenPromise, grpc.RpcError) as broken:
            print(f"round {number} of seed {arguments.seed}: {broken}\nleft in {folder}", flush=True)
            sys.exit(1)
    if not arguments.keep:
        shutil.rmtree(folder)
    print(f"seed {arguments.seed}, {time.monotonic() - begun:.0f} s")
    for what, count in [*rounds.counts.items(), *((f"checked: {k}", v) for k, v in rounds.ledger.checked.items())]:
        print(f"  {what:<40}{count:>10,}")


if __name__ == "__main__":
    main()
