# SPDX-License-Identifier: Apache-2.0
"""JAX: the whole training is one jitted scan, all trials at once by vmap; compilation is not timed.

    jax_peer.py WORK DATA.npz      prints {"seconds": …, "trials": …, "objective": median of the trials}
"""

import functools
import json
import sys
import time

import jax
import jax.numpy as jnp
import numpy

import works

MOMENT_DECAY, SQUARE_DECAY, EPSILON = 0.9, 0.999, 1e-8


def initial(work, inputs, outputs, key):
    first, second = jax.random.split(key)
    return (jax.random.uniform(first, (inputs, work.neurons), minval=-1, maxval=1) / inputs**0.5,
            jax.random.uniform(second, (work.neurons, outputs), minval=-1, maxval=1) / work.neurons**0.5)


def make_train(work, features, targets):
    """A function of the random key that trains one trial and gives its last objective and the loss of every epoch."""
    n = features.shape[0]
    scale = {"mean": 1 / n, "half-sum": 0.5}[work.scale]

    def loss_of(weights, x, y):
        return scale * jnp.square(jax.nn.relu(x @ weights[0]) @ weights[1] - y).sum()

    def penalty(weights):
        return work.beta / 2 * sum(jnp.square(weight).sum() for weight in weights)

    def step(state, x, y):
        weights, moments, squares, count = state
        loss, gradient = jax.value_and_grad(
            lambda w: n / x.shape[0] * loss_of(w, x, y) + penalty(w))(weights)
        count += 1
        if work.optimizer == "sgd":
            weights = jax.tree.map(lambda w, g: w - work.learning_rate * g, weights, gradient)
            return (weights, moments, squares, count), loss
        moments = jax.tree.map(lambda m, g: MOMENT_DECAY * m + (1 - MOMENT_DECAY) * g, moments, gradient)
        squares = jax.tree.map(lambda s, g: SQUARE_DECAY * s + (1 - SQUARE_DECAY) * g * g, squares, gradient)
        rate = work.learning_rate / (1 - MOMENT_DECAY**count)
        correction = (1 - SQUARE_DECAY**count) ** 0.5
        weights = jax.tree.map(lambda w, m, s: w - rate * m / (jnp.sqrt(s) / correction + EPSILON), weights, moments,
                               squares)
        return (weights, moments, squares, count), loss

    def epoch(carry, _):
        state, key = carry
        if work.batch == 0:
            state, objective = step(state, features, targets)
            return (state, key), objective
        key, shuffle = jax.random.split(key)
        rows = jax.random.permutation(shuffle, n).reshape(-1, work.batch)
        state, _ = jax.lax.scan(lambda s, r: step(s, features[r], targets[r]), state, rows)
        return (state, key), loss_of(state[0], features, targets) + penalty(state[0])

    def train(key):
        weights = initial(work, features.shape[1], targets.shape[1], key)
        zeros = jax.tree.map(jnp.zeros_like, weights)
        (state, _), history = jax.lax.scan(epoch, ((weights, zeros, zeros, 0.0), key), None, length=work.epochs)
        return loss_of(state[0], features, targets) + penalty(state[0]), history

    return train


def main():
    work = works.by_name(sys.argv[1])
    arrays = numpy.load(sys.argv[2])
    train = make_train(work, jnp.asarray(arrays["features"]), jnp.asarray(arrays["targets"]))
    run = jax.jit(functools.partial(jax.vmap(train)) if work.trials > 1 else train)
    keys = jax.random.split(jax.random.key(0), work.trials) if work.trials > 1 else jax.random.key(0)
    compiled = run.lower(keys).compile()
    jax.block_until_ready(compiled(keys)) if work.batch == 0 else None  # once to warm up, where that is cheap
    started = time.perf_counter()
    objectives, _ = jax.block_until_ready(compiled(keys))
    seconds = time.perf_counter() - started
    print(json.dumps({"seconds": seconds, "trials": work.trials, "objective": float(jnp.median(objectives))}))


if __name__ == "__main__":
    main()
