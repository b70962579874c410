"""Huber's loss, and mistakes in it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from handgrad.arguments import Array
from handgrad.diagnosis.families import DOUBLED, HALVED, ZERO, instead_of
from handgrad.diagnosis.given import Given
from handgrad.diagnosis.kinds.losses.entries import (
    MEANS,
    TURNED,
    EntriesKind,
    mean_of_entries,
    one_row,
)
from handgrad.diagnosis.mistake import Mistake, mistake
from handgrad.losses import HuberLoss

__all__ = ["HuberKind"]

_CUT = "The gradient is the difference near the target, and goes no further than delta either way."
_CASES = "The line with the cases: the derivative of half a square, and that of a line."
_CODE = "`np.clip(r, -delta, delta) / r.size`, where r is the prediction minus the target."
_SMOOTH = "Where the cases meet, the loss has no jump."
_DEFINITION = "The definition of the loss: half the square where it is small, and a line beyond."
_FORWARD = (
    "Take the mean of `np.where(abs(r) <= delta, r**2 / 2, delta * (abs(r) - delta / 2))`, where "
    "r is the prediction minus the target."
)


def _cut(x: Array, y: Array, delta: float) -> Array:
    return np.asarray(np.clip(x - y, -delta, delta))


def _terms(x: Array, y: Array, delta: float) -> Array:
    cut = _cut(x, y, delta)
    return np.asarray(cut * (x - y - cut / 2))


def _far(x: Array, y: Array, delta: float) -> Array:
    return np.asarray(np.abs(x - y) > delta)


instead = instead_of(_cut)

MISTAKES: tuple[Mistake, ...] = (
    *mean_of_entries("np.clip(r, -delta, delta) / r.size"),
    TURNED,
    mistake(
        "not cut off",
        instead(lambda x, y: x - y),
        "The gradient is the difference everywhere, as that of a squared error.",
        "Far from the target your gradient grows on.",
        _CUT,
        _CASES,
        f"Cut the difference off: {_CODE}",
    ),
    mistake(
        "only the sign",
        instead(lambda x, y, delta: delta * np.sign(x - y)),
        "The gradient is plus or minus delta everywhere, as that of an absolute error.",
        "Near the target your gradient does not go to 0.",
        _CUT,
        _CASES,
        f"Near the target the gradient is the difference: {_CODE}",
    ),
    mistake(
        "the sign is lost beyond delta",
        instead(lambda x, y, delta: np.where(_far(x, y, delta), delta, x - y)),
        "Far from the target the gradient is delta on both sides.",
        "Predictions that are far too small are pushed down.",
        _CUT,
        "The case of the line: which slope has it on the left?",
        f"Multiply delta by the sign of the difference: {_CODE}",
    ),
    mistake(
        "0 beyond delta",
        instead(lambda x, y, delta: np.where(_far(x, y, delta), 0, x - y)),
        "Far from the target the gradient is 0.",
        "Predictions that are far off do not move.",
        _CUT,
        "The case of the line: it is not flat.",
        f"The slope is plus or minus delta there: {_CODE}",
    ),
    mistake(
        "the cases are exchanged",
        instead(lambda x, y, delta: np.where(_far(x, y, delta), x - y, delta * np.sign(x - y))),
        "The difference is the gradient far from the target, and the sign near it.",
        "Far from the target your gradient grows on, and near it it does not go to 0.",
        _CUT,
        "The line with the cases: which one belongs to small differences?",
        f"Turn the comparison round: {_CODE}",
    ),
    mistake(
        "a 2 from the square",
        instead(lambda x, y, delta: np.where(_far(x, y, delta), _cut(x, y, delta), 2 * (x - y))),
        "Near the target the gradient is twice the difference: the half in front is forgotten.",
        "Your gradient jumps where the cases meet.",
        _CUT,
        "The case of the square: what is in front of it?",
        f"The half and the 2 cancel: {_CODE}",
    ),
    mistake(
        "half the difference near the target",
        instead(lambda x, y, delta: np.where(_far(x, y, delta), _cut(x, y, delta), (x - y) / 2)),
        "Near the target the gradient is half of the difference: the square is not derived in "
        "full.",
        "Your gradient jumps where the cases meet.",
        _CUT,
        "The case of the square: the power rule brings the exponent down.",
        f"The half and the 2 cancel: {_CODE}",
    ),
    mistake(
        "the size of the difference decides nothing",
        instead(lambda x, y, delta: np.where(x - y > delta, delta, x - y)),
        "The difference itself is compared with delta, and not its size: far below the target "
        "nothing is cut off.",
        "Far below the target your gradient grows on.",
        _CUT,
        "The line with the cases: what is compared with delta?",
        f"Compare the absolute difference: {_CODE}",
    ),
    *one_row(),
    mistake(
        "the half is missing in the square",
        {
            "value": lambda x, y, delta: np.mean(
                np.where(_far(x, y, delta), _terms(x, y, delta), (x - y) ** 2)
            )
        },
        "Near the target the loss is the whole square.",
        "The loss jumps where the cases meet.",
        _SMOOTH,
        _DEFINITION,
        _FORWARD,
    ),
    mistake(
        "the line goes through 0",
        {
            "value": lambda x, y, delta: np.mean(
                np.where(_far(x, y, delta), delta * np.abs(x - y), _terms(x, y, delta))
            )
        },
        "Far from the target the loss is delta times the distance; nothing is subtracted.",
        "The loss jumps where the cases meet.",
        _SMOOTH,
        "The definition: which constant makes the line meet the parabola?",
        _FORWARD,
    ),
    mistake(
        "the constant of the line is added",
        {
            "value": lambda x, y, delta: np.mean(
                np.where(
                    _far(x, y, delta),
                    delta * (np.abs(x - y) + delta / 2),
                    _terms(x, y, delta),
                )
            )
        },
        "Far from the target half of delta is added to the distance.",
        "The loss jumps where the cases meet.",
        _SMOOTH,
        "The definition: which constant makes the line meet the parabola?",
        _FORWARD,
    ),
    mistake(
        "the line's absolute value is missing",
        {
            "value": lambda x, y, delta: np.mean(
                np.where(_far(x, y, delta), delta * (x - y - delta / 2), _terms(x, y, delta))
            )
        },
        "Far below the target the loss is negative: the line is that of the difference itself.",
        "The loss can be negative.",
        "The loss is 0 only where every prediction is right, and positive elsewhere.",
        _DEFINITION,
        _FORWARD,
    ),
    mistake(
        "the cases of the value are exchanged",
        {
            "value": lambda x, y, delta: np.mean(
                np.where(_far(x, y, delta), (x - y) ** 2 / 2, delta * (np.abs(x - y) - delta / 2))
            )
        },
        "The line is taken near the target, and the parabola far from it.",
        "The loss is negative near the target.",
        "The loss is 0 only where every prediction is right, and positive elsewhere.",
        "The definition: which of the two cases belongs to small differences?",
        _FORWARD,
    ),
    mistake(
        "the squared error",
        {"value": lambda x, y: np.mean((x - y) ** 2) / 2},
        "The value is half the mean of the squares, also far from the target.",
        "One prediction that is far off decides what the loss is.",
        "Far from the target the loss grows in proportion to the distance.",
        _DEFINITION,
        _FORWARD,
    ),
    mistake(
        "the absolute error",
        {"value": lambda x, y, delta: delta * np.mean(np.abs(x - y) - delta / 2)},
        "The value is that of the line, also near the target.",
        "The loss has a kink where a prediction is right, and is below 0 there.",
        "Near the target the loss is a parabola, whose lowest value is 0.",
        _DEFINITION,
        _FORWARD,
    ),
    ZERO,
    DOUBLED,
    HALVED,
)


class HuberKind(EntriesKind):
    """Huber's loss.

    Delta is ours, 1, unless it is among the names `asked`, which the code takes.
    """

    name = "huber"
    words = ("huber", "smoothl1")
    mistakes = MISTAKES
    conventions = MEANS

    def __init__(self, asked: Sequence[str] = ()) -> None:
        self.deltas = (0.7, 1.3, 0.5, 0.9) if "delta" in asked else (1.0,)

    def _given(self, shape: tuple[int, ...], rng: np.random.Generator) -> Given:
        given = super()._given(shape, rng)
        given.options["delta"] = self.deltas[len(given.x) % len(self.deltas)]
        return given

    def option_names(self) -> tuple[str, ...]:
        return ("delta",)

    def loss(self, given: Given) -> HuberLoss:
        return HuberLoss(delta=given["delta"])
