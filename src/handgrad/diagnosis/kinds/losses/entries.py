"""Losses that are a mean over all entries, and the mistakes that are the same for all of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import numpy as np

from handgrad.arguments import Array
from handgrad.diagnosis.families import TRUNCATED, scaled
from handgrad.diagnosis.given import Given, Results
from handgrad.diagnosis.kinds.base import Shapes, Stress
from handgrad.diagnosis.kinds.loss import LossKind
from handgrad.diagnosis.mistake import Mistake, mistake

__all__ = ["MEANS", "TURNED", "EntriesKind", "compared", "mean_of_entries", "one_row"]

_MEAN = (
    "The loss is a mean over rows and columns, so its gradient shrinks with both.",
    "The first line: how many terms does the mean have?",
)
_NO_SUM = (
    "The gradient has not the shape of the predictions.",
    "There is one derivative for each entry of the predictions.",
    "The sum over m: deriving by one entry leaves one term of it, so no sum remains.",
)
_ONE_TO_ONE = (
    "Each prediction has one target, and is compared with no other.",
    "The subtraction: term m of the sum holds prediction m and target m.",
)
_ONCE = "The factor in front of the sum: it appears in the derivative as often as in the loss."

MEANS: tuple[Mistake, ...] = (
    scaled(
        "a sum in place of a mean",
        lambda gradient: gradient.size,
        "The value is the sum over all entries.",
    ),
    scaled(
        "a mean over the rows alone",
        lambda gradient: gradient.size / len(gradient),
        "The value is the sum over the columns, and the mean over the rows.",
    ),
    scaled(
        "a mean over the columns alone",
        lambda gradient: len(gradient),
        "The value is the mean over the columns, and the sum over the rows.",
    ),
)
"""Other conventions for what the sum is divided by."""


def mean_of_entries(code: str) -> tuple[Mistake, ...]:
    """Make the mistakes in what the gradient of a mean is divided by; `code` is how it is right."""
    return (
        mistake(
            "the mean is left out of the gradient",
            {"gradient": lambda gradient: gradient * gradient.size},
            "The gradient is that of the sum: it is too large by the number of entries.",
            "The larger the array, the larger the gradient, although the loss stays the same size.",
            "Two copies of the same data, one below the other, have the same loss; the gradient of "
            "each row must then be half as large.",
            "The first line: the loss is a sum with a factor in front, and a constant factor stays "
            "in front of the derivative.",
            f"Divide by the number of entries: `{code}`.",
        ),
        mistake(
            "divided by the rows only",
            {"gradient": lambda gradient: gradient * (gradient.size / len(gradient))},
            "The gradient is divided by N, the number of rows, where the loss is a mean over all "
            "entries.",
            "For one column the gradient is right; with more columns it is too large.",
            *_MEAN,
            "Divide by `prediction.size`, not by `len(prediction)` or `prediction.shape[0]`.",
        ),
        mistake(
            "divided by the columns only",
            {"gradient": lambda gradient: gradient * len(gradient)},
            "The gradient is divided by D, the number of columns, where the loss is a mean over "
            "all entries.",
            "The more rows the minibatch has, the larger is the step.",
            *_MEAN,
            "Divide by `prediction.size`, not by `prediction.shape[1]`.",
        ),
        mistake(
            "averaged once too often",
            {"gradient": lambda gradient: gradient / gradient.size},
            "The gradient is divided by the number of entries although the value's own scale does "
            "not ask for it: twice where the value is a mean, once where it is a sum.",
            "The gradient is very small, and the more so the larger the array.",
            "A finite difference of your own value is larger than your gradient by the number of "
            "entries.",
            _ONCE,
            "Remove one division by the number of entries, or put it into the value too.",
        ),
        mistake(
            "divided by the rows once too often",
            {"gradient": lambda gradient: gradient / len(gradient)},
            "The gradient is divided by N although the value's own scale does not ask for it.",
            "The gradient shrinks with the size of the minibatch more than the loss does.",
            "A finite difference of your own value is larger than your gradient by the number of "
            "rows.",
            _ONCE,
            "Remove one division by `len(prediction)`, or put it into the value too.",
        ),
        mistake(
            "divided by the columns once too often",
            {"gradient": lambda gradient: gradient * (len(gradient) / gradient.size)},
            "The gradient is divided by D although the value's own scale does not ask for it.",
            "For one column the gradient is right; with more columns it is too small.",
            "A finite difference of your own value is larger than your gradient by the number of "
            "columns.",
            _ONCE,
            "Remove one division by `prediction.shape[1]`, or put it into the value too.",
        ),
    )


TURNED = mistake(
    "target minus prediction",
    {"gradient": lambda gradient: -gradient},
    "The difference is taken the wrong way round, so the gradient points uphill.",
    "Every step against your gradient raises the loss.",
    "Where the prediction is too large, the loss falls as the prediction falls: the gradient "
    "is positive there.",
    "The inner derivative: you derive by the prediction. Which sign does it have in the "
    "difference?",
    "Write `prediction - target`, or keep your order and multiply by -1.",
)
"""The difference the other way round, in any loss that is made of it."""


def one_row() -> tuple[Mistake, ...]:
    """Make the mistakes after which one row of the gradient is left."""
    return (
        mistake(
            "summed over the minibatch",
            {"gradient": lambda gradient: gradient.sum(axis=0)},
            "The rows of the gradient are added up, so that one row is left.",
            *_NO_SUM,
            "Leave out the sum (`.sum(axis=0)`, `np.sum`): the gradient has the predictions' "
            "shape.",
        ),
        mistake(
            "averaged over the minibatch",
            {"gradient": lambda gradient: gradient.mean(axis=0)},
            "The rows of the gradient are averaged, so that one row is left.",
            *_NO_SUM,
            "Leave out the mean (`.mean(axis=0)`): the gradient has the predictions' shape.",
        ),
    )


def compared(outcome: Callable[[Array, Array], Results]) -> tuple[Mistake, ...]:
    """Make the mistakes that arrays of two shapes meet; `outcome` is what comes of the two."""
    return (
        mistake(
            "everything is compared with everything",
            lambda x, y: outcome(x.reshape(-1, 1), y.reshape(1, -1)),
            "Predictions of shape (M,) meet targets of shape (M, 1) or the other way round, and "
            "the difference broadcasts to (M, M).",
            "The residual has more entries than the predictions.",
            *_ONE_TO_ONE,
            "Give both the same shape first: `target = target.reshape(prediction.shape)`.",
        ),
        mistake(
            "everything is compared with everything, targets down the rows",
            lambda x, y: outcome(x.reshape(1, -1), y.reshape(-1, 1)),
            "Targets of shape (M, 1) meet predictions of shape (M,), and the difference "
            "broadcasts to (M, M).",
            "The residual has more entries than the predictions.",
            *_ONE_TO_ONE,
            "Give both the same shape first: `target = target.reshape(prediction.shape)`.",
        ),
        mistake(
            "every row is compared with every row",
            lambda x, y: outcome(x[None], y[:, None]),
            "The targets have got an axis too many in front of the last, and the difference "
            "broadcasts: each row of the predictions is compared with all rows of the targets.",
            "The residual has one axis more than the predictions.",
            *_ONE_TO_ONE,
            "Leave the targets' shape alone (no `[:, None]`, no `keepdims`), or bring both to one "
            "shape.",
        ),
    )


class EntriesKind(LossKind):
    """A loss that compares two arrays of one shape, entry by entry."""

    axes: ClassVar = {"x": "N D", "y": "N D", "value": ""}
    spread: ClassVar[float] = 30.0
    """The size of large values."""
    whole: ClassVar[tuple[Mistake, ...]] = ()
    """Conventions that only show where predictions are exactly right."""

    def givens(self, shapes: Shapes, seed: int) -> list[Given]:
        """Return (N, D) arrays, and a vector, which the exercise starts with."""
        sizes = [*(shape[:2] for shape in shapes)] + [(shapes[0][0] + 6,)] * bool(shapes)
        return [self._given(size, np.random.default_rng([seed, i])) for i, size in enumerate(sizes)]

    def spares(self, given: Given) -> str:
        return "it takes arrays of two axes alone, no vectors" if given.x.ndim == 1 else ""

    def _given(self, shape: tuple[int, ...], rng: np.random.Generator) -> Given:
        label = "N = {}, D = {}".format(*shape) if len(shape) == 2 else f"a vector of {shape[0]}"
        sizes = dict(zip(("N", "D"), shape, strict=False))
        return Given(label, sizes, {n: rng.standard_normal(shape) for n in ("x", "y")})

    def stresses(self, seed: int) -> list[Stress]:
        whole, large = [], []
        for i, shape in enumerate(((5, 3), (7, 4))):
            rng = np.random.default_rng([seed, 99, i])
            given = self._given(shape, rng)
            x, y = rng.integers(-9, 10, (2, *shape))
            x[:, 1] = y[:, 1]
            whole.append(given.changed(f"integers, {given.label}", x=x, y=y))
            given = self._given((67 + i, shape[1]), rng)
            large.append(given.changed(x=self.spread * given.x))
        return [
            Stress("integers", "arrays of integers", whole, (TRUNCATED,), self.whole),
            Stress("large", "a large minibatch, of large values", large),
        ]
