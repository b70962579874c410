"""Mistakes in the mean squared error."""

from __future__ import annotations

import numpy as np

from handgrad.arguments import Array
from handgrad.diagnosis.families import DOUBLED, ZERO, instead_of, scaled
from handgrad.diagnosis.given import Results
from handgrad.diagnosis.kinds.losses.entries import (
    MEANS,
    TURNED,
    compared,
    mean_of_entries,
    one_row,
)
from handgrad.diagnosis.mistake import Mistake, mistake

__all__ = ["CONVENTIONS", "MISTAKES"]

_PARABOLA = (
    "The loss grows in proportion to the residual, not to its square.",
    "Twice the residual gives four times the mean squared error.",
)
instead = instead_of(lambda x, y: x - y)


def _outer(x: Array, y: Array) -> Results:
    residual = x - y
    return {
        "value": np.asarray(np.mean(residual**2)),
        "gradient": 2 * residual / residual.size,
    }


CONVENTIONS: tuple[Mistake, ...] = (
    *MEANS,
    scaled(
        "a factor of 1/2",
        lambda: 0.5,
        "The value is half of the mean, so that the gradient has no 2.",
    ),
    scaled(
        "a factor of 1/2 and a sum in place of a mean",
        lambda gradient: 0.5 * gradient.size,
        "The value is half of the sum.",
    ),
    scaled(
        "a factor of 1/2 and a mean over the rows alone",
        lambda gradient: 0.5 * gradient.size / len(gradient),
        "The value is half of the sum over the columns, and the mean over the rows.",
    ),
)


MISTAKES: tuple[Mistake, ...] = (
    *mean_of_entries("2 * (prediction - target) / prediction.size"),
    mistake(
        "the 2 is missing",
        {"gradient": lambda gradient: gradient / 2},
        "The gradient is half of what it should be: the square was derived without its factor.",
        "A finite difference of the loss gives twice your gradient, at every entry.",
        "Along a straight line through the target the loss is a parabola; its slope grows twice "
        "as fast as the distance.",
        "The line that derives the square: the power rule brings the exponent down.",
        "Multiply by 2: the derivative of `r**2` is `2 * r`.",
    ),
    TURNED,
    mistake(
        "the target is not subtracted",
        instead(lambda x: x),
        "The gradient is computed from the prediction alone.",
        "Where the prediction is exactly the target, the gradient is not 0.",
        "At its minimum, the target, the loss is flat.",
        "The inner bracket: the derivative of a square is still a function of what was squared.",
        "Use the residual, `prediction - target`, in place of the prediction.",
    ),
    mistake(
        "the residual is squared in the gradient",
        instead(lambda x, y: (x - y) ** 2),
        "The gradient holds the squares of the differences, as the value does: the square was not "
        "derived.",
        "Your gradient is never negative.",
        "Below the target the loss falls as the prediction rises, so the gradient is negative "
        "there.",
        "The line that derives the square: the power rule lowers the exponent by one.",
        "Use the difference itself: the derivative of `r**2` is `2 * r`.",
    ),
    mistake(
        "the gradient of the absolute error",
        instead(lambda x, y: np.sign(x - y)),
        "Only the sign of the difference is used: that belongs to the mean absolute error.",
        "All entries of the gradient have the same size.",
        "Twice the distance from the target gives twice the gradient.",
        "The line that derives the square: what remains still holds the difference.",
        "Use the difference itself, not `np.sign` of it.",
    ),
    mistake(
        "the sign is lost",
        {"gradient": lambda gradient: np.abs(gradient)},
        "The absolute value of the difference is used.",
        "Your gradient is never negative.",
        "Below the target the loss falls as the prediction rises, so the gradient is negative "
        "there.",
        "The line that derives the square: no absolute value comes from it.",
        "Leave out the `abs`.",
    ),
    *one_row(),
    *compared(_outer),
    mistake(
        "the root of the mean",
        {"value": lambda value: np.sqrt(value)},
        "The value is the root of the mean squared error.",
        *_PARABOLA,
        "The definition of the loss: there is no root in it.",
        "Leave out the root.",
    ),
    mistake(
        "nothing is squared",
        {"value": lambda x, y: np.mean(x - y)},
        "The value is the mean of the differences themselves, which cancel each other.",
        "The loss can be negative.",
        "A squared error is 0 only where every prediction is right.",
        "The definition of the loss: the square comes before the mean.",
        "Square the difference before the mean.",
    ),
    mistake(
        "the absolute error",
        {"value": lambda x, y: np.mean(np.abs(x - y))},
        "The value is the mean of the absolute differences.",
        *_PARABOLA,
        "The definition of the loss: the difference is squared.",
        "Square the difference; do not take its absolute value.",
    ),
    mistake(
        "the square of the mean",
        {"value": lambda x, y: np.mean(x - y) ** 2},
        "The mean is taken first and squared afterwards.",
        "The loss is 0 although no prediction is right, where the errors cancel.",
        "A squared error is 0 only where every prediction is right.",
        "The definition of the loss: the square comes before the mean.",
        "Square first, then take the mean.",
    ),
    ZERO,
    DOUBLED,
)
