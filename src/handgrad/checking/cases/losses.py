"""Losses, over every form of targets."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

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
from handgrad.component import Array
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


def scaled_by_its_weights(
    loss: Any, x: Array, against: tuple[Array, ...], rng: Generator
) -> str | None:
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

CASES: tuple[Case, ...] = (
    Case(
        MSELoss,
        "two axes",
        lambda rng: MSELoss(),
        normal(7, 3),
        torch_mse,
        normal(7, 3),
        invariants=(scaled_by_its_weights,),
        wrong=_mse_errors,
        extreme=ends(7, 3, size=1e150),
    ),
    Case(
        MSELoss,
        "one axis",
        lambda rng: MSELoss(),
        normal(7),
        torch_mse,
        normal(7),
        invariants=(scaled_by_its_weights,),
    ),
    Case(
        MSELoss,
        "three axes, weighted by row",
        lambda rng: MSELoss(),
        normal(2, 7, 3),
        torch_mse,
        normal(2, 7, 3),
        weights(2),
        invariants=(scaled_by_its_weights,),
    ),
    Case(MSELoss, "one entry", lambda rng: MSELoss(), normal(1, 1), torch_mse, normal(1, 1)),
    *(
        Case(
            CrossEntropy,
            f"{about}, {'mean' if average else 'sum'}",
            partial(build_cross_entropy, average),
            normal(7, 5, scale=2.0),
            torch_cross_entropy,
            targets,
            invariants=(rows_of_the_gradient_sum_to_zero, scaled_by_its_weights),
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
    Case(
        CrossEntropy,
        "rows that sum to anything",
        lambda rng: CrossEntropy(),
        normal(7, 5),
        torch_cross_entropy,
        normal(7, 5),
        invariants=(rows_of_the_gradient_sum_to_zero, scaled_by_its_weights),
    ),
    *(
        Case(
            CrossEntropy,
            f"three axes, masked, {'mean' if average else 'sum'}",
            partial(build_cross_entropy, average),
            normal(2, 7, 5),
            torch_cross_entropy,
            below(5, 2, 7),
            weights(2, 7, masked=True),
            invariants=(rows_of_the_gradient_sum_to_zero, scaled_by_its_weights),
        )
        for average in (True, False)
    ),
    Case(
        CrossEntropy,
        "three axes, probabilities, weighted by row",
        lambda rng: CrossEntropy(),
        normal(3, 2, 5),
        torch_cross_entropy,
        probabilities(3, 2, 5),
        weights(3),
        invariants=(rows_of_the_gradient_sum_to_zero,),
    ),
    Case(
        CrossEntropy,
        "one datapoint",
        lambda rng: CrossEntropy(),
        normal(1, 3),
        torch_cross_entropy,
        one_hot(1, 3),
        invariants=(rows_of_the_gradient_sum_to_zero,),
    ),
)
