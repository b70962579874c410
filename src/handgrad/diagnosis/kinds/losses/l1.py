"""The mean absolute error, and mistakes in it."""

from __future__ import annotations

import numpy as np

from handgrad.arguments import Array
from handgrad.diagnosis.families import DOUBLED, HALVED, ZERO, instead_of
from handgrad.diagnosis.given import Given, Results
from handgrad.diagnosis.kinds.losses.entries import (
    MEANS,
    TURNED,
    EntriesKind,
    compared,
    mean_of_entries,
    one_row,
)
from handgrad.diagnosis.mistake import Mistake, convention, mistake
from handgrad.losses import L1Loss

__all__ = ["L1Kind"]

_SIZE = "Every entry of the gradient has the same size, however far the prediction is off."
_CASES = "The line with the cases: a difference above 0 has the slope 1, one below 0 the slope -1."
_CODE = "`np.sign(prediction - target) / prediction.size`."
_VALUE = "The loss is 0 only where every prediction is right, and grows in proportion to the error."
_DEFINITION = "The definition of the loss: the mean of the sizes of the differences."
_FORWARD = "Write `np.mean(np.abs(prediction - target))`."

instead = instead_of(lambda x, y: np.sign(x - y))


def _outer(x: Array, y: Array) -> Results:
    r = x - y
    return {"value": np.asarray(np.abs(r).mean()), "gradient": np.sign(r) / r.size}


MISTAKES: tuple[Mistake, ...] = (
    *mean_of_entries(_CODE.strip("`.")),
    TURNED,
    mistake(
        "the difference in place of its sign",
        instead(lambda x, y: x - y),
        "The gradient holds the differences themselves, as that of a squared error does.",
        "Your gradient grows with the distance from the target.",
        _SIZE,
        _CASES,
        f"Take the sign: {_CODE}",
    ),
    mistake(
        "the size of the difference in place of its sign",
        instead(lambda x, y: np.abs(x - y)),
        "The gradient holds the absolute differences, as the value does: they were not derived.",
        "Your gradient is never negative.",
        _SIZE,
        _CASES,
        f"Take the sign: {_CODE}",
    ),
    mistake(
        "1 everywhere",
        instead(lambda x: np.ones_like(x)),
        "The slope is 1 on both sides: the sign is lost.",
        "Your gradient is never negative.",
        "Below the target the loss falls as the prediction rises, so the gradient is negative "
        "there.",
        _CASES,
        f"Take the sign: {_CODE}",
    ),
    mistake(
        "0 below the target",
        instead(lambda x, y: (x > y).astype(np.float64)),
        "The slope is 1 above the target, and 0 below it.",
        "Predictions that are too small get no gradient.",
        _SIZE,
        _CASES,
        f"Take the sign, which is -1 there: {_CODE}",
    ),
    mistake(
        "the sign of the prediction",
        instead(lambda x: np.sign(x)),
        "The target is not subtracted before the sign is taken.",
        "Your gradient does not depend on the target.",
        "Whether a prediction is too large depends on its target.",
        "The inner bracket: what is it that the absolute value is taken of?",
        f"Subtract the target first: {_CODE}",
    ),
    *one_row(),
    *compared(_outer),
    mistake(
        "the squared error",
        {"value": lambda x, y: np.mean((x - y) ** 2)},
        "The value is the mean of the squares.",
        "Twice the error gives four times the loss.",
        _VALUE,
        _DEFINITION,
        _FORWARD,
    ),
    mistake(
        "no absolute value",
        {"value": lambda x, y: np.mean(x - y)},
        "The value is the mean of the differences themselves, which cancel each other.",
        "The loss can be negative.",
        _VALUE,
        _DEFINITION,
        _FORWARD,
    ),
    mistake(
        "the absolute value of the mean",
        {"value": lambda x, y: np.abs(np.mean(x - y))},
        "The mean is taken first, so that differences of opposite signs cancel.",
        "The loss is 0 although no prediction is right, where the errors cancel.",
        _VALUE,
        _DEFINITION,
        _FORWARD,
    ),
    mistake(
        "the root of the mean square",
        {"value": lambda x, y: np.sqrt(np.mean((x - y) ** 2))},
        "The differences are squared, and the root is taken of their mean.",
        "One large error counts more than several small ones.",
        _VALUE,
        _DEFINITION,
        _FORWARD,
    ),
    mistake(
        "the largest error",
        {"value": lambda x, y: np.abs(x - y).max()},
        "The value is the largest of the absolute differences.",
        "Only one entry decides what the loss is.",
        "Every entry contributes to a mean.",
        _DEFINITION,
        _FORWARD,
    ),
    ZERO,
    DOUBLED,
    HALVED,
)


def _where_right(slope: int) -> Mistake:
    """Return the convention that the slope is 1 or -1 at the kink."""
    return convention(
        f"{slope} where the prediction is right",
        {
            "gradient": lambda gradient, x, y: np.where(
                x == y, slope * np.abs(gradient).max(), gradient
            )
        },
        f"Where a prediction is exactly right, the slope is taken to be {slope}.",
    )


class L1Kind(EntriesKind):
    """The mean absolute error."""

    name = "l1"
    words = ("l1loss", "lossl1", "meanabsolute", "absoluteerror", "mae")
    mistakes = MISTAKES
    conventions = MEANS
    whole = (_where_right(1), _where_right(-1))

    def _given(self, shape: tuple[int, ...], rng: np.random.Generator) -> Given:
        given = super()._given(shape, rng)
        given.x[...] -= 1  # on the whole too small, so that a mean without absolute values shows it
        return given

    def loss(self, given: Given) -> L1Loss:
        return L1Loss()
