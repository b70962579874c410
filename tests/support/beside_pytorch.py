"""A network of ours beside one that was written with `torch.nn`: the same numbers, step by step.

`same_parameters` copies what ours holds into theirs, `train_beside` trains both on the same batches
and holds their losses against each other. A layer that has no copier yet gets one with
``@copier.register``.
"""

from __future__ import annotations

import copy
from functools import singledispatch

import numpy as np
import torch
from numpy.testing import assert_allclose

from handgrad import BatchNorm, Component, Conv2d, Embedding, LayerNorm, Linear, evaluating
from handgrad.walk import walk

STEPS = 100
TOLERANCE = 1e-8


@singledispatch
def copier(component):
    """Return what a module of PyTorch calls the arrays of a component: name -> array."""
    return {}


@copier.register
def _(linear: Linear):
    return {"weight": linear.weights.T, "bias": linear.bias[0]}


@copier.register
def _(convolution: Conv2d):
    return {"weight": convolution.weights.transpose(3, 2, 0, 1), "bias": convolution.bias}


@copier.register(BatchNorm)
@copier.register(LayerNorm)
def _(norm):
    arrays = {"weight": norm.gamma, "bias": norm.beta}
    names = {"running_mean": "running_mean", "running_variance": "running_var"}
    return arrays | {names[name]: array for name, array in norm.buffers.items()}


@copier.register
def _(embedding: Embedding):
    return {"weight": embedding.weights}


def same_parameters(ours: Component, theirs: torch.nn.Module) -> torch.nn.Module:
    """Copy the parameters and buffers of ours into theirs, in float64, and return it.

    Both hold their layers in the same order; those of theirs that hold others count by what they
    hold.
    """
    leaves = [module for module in theirs.double().modules() if module.state_dict()]
    leaves = [module for module in leaves if not any(module.children())]
    layers = [own for _, component in walk(ours) if (own := copier(component))]
    assert len(layers) == len(leaves), f"{len(layers)} layers of ours, {len(leaves)} of theirs"
    for arrays, module in zip(layers, leaves, strict=True):
        state = {name: torch.tensor(np.ascontiguousarray(a)) for name, a in arrays.items()}
        missing, _ = module.load_state_dict(state, strict=False)
        assert set(missing) <= {"num_batches_tracked"}, f"{module} misses {missing}"
    assert ours.parameters.size == sum(p.numel() for p in theirs.parameters())
    return theirs


class SharedDropout(torch.nn.Module):
    """Drops what handgrad's `Dropout` drops that draws from a generator in the same state."""

    def __init__(self, p, rng):
        super().__init__()
        self.p, self.rng = p, copy.deepcopy(rng)

    def forward(self, x):
        if not self.training:
            return x
        keep = torch.tensor(self.rng.random(tuple(x.shape)) >= self.p)
        return torch.where(keep, x / (1 - self.p), 0.0)


class FeaturesFirst(torch.nn.Module):
    """(N, H, W, C) to (N, C, H, W), as PyTorch's images are."""

    def forward(self, x):
        return x.movedim(-1, 1)


class FeaturesLast(torch.nn.Module):
    """(N, C, H, W) to (N, H, W, C), so that what is flattened is in our order."""

    def forward(self, x):
        return x.movedim(1, -1)


def as_tensors(x):
    """Return an array or a tuple of arrays as tensors."""
    return tuple(map(torch.tensor, x)) if isinstance(x, tuple) else torch.tensor(x)


def rows_of(x, y, size, rng):
    """Return what gives the minibatch of a step: rows of `x` and `y`, drawn by `rng`."""

    def batch(step):
        rows = rng.choice(len(x), size, replace=False)
        return x[rows], y[rows]

    return batch


def train_beside(
    ours, loss, optimizer, theirs, criterion, their_optimizer, batches, given=as_tensors
):
    """Train both for 100 steps; their losses agree at each of them, and their outputs afterwards.

    Parameters
    ----------
    ours, loss, optimizer
        Of handgrad.
    theirs, criterion, their_optimizer
        Of PyTorch; ``criterion(output, y)``.
    batches
        ``batches(step)`` is the ``(x, y)`` of ours, or ``(x, y, sample_weight)``; the criterion is
        given the weights too.
    given
        Makes of an x what theirs takes.

    Returns
    -------
    list of float
        The losses.
    """
    values = []
    for step in range(STEPS):
        x, y, *weight = batches(step)
        value, saved = loss.apply(ours.forward(x), y, *weight)
        optimizer.update(ours.parameters, ours.backward(loss.pullback(saved)).flat)
        their_optimizer.zero_grad()
        expected = criterion(theirs(given(x)), torch.tensor(y), *map(torch.tensor, weight))
        expected.backward()
        their_optimizer.step()
        assert_allclose(value, expected.item(), rtol=0, atol=TOLERANCE, err_msg=f"step {step}")
        values.append(float(value))
    theirs.eval()
    with evaluating(), torch.no_grad():
        assert_allclose(ours.forward(x), theirs(given(x)).numpy(), rtol=0, atol=1e-6)
    return values
