"""The softmax as a layer, and mistakes in it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from handgrad.activations import Softmax
from handgrad.arguments import Array
from handgrad.diagnosis.families import GENERAL, LINEAR, ignored
from handgrad.diagnosis.given import Given, Results
from handgrad.diagnosis.kinds.softmaxes.kind import RowsKind
from handgrad.diagnosis.kinds.softmaxes.probabilities import (
    SUMS,
    no_maximum,
    other_probabilities,
    softmax,
    sums_of_rows,
)
from handgrad.diagnosis.mistake import Mistake, mistake

__all__ = ["SoftmaxKind"]

_CODE = "`y * (dy - (dy * y).sum(axis=1, keepdims=True))`."
_TWO_CASES = "The derivative of the softmax has two cases: the output's own input, and another one."
_SUM = "The sum over the outputs of a row: every input reaches every one of them."
_LAST = "The last line: a product of two factors, and the second one is a difference."
_FORWARD = "Divide the exponentials by their sum over the row: `e / e.sum(axis=1, keepdims=True)`."
_PROBABILITIES = "The outputs of one row are positive and sum to 1."


def _sum(array: Array) -> Array:
    return np.asarray(array.sum(axis=-1, keepdims=True))


def _right(given: Given, y: Array) -> Results:
    """Return both passes for an output that was computed in another way."""
    return {"output": y, "dx": _gradient(given.dy, y, _sum)}


def _gradient(dy: Array, y: Array, summed: Callable[[Array], Array]) -> Array:
    """Return the gradient, with this sum over the row."""
    return np.asarray(y * (dy - summed(dy * y)))


MISTAKES: tuple[Mistake, ...] = (
    mistake(
        "only the diagonal of the softmax's Jacobian",
        {"dx": lambda dy, x: dy * softmax(x) * (1 - softmax(x))},
        "Of the softmax's Jacobian only the derivative of each output by its own input is used.",
        "The gradient of an input does not change with the upstream gradient of another output.",
        SUMS,
        _TWO_CASES,
        f"Use the whole Jacobian: {_CODE}",
    ),
    mistake(
        "the sum over the row is left out",
        {"dx": lambda dy, x: dy * softmax(x)},
        "The upstream gradient is multiplied by the output, and nothing is subtracted.",
        "The gradient of an input does not change with the upstream gradient of another output.",
        SUMS,
        _SUM,
        f"Subtract the row's sum of products: {_CODE}",
    ),
    mistake(
        "only what is off the diagonal of the softmax's Jacobian",
        {"dx": lambda dy, x: -softmax(x) * (_sum(dy * softmax(x)) - dy * softmax(x))},
        "Of the softmax's Jacobian the derivative of each output by its own input is left out.",
        "The gradient of an input does not change with the upstream gradient of its own output.",
        SUMS,
        _TWO_CASES,
        f"Use the whole Jacobian: {_CODE}",
    ),
    mistake(
        "a wrong sign beside the diagonal of the softmax's Jacobian",
        {"dx": lambda dy, x: softmax(x) * (dy - 2 * dy * softmax(x) + _sum(dy * softmax(x)))},
        "The derivative of an output by another one's input is taken with a plus.",
        "Raising one input is taken to raise all outputs of its row.",
        SUMS,
        "The derivative of the softmax has two cases; in the one of two different indices, "
        "raising one input lowers the other outputs, so what sign has it?",
        f"Take the minus, `-y[i] * y[j]` where i and j differ; all of it together is {_CODE}",
    ),
    mistake(
        "the sum is added",
        {"dx": lambda dy, x: softmax(x) * (dy + _sum(dy * softmax(x)))},
        "The row's sum of products is added where it has to be subtracted.",
        "An upstream gradient that is the same everywhere has a gradient that is not 0.",
        SUMS,
        "The line with the two terms: they have opposite signs.",
        f"Subtract it: {_CODE}",
    ),
    mistake(
        "the sum is one of the upstream gradient alone",
        {"dx": lambda dy, x: softmax(x) * (dy - _sum(dy))},
        "In the sum over the row the upstream gradient is not multiplied by the output.",
        "An upstream gradient that is the same everywhere has a gradient that is not 0.",
        SUMS,
        _SUM,
        f"Multiply by the output before the sum: {_CODE}",
    ),
    *sums_of_rows(_gradient, _CODE),
    mistake(
        "the output does not multiply the difference",
        {"dx": lambda dy, x: dy - _sum(dy * softmax(x))},
        "The factor in front of the difference is missing.",
        "An input whose output is nearly 0 gets a gradient like the others.",
        SUMS,
        _LAST,
        f"Multiply by the output: {_CODE}",
    ),
    mistake(
        "the brackets around the difference are missing",
        {"dx": lambda dy, x: softmax(x) * dy - _sum(dy * softmax(x))},
        "The output multiplies the upstream gradient alone, and not the sum.",
        "An input whose output is nearly 0 gets a gradient.",
        SUMS,
        _LAST,
        f"Put the difference in brackets: {_CODE}",
    ),
    mistake(
        "the derivative is left out",
        {"dx": lambda dy: dy.copy()},
        "The upstream gradient is passed on as it is.",
        "Your gradient does not depend on the input at all.",
        SUMS,
        "The first line, the chain rule: the upstream gradient times the Jacobian.",
        f"Multiply by the Jacobian, which comes to {_CODE}",
    ),
    mistake(
        "the difference to the upstream gradient",
        {"dx": lambda dy, x: softmax(x) - dy},
        "The upstream gradient is subtracted from the output, as a target is in a cross-entropy.",
        "Where the upstream gradient is 0, your gradient is not 0.",
        LINEAR,
        "The last line: it is the one of a loss that has its own softmax.",
        f"The layer alone has {_CODE}",
    ),
    mistake(
        "the gradient of the logarithm",
        {"dx": lambda dy, x: dy - softmax(x) * _sum(dy)},
        "What is returned is the gradient of the softmax's logarithm.",
        "Your gradient is not 0 for an input whose output is nearly 0.",
        "An output that is nearly 0 hardly changes with its input.",
        "The last line: it is the one of another function.",
        f"The softmax has {_CODE}",
    ),
    ignored(
        "dx",
        lambda x: softmax(x) * (1 - softmax(x)),
        "The diagonal of the Jacobian is returned alone; the upstream gradient does not enter.",
        f"Multiply the Jacobian by the upstream gradient: {_CODE}",
    ),
    *other_probabilities(lambda given, right, p: {"output": p}),
    mistake(
        "the exponentials are not divided by their sum",
        {"output": lambda x: np.exp(x)},
        "The forward pass returns the exponentials.",
        "The outputs of one row do not sum to 1.",
        _PROBABILITIES,
        "The definition of the softmax: each exponential is divided by something.",
        _FORWARD,
    ),
    mistake(
        "the exponential of the difference to the maximum is not divided by the sum",
        {"output": lambda x: np.exp(x - x.max(axis=-1, keepdims=True))},
        "The forward pass returns the exponentials after the maximum was subtracted.",
        "The largest output of each row is 1.",
        _PROBABILITIES,
        "The definition of the softmax: each exponential is divided by something.",
        _FORWARD,
    ),
    mistake(
        "no exponential",
        {"output": lambda x: x / _sum(x)},
        "The inputs themselves are divided by their sum.",
        "Outputs are negative where the input is.",
        _PROBABILITIES,
        "The definition of the softmax: what makes everything positive?",
        _FORWARD,
    ),
    mistake(
        "the logarithm of the softmax",
        {"output": lambda x: np.log(softmax(x))},
        "The forward pass returns the logarithms of the probabilities.",
        "No output is positive.",
        _PROBABILITIES,
        "The definition of the softmax: there is no logarithm in it.",
        _FORWARD,
    ),
    *GENERAL[:4],
)


class SoftmaxKind(RowsKind):
    """The softmax of each row."""

    name = "softmax"
    words = ("softmax",)
    component = Softmax()
    mistakes = MISTAKES
    no_maximum = no_maximum(_right, "The output")
