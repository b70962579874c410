"""The logarithm of the softmax, and mistakes in it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from handgrad.activations import LogSoftmax
from handgrad.arguments import Array
from handgrad.diagnosis.families import GENERAL, ignored
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

__all__ = ["LogSoftmaxKind"]

_CODE = "`dy - np.exp(y) * dy.sum(axis=1, keepdims=True)`, where y is the output."
_SUM = "The sum over the outputs of a row: every input reaches every one of them."
_TWO_TERMS = "The logarithm of a quotient has two terms; the second is the same for all outputs."
_LOGARITHMS = "The exponentials of one row's outputs sum to 1."
_DEFINITION = "The definition: the input minus the logarithm of the sum of the exponentials."
_FORWARD = "Return `z - np.log(np.exp(z).sum(axis=1, keepdims=True))`, z being x minus its maximum."


def _sum(array: Array) -> Array:
    return np.asarray(array.sum(axis=-1, keepdims=True))


def _right(given: Given, p: Array) -> Results:
    """Return both passes for probabilities that were computed in another way."""
    return {"output": np.log(p), "dx": _gradient(given.dy, p, _sum)}


def _gradient(dy: Array, p: Array, summed: Callable[[Array], Array]) -> Array:
    """Return the gradient, with this sum over the row."""
    return np.asarray(dy - p * summed(dy))


MISTAKES: tuple[Mistake, ...] = (
    mistake(
        "only the diagonal of the Jacobian",
        {"dx": lambda dy, x: dy * (1 - softmax(x))},
        "Only the derivative of each output by its own input is used: the upstream gradient is not "
        "summed over the row.",
        "The gradient of an input does not change with the upstream gradient of another output.",
        SUMS,
        _SUM,
        f"Sum the upstream gradient over the row: {_CODE}",
    ),
    mistake(
        "only the first term",
        {"dx": lambda dy: dy.copy()},
        "The upstream gradient is passed on as it is: the second term is missing.",
        "Your gradient does not depend on the input at all.",
        SUMS,
        _TWO_TERMS,
        f"Subtract the second term: {_CODE}",
    ),
    mistake(
        "only the second term",
        {"dx": lambda dy, x: -softmax(x) * _sum(dy)},
        "What the output's own input contributes is missing.",
        "The gradients of a row are the probabilities times one number.",
        SUMS,
        _TWO_TERMS,
        f"Add the upstream gradient itself: {_CODE}",
    ),
    mistake(
        "the second term is added",
        {"dx": lambda dy, x: dy + softmax(x) * _sum(dy)},
        "The probability times the sum is added where it has to be subtracted.",
        "An upstream gradient that is the same everywhere has a gradient that sums to more than 0.",
        SUMS,
        "The logarithm of a quotient has two terms; which sign has the second one?",
        f"Subtract it: {_CODE}",
    ),
    mistake(
        "the output in place of the probability",
        {"dx": lambda given, dy, x: dy - np.log(softmax(x)) * _sum(dy)},
        "The sum is multiplied by the logarithm of the probability.",
        "Your gradient grows as a probability goes to 0.",
        SUMS,
        "The derivative of the logarithm of the sum is a probability; what is saved, and what not?",
        f"Take the exponential of the output: {_CODE}",
    ),
    mistake(
        "no probability in the second term",
        {"dx": lambda dy, x: dy - _sum(dy)},
        "The sum of the upstream gradient is subtracted from every entry as it is.",
        "Your gradient does not depend on the input at all.",
        SUMS,
        "The derivative of the logarithm of the sum: what is it for each input?",
        f"Multiply the sum by the probability: {_CODE}",
    ),
    *sums_of_rows(_gradient, _CODE),
    mistake(
        "the gradient of the softmax",
        {"dx": lambda dy, x: softmax(x) * (dy - _sum(dy * softmax(x)))},
        "What is returned is the gradient of the probabilities, not of their logarithms.",
        "The gradient of an input is nearly 0 where its probability is.",
        "The logarithm of a small probability changes as fast as its input.",
        "The last line: it is the one of another function.",
        f"The logarithm has {_CODE}",
    ),
    mistake(
        "only the derivative of the logarithm",
        {"dx": lambda dy, x: dy / softmax(x)},
        "The upstream gradient is divided by the probabilities: the softmax's Jacobian is left "
        "out.",
        "Your gradient explodes where a probability is small.",
        SUMS,
        "The chain rule: the inputs reach the logarithm through the softmax.",
        f"Multiply by the softmax's Jacobian too; all of it together is {_CODE}",
    ),
    ignored(
        "dx",
        lambda x: 1 - softmax(x),
        "The diagonal of the Jacobian is returned alone; the upstream gradient does not enter.",
        f"Multiply the Jacobian by the upstream gradient: {_CODE}",
    ),
    *other_probabilities(lambda given, right, p: {"output": np.log(p)}),
    mistake(
        "the logarithm is left out",
        {"output": lambda x: softmax(x)},
        "The forward pass returns the probabilities.",
        "Every output is positive.",
        _LOGARITHMS,
        _DEFINITION,
        _FORWARD,
    ),
    mistake(
        "only the maximum is subtracted",
        {"output": lambda x: x - x.max(axis=-1, keepdims=True)},
        "The logarithm of the sum is missing.",
        "The largest output of each row is 0.",
        _LOGARITHMS,
        _DEFINITION,
        _FORWARD,
    ),
    mistake(
        "the logarithm of the sum is left out",
        {"output": lambda x: x - _sum(np.exp(x))},
        "The sum of the exponentials is subtracted, and not its logarithm.",
        "The outputs of one row are far below 0.",
        _LOGARITHMS,
        _DEFINITION,
        _FORWARD,
    ),
    mistake(
        "the maximum is not subtracted everywhere",
        {"output": lambda x: x - np.log(_sum(np.exp(x - x.max(axis=-1, keepdims=True))))},
        "The maximum is subtracted inside the exponentials, and not from the input in front.",
        "Adding a constant to a row's inputs adds it to the outputs.",
        "Adding a constant to a row's inputs changes no probability.",
        "What is subtracted from the inputs of a row is subtracted in both terms.",
        _FORWARD,
    ),
    mistake(
        "the sign of the logarithm",
        {"output": lambda x: -np.log(softmax(x))},
        "The forward pass returns minus the logarithm of the probabilities.",
        "No output is negative.",
        "The logarithm of a probability is at most 0.",
        "The definition: which of the two terms has the minus?",
        _FORWARD,
    ),
    *GENERAL[:4],
)


class LogSoftmaxKind(RowsKind):
    """The logarithm of the softmax of each row."""

    name = "log_softmax"
    words = ("logsoftmax",)
    component = LogSoftmax()
    mistakes = MISTAKES
    no_maximum = no_maximum(_right, "The output")
