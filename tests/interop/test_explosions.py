# SPDX-License-Identifier: Apache-2.0
"""How often descent explodes, against width and number of rows: one grid job against a loop in NumPy with its own starts."""

import numpy as np
import pytest

from test_training import make_api, upload_messages, watch

ROWS, WIDTHS, RUNS, EPOCHS = (10, 100, 500), (2, 20, 50, 98), 20, 200
LEARNING_RATE, BETA = 0.02, 1e-4


@pytest.fixture(scope="module")
def points():
    """One input and a bias column, labels ±1 at random."""
    random = np.random.default_rng(4)
    x = random.standard_normal((max(ROWS), 1))
    labels = np.where(random.random((max(ROWS), 1)) < 0.5, -1.0, 1.0)
    return {"features": np.hstack([x, np.ones_like(x)]).astype("<f4"), "targets": labels.astype("<f4")}


def explodes(features, targets, width, random):
    """Gradient descent on ½‖(XU)₊α − y‖² + β/2(‖U‖² + ‖α‖²) from torch.nn.Linear's starts: whether it leaves the numbers."""
    inputs = features.shape[1]
    first = random.uniform(-1, 1, (inputs, width)).astype(np.float32) / np.float32(inputs**0.5)
    second = random.uniform(-1, 1, (width, 1)).astype(np.float32) / np.float32(width**0.5)
    for _ in range(EPOCHS):
        products = features @ first
        hidden = np.maximum(products, 0)
        residual = hidden @ second - targets
        if not np.isfinite(residual).all():
            return True
        slopes = hidden.T @ residual + BETA * second
        first -= LEARNING_RATE * (features.T @ (residual @ second.T * (products > 0)) + BETA * first)
        second -= LEARNING_RATE * slopes
    return not np.isfinite(np.square(residual).sum())


def test_the_share_of_runs_that_explode_is_that_of_a_loop_in_numpy(stubs, channel, points):
    api = make_api(channel)
    dataset = api.datasets.CreateDataset(upload_messages(api, api.data.TASK_REGRESSION, points, dataset_id="explosions"))
    grid = api.job.Grid(training_rows=ROWS, neurons=WIDTHS)
    descent = api.job.GradientDescent(learning_rate=LEARNING_RATE, trials=RUNS, grid=grid)
    spec = api.job.JobSpec(dataset=dataset.name, beta=BETA, seed=4, penalty=api.job.PENALTY_WEIGHT_DECAY,
                           loss_scale=api.job.LOSS_SCALE_HALF_SUM, stopping=api.job.StoppingRule(max_epochs=EPOCHS),
                           precision=api.job.PRECISION_FLOAT32, descent=descent)
    job = api.jobs.CreateJob(api.jobs_pb.CreateJobRequest(job=api.job.Job(spec=spec)))
    result = watch(api, job.name)[-1].end.job.result
    ours = {}
    for model in result.models:
        ours.setdefault((model.setting.training_rows, model.setting.neurons), []).append(model.diverged)
    assert {key: len(runs) for key, runs in ours.items()} == {(n, m): RUNS for n in ROWS for m in WIDTHS}
    ours = {key: sum(runs) / RUNS for key, runs in ours.items()}
    random = np.random.default_rng(5)
    with np.errstate(all="ignore"):
        theirs = {
            (n, m): sum(explodes(points["features"][:n], points["targets"][:n], m, random) for _ in range(RUNS)) / RUNS
            for n in ROWS for m in WIDTHS}
    # Two samples of 20 from one coin differ by more than 0.45 in one of two hundred cases.
    assert {key: ours[key] for key in ours if abs(ours[key] - theirs[key]) > 0.45} == {}, theirs
    assert np.mean([abs(ours[key] - theirs[key]) for key in ours]) < 0.12
    # The picture itself: none with few rows, all with many rows and a wide network, and more with the width between.
    assert max(ours[10, m] for m in WIDTHS) == 0
    assert min(ours[500, m] for m in WIDTHS[1:]) > 0.9
    assert ours[100, 2] < ours[100, 50] <= ours[100, 98]
