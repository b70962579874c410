"""Activations: one function of every entry."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from handgrad.activations import ReLU, Sigmoid
from handgrad.arguments import Array
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


relu = partial(
    Case,
    ReLU,
    build=lambda rng: ReLU(),
    twin=torch_relu,
    truth=central_differences,  # not analytic at 0
    invariants=(independent_of_the_batch, zero_at_the_kink),
)
sigmoid = partial(
    Case,
    Sigmoid,
    build=lambda rng: Sigmoid(),
    twin=torch_sigmoid,
    invariants=(independent_of_the_batch,),
)

CASES: tuple[Case, ...] = (
    relu(
        "two axes",
        x=off_zero(7, 5),
        wrong=errors_of_components,
        extreme=ends(7, 5, size=1e300),
        proof=lambda symbols: (ReLU(), both_signs(symbols)),
    ),
    relu("three axes", x=off_zero(2, 7, 3)),
    sigmoid(
        "two axes",
        x=normal(7, 5, scale=3.0),
        wrong=errors_of_components,
        extreme=ends(7, 5, size=1e4),
    ),
    sigmoid("three axes", x=normal(2, 7, 3)),
)
