# SPDX-License-Identifier: Apache-2.0
"""From descent to convex training and back, by the command, as a person does it: neither makes the network worse."""

import json
import os
import pathlib
import subprocess

import pytest

from test_training import make_api, upload_messages

OBJECTIVE = ["--dataset", "bridged", "--beta", "0.5", "--loss-scale", "half-sum"]


@pytest.fixture(scope="module")
def dataset(stubs, channel, arrays):
    api = make_api(channel)
    return api.datasets.CreateDataset(upload_messages(api, api.data.TASK_BINARY, arrays, dataset_id="bridged"))


@pytest.fixture(scope="module")
def train(server, dataset):
    """A function that submits a job with these flags, waits for it, and gives its result."""
    cvxnn = pathlib.Path(os.environ["CVXNN_SERVER_BINARY"]).with_name("cvxnn")

    def run(*arguments):
        words = [cvxnn, "--server", server.address, "--output", "json", *map(str, arguments)]
        return subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True).stdout

    def train(method, *flags):
        name = json.loads(run("job", "submit", method, *OBJECTIVE, *flags))["name"]
        run("job", "watch", name)
        return json.loads(run("job", "describe", name))["result"]
    return train


def test_descent_goes_on_from_a_convex_solution(train):
    convex = train("convex", "--activation", "relu", "--patterns", 20, "--tolerance", 1e-5)
    best = convex["models"][0]
    start = best["metrics"]["network_objective"]
    polished = train("descent", "--penalty", "weight-decay", "--initial-model", best["model"], "--optimizer", "lbfgs",
                     "--epochs", 200)
    end = polished["models"][0]["metrics"]["objective"]
    # A random subset of patterns leaves something to gain, and the network itself is where descent begins.
    assert end < start * (1 - 1e-3)
    untouched = train("descent", "--penalty", "weight-decay", "--initial-model", best["model"], "--epochs", 1,
                      "--learning-rate", 1e-12)
    assert untouched["models"][0]["metrics"]["objective"] == pytest.approx(start, rel=1e-4)


def test_the_patterns_of_a_descent_run_give_a_convex_optimum_no_worse_than_it(train):
    descended = train("descent", "--penalty", "weight-decay", "--neurons", 15, "--optimizer", "adam", "--learning-rate", 0.01,
                      "--epochs", 300)
    model = descended["models"][0]
    # Over these patterns alone: refinement would look for others.
    convex = train("convex", "--activation", "relu", "--patterns-from", model["model"], "--refine", 0, "--tolerance", 1e-4,
                   "--epochs", 50000)
    metrics = convex["models"][0]["metrics"]
    assert metrics["gap"] <= 1e-4
    assert metrics["objective"] <= model["metrics"]["objective"] * (1 + 2e-4)
    assert convex["patterns"] <= 15


def test_a_batch_larger_than_the_data_is_the_full_batch_and_said_to_be(train):
    result = train("descent", "--penalty", "weight-decay", "--neurons", 3, "--batch-size", 1000, "--epochs", 2)
    full = train("descent", "--penalty", "weight-decay", "--neurons", 3, "--epochs", 2)
    assert "Batches of 1000 are more than the 400 rows" in result["message"]
    assert "Batches" not in full["message"]
    assert result["models"][0]["metrics"]["objective"] == full["models"][0]["metrics"]["objective"]
