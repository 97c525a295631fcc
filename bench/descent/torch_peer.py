# SPDX-License-Identifier: Apache-2.0
"""PyTorch, eager, as one writes it: modules, an optimiser, a loop, one trial after the other.

    torch_peer.py WORK DATA.npz THREADS      prints {"seconds": of the measured trials, "trials": …, "objective": …}
"""

import json
import sys
import time

import numpy
import torch

import works


def train(work, features, targets, seed):
    """One trial. Returns its last objective; it also knows the loss of every epoch."""
    torch.manual_seed(seed)
    n = features.shape[0]
    hidden = torch.nn.Linear(features.shape[1], work.neurons, bias=False)
    output = torch.nn.Linear(work.neurons, targets.shape[1], bias=False)
    parameters = [hidden.weight, output.weight]
    kinds = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}
    optimizer = kinds[work.optimizer](parameters, lr=work.learning_rate, weight_decay=work.beta)
    scale = {"mean": 1 / n, "half-sum": 0.5}[work.scale]

    def loss_of(x, y):
        return scale * (output(torch.relu(hidden(x))) - y).square().sum()

    def penalty():
        return work.beta / 2 * sum(parameter.square().sum() for parameter in parameters)

    history = []
    batch = work.batch or n
    for _ in range(work.epochs):
        if batch == n:
            optimizer.zero_grad()
            loss = loss_of(features, targets)
            loss.backward()
            optimizer.step()
            history.append(loss.detach())
            continue
        for rows in torch.randperm(n).split(batch):
            optimizer.zero_grad()
            loss = n / len(rows) * loss_of(features[rows], targets[rows])
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            history.append(loss_of(features, targets))
    with torch.no_grad():
        return float(loss_of(features, targets) + penalty())


def main():
    work = works.by_name(sys.argv[1])
    arrays = numpy.load(sys.argv[2])
    torch.set_num_threads(int(sys.argv[3]))
    features, targets = torch.from_numpy(arrays["features"]), torch.from_numpy(arrays["targets"])
    started = time.perf_counter()
    objectives = [train(work, features, targets, seed) for seed in range(work.peer_trials)]
    seconds = time.perf_counter() - started
    print(json.dumps({"seconds": seconds, "trials": work.peer_trials, "objective": float(numpy.median(objectives))}))


if __name__ == "__main__":
    main()
