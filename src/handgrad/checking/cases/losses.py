"""Losses, over every form of targets."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from handgrad.arguments import Array
from handgrad.checking.arrays import distance
from handgrad.checking.cases.case import (
    Case,
    Generator,
    Symbols,
    Wrong,
    below,
    ends,
    normal,
    one_hot,
    probabilities,
    weights,
)
from handgrad.checking.invariants import rows_of_the_gradient_sum_to_zero
from handgrad.errors import ArgumentError, DtypeError, ShapeError
from handgrad.losses import CrossEntropy, MSELoss

__all__ = ["CASES"]


def torch_mse(torch: Any, loss: Any, x: Any, targets: Any, weight: Any = None) -> Any:
    return weighted(torch.nn.functional.mse_loss(x, targets, reduction="none"), weight)


def torch_cross_entropy(torch: Any, loss: Any, x: Any, targets: Any, weight: Any = None) -> Any:
    """Take one-hot rows, probabilities or class indices; PyTorch wants the classes second."""
    targets = targets.movedim(-1, 1) if targets.ndim == x.ndim else targets
    each = torch.nn.functional.cross_entropy(x.movedim(-1, 1), targets, reduction="none")
    return weighted(each, weight, loss.average)


def weighted(each: Any, weight: Any, average: bool = True) -> Any:
    """Return the mean or the sum of the terms, by weights for some of their leading axes."""
    if weight is None:
        return each.mean() if average else each.sum()
    weight = weight.reshape(*weight.shape, *[1] * (each.ndim - weight.ndim)).expand_as(each)
    return (weight * each).sum() / (weight.sum() if average else 1)


def build_cross_entropy(average: bool, rng: Generator) -> CrossEntropy:
    """Make the mean or the sum."""
    return CrossEntropy(average)


def in_order(average: bool, symbols: Symbols) -> tuple[CrossEntropy, Array, Array]:
    """Make rows of logits whose order is known, so that their largest is: one up, one down."""
    logits = symbols("gap", 2, 3, positive=True)
    logits[:, 0] = symbols("o", 2)
    logits[1::2, 1:] *= -1
    return CrossEntropy(average), logits.cumsum(axis=1), symbols("t", 2, 3)


def scaled_by_its_weights(loss: Any, x: Array, against: Any, rng: Generator) -> str | None:
    """Ask whether a datapoint of weight 2 counts as two, and one of weight 0 not at all."""
    targets = against[0]
    copies = rng.permutation(np.arange(len(x)) % 3)  # 0, 1 or 2 of each
    value, saved = loss.apply(x, targets, copies.astype(x.dtype))
    gradient = loss.pullback(saved)
    rows = np.repeat(np.arange(len(x)), copies)
    many, kept = loss.apply(x[rows], targets[rows])
    each = loss.pullback(kept)
    summed = np.zeros_like(x)
    np.add.at(summed, rows, each)
    if distance(np.asarray(value), np.asarray(many)) > 1e-12:
        return "the value with weights is not that of repeated rows"
    if distance(gradient, summed) > 1e-10:
        return "the gradient with weights is not that of repeated rows"
    return None


_cross_entropy_errors: Wrong = (
    (lambda f: f.grad(), RuntimeError),
    (lambda f: f(np.ones((2, 3)), np.ones((2, 4))), ShapeError),
    (lambda f: f(np.ones((2, 3)), [0, 3]), ShapeError),
    (lambda f: f(np.ones((2, 3)), [0, -1]), ShapeError),
    (lambda f: f(np.ones((2, 3)), [0.0, 1.0]), DtypeError),
    (lambda f: f(np.ones((2, 3)), [[0], [1]]), ShapeError),
    (lambda f: f(np.ones(3), [0]), ShapeError),
    (lambda f: f(np.ones((0, 3)), np.ones((0, 3))), ShapeError),
    (lambda f: f([["a"]], [0]), DtypeError),
    (lambda f: f(np.ones((2, 3)), [0, 1], [1.0]), ShapeError),
    (lambda f: type(f)(average="no"), ArgumentError),
)
_mse_errors: Wrong = (
    (lambda f: f.grad(), RuntimeError),
    (lambda f: f(np.ones((3, 1)), np.ones(3)), ShapeError),
    (lambda f: f([], []), ShapeError),
    (lambda f: f(["a"], [1.0]), DtypeError),
    (lambda f: f(np.ones((2, 3)), np.ones((2, 3)), [1.0, 2.0, 3.0]), ShapeError),
)

mse = partial(
    Case,
    MSELoss,
    build=lambda rng: MSELoss(),
    twin=torch_mse,
    invariants=(scaled_by_its_weights,),
)
cross_entropy = partial(
    Case,
    CrossEntropy,
    build=lambda rng: CrossEntropy(),
    twin=torch_cross_entropy,
    invariants=(rows_of_the_gradient_sum_to_zero, scaled_by_its_weights),
)

CASES: tuple[Case, ...] = (
    mse(
        "two axes",
        x=normal(7, 3),
        targets=normal(7, 3),
        wrong=_mse_errors,
        extreme=ends(7, 3, size=1e150),
    ),
    mse("one axis", x=normal(7), targets=normal(7)),
    mse(
        "three axes, weighted by row",
        x=normal(2, 7, 3),
        targets=normal(2, 7, 3),
        sample_weight=weights(2),
    ),
    mse("one entry", x=normal(1, 1), targets=normal(1, 1), invariants=()),
    *(
        cross_entropy(
            f"{about}, {'mean' if average else 'sum'}",
            build=partial(build_cross_entropy, average),
            x=normal(7, 5, scale=2.0),
            targets=targets,
            wrong=_cross_entropy_errors,
            extreme=ends(7, 5, size=1e308),
            proof=partial(in_order, average),
        )
        for about, targets in (
            ("one-hot rows", one_hot(7, 5)),
            ("probabilities", probabilities(7, 5)),
            ("class indices", below(5, 7)),
        )
        for average in (True, False)
    ),
    cross_entropy("rows that sum to anything", x=normal(7, 5), targets=normal(7, 5)),
    *(
        cross_entropy(
            f"three axes, masked, {'mean' if average else 'sum'}",
            build=partial(build_cross_entropy, average),
            x=normal(2, 7, 5),
            targets=below(5, 2, 7),
            sample_weight=weights(2, 7, masked=True),
        )
        for average in (True, False)
    ),
    cross_entropy(
        "three axes, probabilities, weighted by row",
        x=normal(3, 2, 5),
        targets=probabilities(3, 2, 5),
        sample_weight=weights(3),
    ),
    cross_entropy("one datapoint", x=normal(1, 3), targets=one_hot(1, 3)),
)
