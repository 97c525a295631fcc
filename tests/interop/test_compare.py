# SPDX-License-Identifier: Apache-2.0
"""An experiment of a convex job and a grid of descent, compared as a table, as JSON and as a chart."""

import json
import os
import pathlib
import subprocess

import pytest

from conftest import ROOT
from test_training import convex_spec, make_api, upload_messages, watch

PYTHON = "/usr/bin/python3"  # Debian's, which has python3-matplotlib
WIDTHS = [3, 7]


@pytest.fixture(scope="module")
def api(stubs, channel):
    return make_api(channel)


@pytest.fixture(scope="module")
def dataset(api, arrays):
    return api.datasets.CreateDataset(upload_messages(api, api.data.TASK_BINARY, arrays, dataset_id="compared"))


def submit(api, spec, title):
    job = api.job.Job(spec=spec, display_name=title, experiment="duel")
    return api.jobs.CreateJob(api.jobs_pb.CreateJobRequest(job=job)).name


def descent(api, dataset, **method):
    return api.job.JobSpec(dataset=dataset.name, beta=0.05, loss_scale=api.job.LOSS_SCALE_MEAN,
                           stopping=api.job.StoppingRule(max_epochs=40),
                           descent=api.job.GradientDescent(learning_rate=0.01, **method))


@pytest.fixture(scope="module")
def experiment(api, dataset):
    """Jobs of the experiment by title; "polish" goes on until it is cancelled."""
    convex = submit(api, convex_spec(api, dataset), "optimum")
    grid = submit(api, descent(api, dataset, trials=2, grid=api.job.Grid(neurons=WIDTHS)), "trials")
    ended = {title: watch(api, name)[-1].end.job for title, name in (("optimum", convex), ("trials", grid))}
    widest = next(m.model for m in ended["trials"].result.models if m.setting.neurons == WIDTHS[1])
    start = api.job.Initialization(from_models=api.job.ModelInitialization(models=[widest]))
    spec = descent(api, dataset, initialization=start)
    spec.stopping.max_epochs = 10**9
    polish = submit(api, spec, "polish")
    for event in api.jobs.WatchJob(api.jobs_pb.WatchJobRequest(name=polish)):
        if event.WhichOneof("event") == "metrics":
            break
    yield ended
    api.jobs.CancelJob(api.jobs_pb.CancelJobRequest(name=polish))


def command(server, *arguments):
    cvxnn = pathlib.Path(os.environ["CVXNN_SERVER_BINARY"]).with_name("cvxnn")
    return subprocess.run([cvxnn, "--server", server.address, *arguments], stdout=subprocess.PIPE, text=True, check=True).stdout


def test_the_table_has_a_row_for_each_job(experiment, server):
    rows = command(server, "experiment", "compare", "duel").splitlines()
    assert [title for title in ("optimum", "trials", "polish") if sum(row.startswith(title) for row in rows) == 1] == [
        "optimum", "trials", "polish"]
    trials = next(row for row in rows if row.startswith("trials"))
    best = min(experiment["trials"].result.models, key=lambda m: m.metrics.objective)
    assert f"{best.trial} of 4" in trials
    assert f"m {best.setting.neurons}" in trials


def test_the_json_has_every_epoch(experiment, server):
    jobs = {job["display_name"]: job for job in
            json.loads(command(server, "--output", "json", "experiment", "compare", "duel", "--history"))}
    assert len(jobs["optimum"]["history"]) == experiment["optimum"].result.epochs
    epochs = [(m["trial"], m["epoch"]) for m in jobs["trials"]["history"]]
    assert sorted(epochs) == [(trial, epoch) for trial in range(4) for epoch in range(41)]


def test_the_chart_names_widths_and_bound(experiment, server, tmp_path):
    if subprocess.run([PYTHON, "-c", "import matplotlib"], check=False, stderr=subprocess.DEVNULL).returncode != 0:
        pytest.skip(f"{PYTHON} has no matplotlib")
    cvxnn = pathlib.Path(os.environ["CVXNN_SERVER_BINARY"]).with_name("cvxnn")
    chart = tmp_path / "duel.svg"
    subprocess.run([PYTHON, ROOT / "scripts" / "compare", "duel", chart, "--cvxnn", cvxnn, "--server", server.address],
                   check=True)
    drawing = chart.read_text()
    for words in ("duel", "convex: optimum", "its lower bound", "descent, m = 3", "descent, m = 7", "seconds of training"):
        assert f"<!-- {words} -->" in drawing, words
    assert "m = 100" not in drawing, "descent from a model has that model's width"


def test_the_chart_says_what_it_cannot_draw(experiment, server, tmp_path):
    if subprocess.run([PYTHON, "-c", "import matplotlib"], check=False, stderr=subprocess.DEVNULL).returncode != 0:
        pytest.skip(f"{PYTHON} has no matplotlib")
    cvxnn = pathlib.Path(os.environ["CVXNN_SERVER_BINARY"]).with_name("cvxnn")

    def refusal(name, chart, command=cvxnn):
        run = subprocess.run([PYTHON, ROOT / "scripts" / "compare", name, chart, "--cvxnn", command, "--server",
                              server.address], stderr=subprocess.PIPE, text=True, check=False)
        assert run.returncode != 0
        assert "Traceback" not in run.stderr
        return run.stderr

    assert "no job is of the experiment nobodys" in refusal("nobodys", tmp_path / "chart.svg")
    assert "the ending must be one of" in refusal("duel", tmp_path / "chart.doc")
    assert "No such file or directory" in refusal("duel", tmp_path / "missing" / "chart.svg")
    assert "--cvxnn names the command" in refusal("duel", tmp_path / "chart.svg", tmp_path / "no-such-command")
