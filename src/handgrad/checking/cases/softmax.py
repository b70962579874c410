"""Activations along an axis: every output of a row depends on every input of it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from handgrad.activations import LogSoftmax, Softmax
from handgrad.arguments import Array
from handgrad.checking.arrays import same
from handgrad.checking.cases.case import (
    Case,
    Generator,
    Symbols,
    Wrong,
    ends,
    errors_of_components,
    normal,
)
from handgrad.checking.evaluation import evaluate
from handgrad.checking.invariants import (
    independent_of_the_batch,
    rows_of_the_gradient_sum_to_zero,
)
from handgrad.errors import ArgumentError, ShapeError

__all__ = ["CASES"]


def torch_softmax(torch: Any, softmax: Any, x: Any, p: Any) -> Any:
    return torch.softmax(x, softmax.axis)


def torch_log_softmax(torch: Any, log_softmax: Any, x: Any, p: Any) -> Any:
    return torch.log_softmax(x, log_softmax.axis)


def in_order(build: Callable[[], Any]) -> Callable[[Symbols], tuple[Any, Array]]:
    """Prove a formula for rows of which it is known what is the largest: one up, one down."""

    def rows(symbols: Symbols) -> tuple[Any, Array]:
        x = symbols("gap", 2, 3, positive=True)
        x[:, 0] = symbols("o", 2)
        x[1::2, 1:] *= -1
        return build(), x.cumsum(axis=1)

    return rows


def sums_to_one(softmax: Any, x: Array, against: Any, rng: Generator) -> str | None:
    """Ask whether the outputs, or their exponentials, sum to 1 along the axis."""
    y, _ = softmax.apply(x)
    sums = (np.exp(y) if isinstance(softmax, LogSoftmax) else y).sum(axis=softmax.axis)
    return None if same(sums, np.ones_like(sums), 1e-14) else f"the sums are {sums}"


def does_not_see_a_shift(softmax: Any, x: Array, against: Any, rng: Generator) -> str | None:
    """Ask whether a number that is added to all inputs changes nothing."""
    seen, shifted = evaluate(softmax, x, against), evaluate(softmax, x + 3.7, against)
    changed = [name for name in seen if not same(shifted[name], seen[name], 1e-12, floor=1.0)]
    return f"{changed[0]} is another where a number is added to all inputs" if changed else None


_errors: Wrong = (
    *errors_of_components,
    (lambda f: type(f)(axis=2)(np.ones((2, 3))), ShapeError),
    (lambda f: type(f)(axis=-3).output_shape((2, 3)), ShapeError),
    *((lambda f, axis=axis: type(f)(axis=axis), ArgumentError) for axis in (1.0, True, None)),
)


def rows_of(component: type, twin: Any) -> tuple[Case, ...]:
    """Return the rows of either of the two."""
    row = partial(Case, component, twin=twin, invariants=(sums_to_one, does_not_see_a_shift))
    return (
        row(
            "two axes",
            build=lambda rng: component(),
            x=normal(7, 5, scale=2.0),
            invariants=(
                independent_of_the_batch,
                rows_of_the_gradient_sum_to_zero,
                sums_to_one,
                does_not_see_a_shift,
            ),
            wrong=_errors,
            extreme=ends(7, 5, size=8e307),
            proof=in_order(component),
        ),
        row(
            "along the middle one of three axes",
            build=lambda rng: component(axis=-2),
            x=normal(2, 7, 3),
        ),
        row("along the first axis", build=lambda rng: component(axis=0), x=normal(7, 5)),
        row("a single feature", build=lambda rng: component(), x=normal(7, 1)),
    )


CASES: tuple[Case, ...] = (
    *rows_of(Softmax, torch_softmax),
    *rows_of(LogSoftmax, torch_log_softmax),
)
