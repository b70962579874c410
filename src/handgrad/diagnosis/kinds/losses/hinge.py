"""The hinge loss of several classes, that of a support vector machine, and mistakes in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from handgrad.arguments import Array
from handgrad.diagnosis.families import GENERAL, instead_of, scaled
from handgrad.diagnosis.given import Given, Results
from handgrad.diagnosis.kinds.base import Shapes, Stress
from handgrad.diagnosis.kinds.loss import LossKind
from handgrad.diagnosis.kinds.losses.rows import mean_of_rows
from handgrad.diagnosis.mistake import Mistake, convention, mistake
from handgrad.losses import HingeLoss

__all__ = ["HingeKind"]

_SUMS = "Adding a constant to a row's scores changes nothing, so a row of the gradient sums to 0."
_RIGHT_CLASS = "The case of the right class: its score is in every term of the sum, with a minus."
_OTHERS = "The case of another class: its score is in one term, which may be 0."
_CODE = (
    "1 where a class is too near, and in the right class' column minus their number: "
    "`g[np.arange(N), y] -= near.sum(axis=1)`, all of it divided by N."
)
_TERMS = "The value is 0 where the right class is ahead of every other one by the margin."
_DEFINITION = "The definition: for every other class what it lacks of the margin, if anything."
_FORWARD = (
    "Add up `np.maximum(0, x - x_right + margin)` over the classes but the right one, where "
    "x_right is the right class' score, one for each row."
)


def _right(x: Array, y: Array) -> Array:
    """Return where each row has its right class."""
    return np.asarray(y[:, None] == np.arange(x.shape[1]))


def _gap(x: Array, y: Array, margin: float) -> Array:
    """Return what each class lacks of the margin."""
    return np.asarray(margin + x - x[_right(x, y)][:, None])


def _near(x: Array, y: Array, margin: float) -> Array:
    """Return 1 where a class is too near to the right one."""
    return np.asarray(
        ((_gap(x, y, margin) > 0) & ~_right(x, y)).astype(np.float64), dtype=np.float64
    )


def _balanced(near: Array, x: Array, y: Array) -> Array:
    """Return these slopes, with the right class' minus their sum."""
    return np.asarray(near - _right(x, y) * near.sum(axis=1, keepdims=True))


def _value(terms: Array, x: Array, y: Array) -> Array:
    """Return the mean over the rows of what is summed over the other classes."""
    return np.asarray((terms * ~_right(x, y)).sum() / len(x))


def _worst(x: Array, y: Array, margin: float) -> Array:
    """Return 1 at the class of each row that lacks most, if it lacks anything."""
    gap = np.where(_right(x, y), -np.inf, _gap(x, y, margin))
    return np.asarray((gap == gap.max(axis=1, keepdims=True)) & (gap > 0), dtype=np.float64)


def _only_worst(x: Array, y: Array, margin: float) -> Results:
    worst = _worst(x, y, margin)
    value = _value(worst * _gap(x, y, margin), x, y)
    return {"value": value, "gradient": _balanced(worst, x, y) / len(x)}


def _squares(x: Array, y: Array, margin: float) -> Results:
    lacking = np.maximum(_gap(x, y, margin), 0) * ~_right(x, y)
    value = _value(lacking**2, x, y)
    return {"value": value, "gradient": 2 * _balanced(lacking, x, y) / len(x)}


instead = instead_of(lambda x, y, margin: _balanced(_near(x, y, margin), x, y))

MISTAKES: tuple[Mistake, ...] = (
    *mean_of_rows("g / N"),
    mistake(
        "the right class gets no gradient",
        instead(_near),
        "The scores that are too near are pushed down, and the right one is not pushed up.",
        "No entry of your gradient is negative.",
        _SUMS,
        _RIGHT_CLASS,
        f"Subtract the number of terms: {_CODE}",
    ),
    mistake(
        "only the right class gets a gradient",
        instead(lambda x, y, margin: _balanced(_near(x, y, margin), x, y) * _right(x, y)),
        "The right score is pushed up, and those that are too near are not pushed down.",
        "Your gradient is 0 everywhere but in the right class' column.",
        _SUMS,
        _OTHERS,
        f"Set the others too: {_CODE}",
    ),
    mistake(
        "-1 for the right class",
        instead(lambda x, y, margin: _near(x, y, margin) - _right(x, y)),
        "The right class gets -1, however many classes are too near.",
        "A row of your gradient sums to 0 only where one class is too near.",
        _SUMS,
        _RIGHT_CLASS,
        f"Count the terms: {_CODE}",
    ),
    mistake(
        "the right class counts itself",
        instead(lambda x, y, margin: _balanced(_near(x, y, margin), x, y) - 1.0 * _right(x, y)),
        "The right class is among those that are counted: it is never ahead of itself by the "
        "margin.",
        "The right class' column is too small by 1 before the mean is taken.",
        _SUMS,
        "The sum runs over the classes but one: which?",
        "Set the right class' margin to 0 before you count: `margins[np.arange(N), y] = 0`.",
    ),
    mistake(
        "the right class' own 1 is left in",
        instead(lambda x, y, margin: _balanced(_near(x, y, margin), x, y) + 1.0 * _right(x, y)),
        "The right class is taken for one that is too near, and its 1 stays beside the number that "
        "is subtracted.",
        "The right class' column is too large by 1 before the mean is taken.",
        _SUMS,
        "The sum runs over the classes but one: which?",
        "Set the right class' margin to 0 before the others become 1: `margins[np.arange(N), y] = "
        "0`.",
    ),
    mistake(
        "the number is added",
        instead(
            lambda x, y, margin: 2 * _near(x, y, margin) - _balanced(_near(x, y, margin), x, y)
        ),
        "The number of terms is added in the right class' column, and not subtracted.",
        "No entry of your gradient is negative.",
        _SUMS,
        "The case of the right class: which sign has its score in the terms?",
        f"Subtract it: {_CODE}",
    ),
    mistake(
        "the margins in place of 1",
        instead(lambda x, y, margin: _balanced(_near(x, y, margin) * _gap(x, y, margin), x, y)),
        "The slopes are what each class lacks of the margin, and not 1: the maximum was not "
        "derived.",
        "Your gradient grows with the scores.",
        "A term is a straight line where it is not 0.",
        "The derivative of the maximum: 1 or 0.",
        "Set what is positive to 1: `margins[margins > 0] = 1`.",
    ),
    mistake(
        "every other class counts",
        instead(lambda x, y: _balanced(1.0 * ~_right(x, y), x, y)),
        "Classes that are far enough behind have a gradient too.",
        "Your gradient does not depend on the scores at all.",
        "Where the right class is far enough ahead, the loss is flat.",
        _OTHERS,
        f"Let only those count that are too near: {_CODE}",
    ),
    mistake(
        "no margin in the backward pass",
        instead(lambda x, y: _balanced(_near(x, y, 0.0), x, y)),
        "Only classes whose score is above the right one's have a gradient.",
        "Classes that are behind by less than the margin get no gradient.",
        "The loss rises until a class is behind by the whole margin.",
        "The condition of the cases: when is a term 0?",
        "Compare what includes the margin with 0, as in the forward pass.",
    ),
    mistake(
        "only the worst class in the backward pass",
        instead(lambda x, y, margin: _balanced(_worst(x, y, margin), x, y)),
        "The gradient is that of the largest term of each row.",
        "At most two entries of a row are not 0.",
        "Each class that is too near costs something.",
        "The sum over the classes: deriving a sum leaves a sum.",
        f"Let all of them count: {_CODE}",
    ),
    mistake(
        "counted down the columns",
        instead(
            lambda x, y, margin: (
                _near(x, y, margin) - _right(x, y) * _near(x, y, margin).sum(axis=0)
            )
        ),
        "What is subtracted is the number of rows in which the class is too near.",
        "The gradient of one row changes with the other rows.",
        _SUMS,
        _RIGHT_CLASS,
        f"Sum over axis 1: {_CODE}",
    ),
    mistake(
        "the right class is counted",
        {"value": lambda value, margin: value + margin},
        "The sum runs over all classes; the right one lacks the whole margin of itself.",
        "The loss never falls below the margin.",
        _TERMS,
        "The sum runs over the classes but one: which?",
        "Set the right class' term to 0: `margins[np.arange(N), y] = 0`.",
    ),
    mistake(
        "no margin",
        {"value": lambda x, y: _value(np.maximum(_gap(x, y, 0), 0), x, y)},
        "Nothing is added to the difference of the scores.",
        "The loss is 0 where the right class is ahead by very little.",
        "The loss is 0 only where the right class is ahead by the margin.",
        _DEFINITION,
        _FORWARD,
    ),
    mistake(
        "the margin is subtracted",
        {"value": lambda x, y, margin: _value(np.maximum(_gap(x, y, -margin), 0), x, y)},
        "The margin has the other sign.",
        "The loss is 0 where another class is ahead by less than the margin.",
        "The loss is 0 only where the right class is ahead by the margin.",
        _DEFINITION,
        _FORWARD,
    ),
    mistake(
        "no maximum",
        {"value": lambda x, y, margin: _value(_gap(x, y, margin), x, y)},
        "Terms below 0 are not cut off.",
        "The loss can be negative.",
        _TERMS,
        _DEFINITION,
        _FORWARD,
    ),
    mistake(
        "the difference is taken the other way round",
        {
            "value": lambda x, y, margin: _value(
                np.maximum(2 * margin - _gap(x, y, margin), 0), x, y
            )
        },
        "Another class' score is subtracted from the right one's.",
        "The further the right class is ahead, the larger is the loss.",
        _TERMS,
        "The definition: which of the two scores should be the larger one?",
        _FORWARD,
    ),
    mistake(
        "the absolute value",
        {"value": lambda x, y, margin: _value(np.abs(_gap(x, y, margin)), x, y)},
        "The size of each difference is taken, and not its positive part.",
        "A class that is far behind costs as much as one that is far ahead.",
        _TERMS,
        _DEFINITION,
        _FORWARD,
    ),
    mistake(
        "the number of classes that are too near",
        {"value": lambda x, y, margin: _value(_near(x, y, margin), x, y)},
        "The value counts the terms that are not 0.",
        "The loss does not change when the scores change a little.",
        "The closer a class comes, the more it costs.",
        _DEFINITION,
        _FORWARD,
    ),
    mistake(
        "only the worst class counts",
        _only_worst,
        "Of each row the largest term alone is taken, as in Crammer and Singer's loss.",
        "A second class that is too near costs nothing.",
        "Each class that is too near costs something.",
        "The definition: a sum over the classes, not a maximum.",
        _FORWARD,
    ),
    mistake(
        "the squared hinge",
        _squares,
        "Each term is squared.",
        "A class that lacks twice as much costs four times as much.",
        "A term is a straight line where it is not 0.",
        "The definition: there is no square in it.",
        _FORWARD,
    ),
    *GENERAL[:4],
)

AT_THE_MARGIN: tuple[Mistake, ...] = (
    convention(
        "1 at the margin",
        instead(
            lambda x, y, margin: _balanced(1.0 * ((_gap(x, y, margin) >= 0) & ~_right(x, y)), x, y)
        ),
        "Where a class is behind by exactly the margin it has a gradient.",
    ),
)


class HingeKind(LossKind):
    """The hinge loss of several classes, as Weston and Watkins and CS231n write it.

    The margin is ours, 1, unless it is among the names `asked`, which the code takes.
    """

    name = "hinge"
    words = ("hinge", "svm", "multimargin")
    mistakes = MISTAKES
    conventions = (
        scaled(
            "divided by the number of classes",
            lambda x: 1 / x.shape[1],
            "The value is divided by rows and classes, as in PyTorch's MultiMarginLoss.",
        ),
        scaled(
            "a sum in place of a mean",
            lambda x: len(x),
            "The value is the sum over the rows.",
        ),
        scaled(
            "a sum over the rows, divided by the number of classes",
            lambda x: len(x) / x.shape[1],
            "The value is the sum over the rows, divided by the classes.",
        ),
    )
    axes: ClassVar = {"x": "N K", "y": "N", "value": ""}
    indices = ("y",)

    def __init__(self, asked: Sequence[str] = ()) -> None:
        self.margins = (0.5, 1.5, 0.75, 1.25) if "margin" in asked else (1.0,)

    def option_names(self) -> tuple[str, ...]:
        return ("margin",)

    def loss(self, given: Given) -> HingeLoss:
        return HingeLoss(margin=given["margin"])

    def right(self, given: Given, seen: Results) -> Results:
        K = given.x.shape[1]  # ours is divided by it
        return {name: K * array for name, array in super().right(given, seen).items()}

    def givens(self, shapes: Shapes, seed: int) -> list[Given]:
        """Return scores and class indices."""
        return [
            self._given(shape, np.random.default_rng([seed, i])) for i, shape in enumerate(shapes)
        ]

    def _given(self, shape: tuple[int, ...], rng: np.random.Generator) -> Given:
        N, K = shape[0], shape[-1]
        inputs = {"x": 1.5 * rng.standard_normal((N, K)), "y": rng.integers(0, K, N)}
        margin = self.margins[N % len(self.margins)]
        return Given(f"N = {N}, K = {K}", {"N": N, "K": K}, inputs, options={"margin": margin})

    def stresses(self, seed: int) -> list[Stress]:
        large, whole, extreme = [], [], []
        for i, (N, K) in enumerate(((5, 4), (7, 3))):
            rng = np.random.default_rng([seed, 99, i])
            large.append(self._given((67 + i, K), rng))
            given = self._given((N, K), rng)
            extreme.append(given.changed(f"scores of 1e4, {given.label}", x=1e4 * given.x))
            whole.append(given.changed(f"whole scores, {given.label}", x=np.rint(2 * given.x)))
        return [
            Stress("large", "a large minibatch", large),
            Stress("ties", "scores that are whole numbers", whole, (), AT_THE_MARGIN),
            Stress("extreme", "scores of size 1e4", extreme),
        ]
