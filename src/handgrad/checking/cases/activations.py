"""Activations: one function of every entry."""

from __future__ import annotations

from typing import Any

import numpy as np

from handgrad.activations import ReLU, Sigmoid
from handgrad.checking.cases.case import (
    Case,
    Generator,
    Symbols,
    ends,
    errors_of_components,
    normal,
    off_zero,
)
from handgrad.checking.invariants import independent_of_the_batch
from handgrad.checking.truth import central_differences
from handgrad.component import Array

__all__ = ["CASES"]


def torch_relu(torch: Any, relu: Any, x: Any, p: Any) -> Any:
    return torch.relu(x)


def torch_sigmoid(torch: Any, sigmoid: Any, x: Any, p: Any) -> Any:
    return torch.sigmoid(x)


def both_signs(symbols: Symbols) -> Array:
    """Make symbols for numbers of which is known on which side of 0 they are."""
    above, below = symbols("a", 2, 2, positive=True), symbols("b", 2, 1, negative=True)
    return np.concatenate([above, below], axis=1)


def zero_at_the_kink(relu: Any, x: Array, against: Any, rng: Generator) -> str | None:
    """Ask whether ReLU's derivative at 0, and at -0, is 0."""
    y, saved = relu.apply(np.array([[0.0, -0.0]]))
    dx, _ = relu.pullback(np.array([[3.0, -3.0]]), saved)
    return f"{dx} at the kink" if dx.any() or y.any() else None


CASES: tuple[Case, ...] = (
    Case(
        ReLU,
        "two axes",
        lambda rng: ReLU(),
        off_zero(7, 5),
        torch_relu,
        truth=central_differences,  # not analytic at 0
        invariants=(independent_of_the_batch, zero_at_the_kink),
        wrong=errors_of_components,
        extreme=ends(7, 5, size=1e300),
        proof=lambda symbols: (ReLU(), both_signs(symbols)),
    ),
    Case(
        ReLU,
        "three axes",
        lambda rng: ReLU(),
        off_zero(2, 7, 3),
        torch_relu,
        truth=central_differences,
        invariants=(independent_of_the_batch,),
    ),
    Case(
        Sigmoid,
        "two axes",
        lambda rng: Sigmoid(),
        normal(7, 5, scale=3.0),
        torch_sigmoid,
        invariants=(independent_of_the_batch,),
        wrong=errors_of_components,
        extreme=ends(7, 5, size=1e4),
    ),
    Case(
        Sigmoid,
        "three axes",
        lambda rng: Sigmoid(),
        normal(2, 7, 3),
        torch_sigmoid,
        invariants=(independent_of_the_batch,),
    ),
)
