"""Objects that two or more of the test files use."""

from __future__ import annotations

import copy
from contextlib import contextmanager

import numpy as np
import pytest

from handgrad import CrossEntropy, Linear, Model, ReLU

N, D, H, K = 7, 3, 5, 4
"""Rows, features of the input, of the hidden layer and of the output: all distinct."""


class OwnLinear:
    """A student's affine layer: the exercise's calls and nothing else."""

    def __init__(self, D, K, rng):
        self.weights = rng.standard_normal((D, K))
        self.bias = rng.standard_normal((1, K))
        self.gradients = {}

    def __call__(self, x):
        self.x = x
        return x @ self.weights + self.bias

    def grad(self, in_gradient):
        self.gradients["bias"] = in_gradient.sum(axis=0, keepdims=True)
        return self.x.T @ in_gradient, in_gradient @ self.weights.T


class OwnReLU:
    """A student's activation, which a mode concerns too, so that switching can be seen."""

    training = True

    def __call__(self, x):
        self.on = x > 0
        return x * self.on

    def grad(self, in_gradient):
        return in_gradient * self.on


def generator(seed=0):
    return np.random.default_rng(seed)


def random(*shape, seed=0):
    """Return random signed numbers, as every upstream gradient here is."""
    return generator(seed).standard_normal(shape)


def small_model(seed=0, **options):
    rng = generator(seed)
    return Model([Linear(D, H, rng=rng, **options), ReLU(), Linear(H, K, rng=rng, **options)])


def trained(model, x=None, seed=1):
    """Return the model after one forward and backward pass, and its gradients."""
    x = random(N, D, seed=seed) if x is None else x
    loss = CrossEntropy()
    y = model.forward(x)
    loss(y, generator(seed).integers(0, y.shape[1], len(y)))
    return model.backward(loss.grad())


def snapshot(thing):
    """Return everything that an object holds, as one comparable text of bytes and values."""
    if isinstance(thing, np.ndarray):
        return thing.shape, thing.dtype.str, thing.tobytes()
    if isinstance(thing, dict) or type(thing).__name__ == "mappingproxy":
        return {name: snapshot(value) for name, value in thing.items()}
    if isinstance(thing, list | tuple):
        return [snapshot(value) for value in thing], snapshot(getattr(thing, "__dict__", {}))
    if hasattr(thing, "bit_generator"):
        return copy.deepcopy(thing.bit_generator.state)
    if hasattr(thing, "__dict__") and not isinstance(thing, type):
        return type(thing), snapshot(vars(thing))
    return thing


@contextmanager
def refuses(error, *things, match):
    """Assert that the body raises `error`, which names the mend, and leaves `things` unchanged."""
    before = [snapshot(thing) for thing in things]
    with pytest.raises(error, match=match) as caught:
        yield
    assert [snapshot(thing) for thing in things] == before
    assert all((caught.value.got, caught.value.expected, caught.value.mend))
