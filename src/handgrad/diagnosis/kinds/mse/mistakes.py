"""Mistakes in the mean squared error."""

from __future__ import annotations

import numpy as np

from handgrad.arguments import Array
from handgrad.diagnosis.families import DOUBLED, ZERO, scaled
from handgrad.diagnosis.given import Given, Results
from handgrad.diagnosis.mistake import Mistake, mistake

__all__ = ["CONVENTIONS", "MISTAKES"]

_PARABOLA = (
    "The loss grows in proportion to the residual, not to its square.",
    "Twice the residual gives four times the mean squared error.",
)
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


def _scale(given: Given, right: Results) -> float:
    """Return the factor in front of the residual, in whatever convention."""
    residual = given.x - given["y"]
    return float(np.vdot(right["gradient"], residual) / np.vdot(residual, residual))


def _outer(residual: Array) -> Results:
    return {
        "value": np.asarray(np.mean(residual**2)),
        "gradient": 2 * residual / residual.size,
    }


CONVENTIONS: tuple[Mistake, ...] = (
    scaled(
        "a sum in place of a mean",
        lambda gradient: gradient.size,
        "The value is the sum of the squares over all entries.",
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
    mistake(
        "the mean is left out of the gradient",
        {"gradient": lambda gradient: gradient * gradient.size},
        "The gradient is that of the sum of the squares: it is too large by the number of entries.",
        "The larger the array, the larger the gradient, although the loss stays the same size.",
        "Two copies of the same data, one below the other, have the same loss; the gradient of "
        "each row must then be half as large.",
        "The first line: the loss is a sum with a factor in front, and a constant factor stays in "
        "front of the derivative.",
        "Divide by the number of entries: `2 * (prediction - target) / prediction.size`.",
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
        "The gradient is divided by D, the number of columns, where the loss is a mean over all "
        "entries.",
        "The more rows the minibatch has, the larger is the step.",
        *_MEAN,
        "Divide by `prediction.size`, not by `prediction.shape[1]`.",
    ),
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
    mistake(
        "target minus prediction",
        {"gradient": lambda gradient: -gradient},
        "The difference is taken the wrong way round, so the gradient points uphill.",
        "Every step against your gradient raises the loss.",
        "Where the prediction is too large, the loss falls as the prediction falls: the gradient "
        "is positive there.",
        "The inner derivative: you derive by the prediction. Which sign does it have in the "
        "difference?",
        "Write `prediction - target`, or keep your order and multiply by -1.",
    ),
    mistake(
        "averaged once too often",
        {"gradient": lambda gradient: gradient / gradient.size},
        "The gradient is divided by the number of entries although the value's own scale does not "
        "ask for it: twice where the value is a mean, once where it is a sum.",
        "The gradient is very small, and the more so the larger the array.",
        "A finite difference of your own value is larger than your gradient by the number of "
        "entries.",
        "The factor in front of the sum: it appears in the derivative as often as in the loss.",
        "Remove one division by the number of entries, or put it into the value too.",
    ),
    mistake(
        "divided by the rows once too often",
        {"gradient": lambda gradient: gradient / len(gradient)},
        "The gradient is divided by N although the value's own scale does not ask for it.",
        "The gradient shrinks with the size of the minibatch more than the loss does.",
        "A finite difference of your own value is larger than your gradient by the number of rows.",
        "The factor in front of the sum: it appears in the derivative as often as in the loss.",
        "Remove one division by `len(prediction)`, or put it into the value too.",
    ),
    mistake(
        "divided by the columns once too often",
        {"gradient": lambda gradient: gradient * (len(gradient) / gradient.size)},
        "The gradient is divided by D although the value's own scale does not ask for it.",
        "For one column the gradient is right; with more columns it is too small.",
        "A finite difference of your own value is larger than your gradient by the number of "
        "columns.",
        "The factor in front of the sum: it appears in the derivative as often as in the loss.",
        "Remove one division by `prediction.shape[1]`, or put it into the value too.",
    ),
    mistake(
        "the target is not subtracted",
        {"gradient": lambda given, right, x: _scale(given, right) * x},
        "The gradient is computed from the prediction alone.",
        "Where the prediction is exactly the target, the gradient is not 0.",
        "At its minimum, the target, the loss is flat.",
        "The inner bracket: the derivative of a square is still a function of what was squared.",
        "Use the residual, `prediction - target`, in place of the prediction.",
    ),
    mistake(
        "the residual is squared in the gradient",
        {"gradient": lambda given, right, x, y: _scale(given, right) * (x - y) ** 2},
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
        {"gradient": lambda given, right, x, y: _scale(given, right) * np.sign(x - y)},
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
    mistake(
        "summed over the minibatch",
        {"gradient": lambda gradient: gradient.sum(axis=0)},
        "The rows of the gradient are added up, so that one row is left.",
        *_NO_SUM,
        "Leave out the sum (`.sum(axis=0)`, `np.sum`): the gradient has the predictions' shape.",
    ),
    mistake(
        "averaged over the minibatch",
        {"gradient": lambda gradient: gradient.mean(axis=0)},
        "The rows of the gradient are averaged, so that one row is left.",
        *_NO_SUM,
        "Leave out the mean (`.mean(axis=0)`): the gradient has the predictions' shape.",
    ),
    mistake(
        "everything is compared with everything",
        lambda x, y: _outer(x.reshape(-1, 1) - y.reshape(1, -1)),
        "Predictions of shape (M,) meet targets of shape (M, 1) or the other way round, and the "
        "difference broadcasts to (M, M).",
        "The residual has more entries than the predictions.",
        *_ONE_TO_ONE,
        "Give both the same shape first: `target = target.reshape(prediction.shape)`.",
    ),
    mistake(
        "everything is compared with everything, targets down the rows",
        lambda x, y: _outer(x.reshape(1, -1) - y.reshape(-1, 1)),
        "Targets of shape (M, 1) meet predictions of shape (M,), and the difference broadcasts to "
        "(M, M).",
        "The residual has more entries than the predictions.",
        *_ONE_TO_ONE,
        "Give both the same shape first: `target = target.reshape(prediction.shape)`.",
    ),
    mistake(
        "every row is compared with every row",
        lambda x, y: _outer(x[None] - y[:, None]),
        "The targets have got an axis too many in front of the last, and the difference "
        "broadcasts: each row of the predictions is compared with all rows of the targets.",
        "The residual has one axis more than the predictions.",
        *_ONE_TO_ONE,
        "Leave the targets' shape alone (no `[:, None]`, no `keepdims`), or bring both to one "
        "shape.",
    ),
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
