"""Mistakes in the mean squared error."""

from __future__ import annotations

import numpy as np

from handgrad.component import Array
from handgrad.diagnosis import families as general
from handgrad.diagnosis.mistake import Given, Mistake, Results, convention, mistake

__all__ = ["CONVENTIONS", "MISTAKES"]


@mistake(
    "the mean is left out of the gradient",
    "The gradient is that of the sum of the squares: it is too large by the number of entries.",
    "The larger the array, the larger the gradient, although the loss stays the same size.",
    "Two copies of the same data, one below the other, have the same loss; the gradient of each "
    "row must then be half as large.",
    "The first line: the loss is a sum with a factor in front, and a constant factor stays in "
    "front of the derivative.",
    "Divide by the number of entries: `2 * (prediction - target) / prediction.size`.",
)
def no_mean(given: Given, right: Results) -> Results:
    return {"gradient": right["gradient"] * right["gradient"].size}


@mistake(
    "divided by the rows only",
    "The gradient is divided by N, the number of rows, where the loss is a mean over all entries.",
    "For one column the gradient is right; with more columns it is too large.",
    "The loss is a mean over rows and columns, so its gradient shrinks with both.",
    "The first line: how many terms does the mean have?",
    "Divide by `prediction.size`, not by `len(prediction)` or `prediction.shape[0]`.",
)
def rows_only(given: Given, right: Results) -> Results:
    gradient = right["gradient"]
    return {"gradient": gradient * (gradient.size / len(gradient))}


@mistake(
    "divided by the columns only",
    "The gradient is divided by D, the number of columns, where the loss is a mean over all "
    "entries.",
    "The more rows the minibatch has, the larger is the step.",
    "The loss is a mean over rows and columns, so its gradient shrinks with both.",
    "The first line: how many terms does the mean have?",
    "Divide by `prediction.size`, not by `prediction.shape[1]`.",
)
def columns_only(given: Given, right: Results) -> Results:
    gradient = right["gradient"]
    return {"gradient": gradient * len(gradient)}


@mistake(
    "the 2 is missing",
    "The gradient is half of what it should be: the square was derived without its factor.",
    "A finite difference of the loss gives twice your gradient, at every entry.",
    "Along a straight line through the target the loss is a parabola; its slope grows twice as "
    "fast as the distance.",
    "The line that derives the square: the power rule brings the exponent down.",
    "Multiply by 2: the derivative of `r**2` is `2 * r`.",
)
def no_two(given: Given, right: Results) -> Results:
    return {"gradient": right["gradient"] / 2}


@mistake(
    "target minus prediction",
    "The difference is taken the wrong way round, so the gradient points uphill.",
    "Every step against your gradient raises the loss.",
    "Where the prediction is too large, the loss falls as the prediction falls: the gradient is "
    "positive there.",
    "The inner derivative: you derive by the prediction. Which sign does it have in the "
    "difference?",
    "Write `prediction - target`, or keep your order and multiply by -1.",
)
def reversed_difference(given: Given, right: Results) -> Results:
    return {"gradient": -right["gradient"]}


@mistake(
    "averaged once too often",
    "The gradient is divided by the number of entries although the value's own scale does not "
    "ask for it: twice where the value is a mean, once where it is a sum.",
    "The gradient is very small, and the more so the larger the array.",
    "A finite difference of your own value is larger than your gradient by the number of entries.",
    "The factor in front of the sum: it appears in the derivative as often as in the loss.",
    "Remove one division by the number of entries, or put it into the value too.",
)
def averaged_twice(given: Given, right: Results) -> Results:
    return {"gradient": right["gradient"] / right["gradient"].size}


@mistake(
    "divided by the rows once too often",
    "The gradient is divided by N although the value's own scale does not ask for it.",
    "The gradient shrinks with the size of the minibatch more than the loss does.",
    "A finite difference of your own value is larger than your gradient by the number of rows.",
    "The factor in front of the sum: it appears in the derivative as often as in the loss.",
    "Remove one division by `len(prediction)`, or put it into the value too.",
)
def rows_twice(given: Given, right: Results) -> Results:
    return {"gradient": right["gradient"] / len(right["gradient"])}


@mistake(
    "divided by the columns once too often",
    "The gradient is divided by D although the value's own scale does not ask for it.",
    "For one column the gradient is right; with more columns it is too small.",
    "A finite difference of your own value is larger than your gradient by the number of columns.",
    "The factor in front of the sum: it appears in the derivative as often as in the loss.",
    "Remove one division by `prediction.shape[1]`, or put it into the value too.",
)
def columns_twice(given: Given, right: Results) -> Results:
    gradient = right["gradient"]
    return {"gradient": gradient * (len(gradient) / gradient.size)}


@mistake(
    "the target is not subtracted",
    "The gradient is computed from the prediction alone.",
    "Where the prediction is exactly the target, the gradient is not 0.",
    "At its minimum, the target, the loss is flat.",
    "The inner bracket: the derivative of a square is still a function of what was squared.",
    "Use the residual, `prediction - target`, in place of the prediction.",
)
def no_target(given: Given, right: Results) -> Results:
    return {"gradient": _scale(given, right) * given.x}


@mistake(
    "the residual is squared in the gradient",
    "The gradient holds the squares of the differences, as the value does: the square was not "
    "derived.",
    "Your gradient is never negative.",
    "Below the target the loss falls as the prediction rises, so the gradient is negative there.",
    "The line that derives the square: the power rule lowers the exponent by one.",
    "Use the difference itself: the derivative of `r**2` is `2 * r`.",
)
def squared_residual(given: Given, right: Results) -> Results:
    return {"gradient": _scale(given, right) * (given.x - given.y) ** 2}


@mistake(
    "the gradient of the absolute error",
    "Only the sign of the difference is used: that belongs to the mean absolute error.",
    "All entries of the gradient have the same size.",
    "Twice the distance from the target gives twice the gradient.",
    "The line that derives the square: what remains still holds the difference.",
    "Use the difference itself, not `np.sign` of it.",
)
def sign_only(given: Given, right: Results) -> Results:
    return {"gradient": _scale(given, right) * np.sign(given.x - given.y)}


@mistake(
    "the sign is lost",
    "The absolute value of the difference is used.",
    "Your gradient is never negative.",
    "Below the target the loss falls as the prediction rises, so the gradient is negative there.",
    "The line that derives the square: no absolute value comes from it.",
    "Leave out the `abs`.",
)
def absolute(given: Given, right: Results) -> Results:
    return {"gradient": np.abs(right["gradient"])}


@mistake(
    "summed over the minibatch",
    "The rows of the gradient are added up, so that one row is left.",
    "The gradient has not the shape of the predictions.",
    "There is one derivative for each entry of the predictions.",
    "The sum over m: deriving by one entry leaves one term of it, so no sum remains.",
    "Leave out the sum (`.sum(axis=0)`, `np.sum`): the gradient has the predictions' shape.",
)
def summed_rows(given: Given, right: Results) -> Results:
    return {"gradient": right["gradient"].sum(axis=0)}


@mistake(
    "averaged over the minibatch",
    "The rows of the gradient are averaged, so that one row is left.",
    "The gradient has not the shape of the predictions.",
    "There is one derivative for each entry of the predictions.",
    "The sum over m: deriving by one entry leaves one term of it, so no sum remains.",
    "Leave out the mean (`.mean(axis=0)`): the gradient has the predictions' shape.",
)
def averaged_rows(given: Given, right: Results) -> Results:
    return {"gradient": right["gradient"].mean(axis=0)}


@mistake(
    "everything is compared with everything",
    "Predictions of shape (M,) meet targets of shape (M, 1) or the other way round, and the "
    "difference broadcasts to (M, M).",
    "The residual has more entries than the predictions.",
    "Each prediction has one target, and is compared with no other.",
    "The subtraction: term m of the sum holds prediction m and target m.",
    "Give both the same shape first: `target = target.reshape(prediction.shape)`.",
)
def broadcast(given: Given, right: Results) -> Results:
    return _outer(given.x.reshape(-1, 1) - given.y.reshape(1, -1))


@mistake(
    "everything is compared with everything, targets down the rows",
    "Targets of shape (M, 1) meet predictions of shape (M,), and the difference broadcasts to "
    "(M, M).",
    "The residual has more entries than the predictions.",
    "Each prediction has one target, and is compared with no other.",
    "The subtraction: term m of the sum holds prediction m and target m.",
    "Give both the same shape first: `target = target.reshape(prediction.shape)`.",
)
def broadcast_transposed(given: Given, right: Results) -> Results:
    return _outer(given.x.reshape(1, -1) - given.y.reshape(-1, 1))


@mistake(
    "every row is compared with every row",
    "The targets have got an axis too many in front of the last, and the difference broadcasts: "
    "each row of the predictions is compared with all rows of the targets.",
    "The residual has one axis more than the predictions.",
    "Each prediction has one target, and is compared with no other.",
    "The subtraction: term m of the sum holds prediction m and target m.",
    "Leave the targets' shape alone (no `[:, None]`, no `keepdims`), or bring both to one shape.",
)
def broadcast_rows(given: Given, right: Results) -> Results:
    return _outer(given.x[None] - given.y[:, None])


@mistake(
    "the root of the mean",
    "The value is the root of the mean squared error.",
    "The loss grows in proportion to the residual, not to its square.",
    "Twice the residual gives four times the mean squared error.",
    "The definition of the loss: there is no root in it.",
    "Leave out the root.",
)
def root(given: Given, right: Results) -> Results:
    return {"value": np.sqrt(right["value"])}


@mistake(
    "nothing is squared",
    "The value is the mean of the differences themselves, which cancel each other.",
    "The loss can be negative.",
    "A squared error is 0 only where every prediction is right.",
    "The definition of the loss: the square comes before the mean.",
    "Square the difference before the mean.",
)
def not_squared(given: Given, right: Results) -> Results:
    return {"value": np.asarray(np.mean(given.x - given.y))}


@mistake(
    "the absolute error",
    "The value is the mean of the absolute differences.",
    "The loss grows in proportion to the residual, not to its square.",
    "Twice the residual gives four times the mean squared error.",
    "The definition of the loss: the difference is squared.",
    "Square the difference; do not take its absolute value.",
)
def absolute_error(given: Given, right: Results) -> Results:
    return {"value": np.asarray(np.mean(np.abs(given.x - given.y)))}


@mistake(
    "the square of the mean",
    "The mean is taken first and squared afterwards.",
    "The loss is 0 although no prediction is right, where the errors cancel.",
    "A squared error is 0 only where every prediction is right.",
    "The definition of the loss: the square comes before the mean.",
    "Square first, then take the mean.",
)
def square_of_mean(given: Given, right: Results) -> Results:
    return {"value": np.asarray(np.mean(given.x - given.y) ** 2)}


@convention("a sum in place of a mean", "The value is the sum of the squares over all entries.")
def total(given: Given, right: Results) -> Results:
    return _times(right, right["gradient"].size)


@convention(
    "a mean over the rows alone",
    "The value is the sum over the columns, and the mean over the rows.",
)
def mean_of_rows(given: Given, right: Results) -> Results:
    gradient = right["gradient"]
    return _times(right, gradient.size / len(gradient))


@convention(
    "a mean over the columns alone",
    "The value is the mean over the columns, and the sum over the rows.",
)
def mean_of_columns(given: Given, right: Results) -> Results:
    return _times(right, len(right["gradient"]))


@convention("a factor of 1/2", "The value is half of the mean, so that the gradient has no 2.")
def half(given: Given, right: Results) -> Results:
    return _times(right, 0.5)


@convention("a factor of 1/2 and a sum in place of a mean", "The value is half of the sum.")
def half_total(given: Given, right: Results) -> Results:
    return _times(right, 0.5 * right["gradient"].size)


@convention(
    "a factor of 1/2 and a mean over the rows alone",
    "The value is half of the sum over the columns, and the mean over the rows.",
)
def half_mean_of_rows(given: Given, right: Results) -> Results:
    gradient = right["gradient"]
    return _times(right, 0.5 * gradient.size / len(gradient))


def _scale(given: Given, right: Results) -> float:
    """Return the factor in front of the residual, in whatever convention."""
    residual = given.x - given.y
    return float(np.vdot(right["gradient"], residual) / np.vdot(residual, residual))


def _outer(residual: Array) -> Results:
    return {
        "value": np.asarray(np.mean(residual**2)),
        "gradient": 2 * residual / residual.size,
    }


def _times(right: Results, factor: float) -> Results:
    return {name: np.asarray(array * factor) for name, array in right.items()}


CONVENTIONS: tuple[Mistake, ...] = (
    total,
    mean_of_rows,
    mean_of_columns,
    half,
    half_total,
    half_mean_of_rows,
)
MISTAKES: tuple[Mistake, ...] = (
    no_mean,
    rows_only,
    columns_only,
    no_two,
    reversed_difference,
    averaged_twice,
    rows_twice,
    columns_twice,
    no_target,
    squared_residual,
    sign_only,
    absolute,
    summed_rows,
    averaged_rows,
    broadcast,
    broadcast_transposed,
    broadcast_rows,
    root,
    not_squared,
    absolute_error,
    square_of_mean,
    general.zero,
    general.doubled,
)
