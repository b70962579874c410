"""Mistakes in the logistic sigmoid."""

from __future__ import annotations

import numpy as np

from handgrad.activations import Sigmoid
from handgrad.arguments import Array
from handgrad.diagnosis.families import LINEAR
from handgrad.diagnosis.kinds.pointwise.curve import Curve, shared
from handgrad.diagnosis.mistake import Mistake, mistake

__all__ = ["CURVE", "MISTAKES"]

_BOTH = (
    "The line that splits the fraction in two: each half gives one factor.",
    "Multiply by both: `dy * y * (1 - y)`.",
)
_SLOPE = "The slope of the sigmoid lies between 0 and a quarter, wherever the input is."

_LAST = "The last line writes the derivative with the output; which letter stands for what?"


CURVE = Curve(Sigmoid, "1 / (1 + np.exp(-x))", "dy * y * (1 - y)", _SLOPE)


def _sigmoid(x: Array) -> Array:
    with np.errstate(over="ignore"):
        return np.asarray(1 / (1 + np.exp(-x)))


MISTAKES: tuple[Mistake, ...] = (
    mistake(
        "the input in place of the output",
        {"dx": lambda dy, x: dy * x * (1 - x)},
        "The derivative is written with the input where the output belongs.",
        "The slope of your backward pass is often negative, or larger than a quarter.",
        _SLOPE,
        _LAST,
        "Save the output in the forward pass and use it: `dy * y * (1 - y)`.",
    ),
    mistake(
        "only the first factor",
        {"dx": lambda dy, x: dy * _sigmoid(x)},
        "The slope is taken to be the output: the second factor is missing.",
        "Far to the right your slope goes to 1, where the sigmoid is flat.",
        _SLOPE,
        *_BOTH,
    ),
    mistake(
        "only the second factor",
        {"dx": lambda dy, x: dy * (1 - _sigmoid(x))},
        "The slope is taken to be 1 minus the output: the first factor is missing, or, which is "
        "the same, the denominator is not squared.",
        "Far to the left your slope goes to 1, where the sigmoid is flat.",
        _SLOPE,
        *_BOTH,
    ),
    mistake(
        "a plus in the second factor",
        {"dx": lambda dy, x: dy * _sigmoid(x) * (1 + _sigmoid(x))},
        "The second factor is 1 plus the output.",
        "Far to the right your slope goes to 2, where the sigmoid is flat.",
        _SLOPE,
        "The line that splits the fraction in two: which sign has the second half?",
        "Take the minus: `dy * y * (1 - y)`.",
    ),
    mistake(
        "the brackets around the second factor are missing",
        {"dx": lambda dy, x: dy * _sigmoid(x) - _sigmoid(x)},
        "The output is subtracted at the end, from the whole product.",
        "Where the upstream gradient is 0, your gradient is not 0.",
        LINEAR,
        "The last line is a product of three factors, and the last one is a difference.",
        "Put the difference in brackets: `dy * y * (1 - y)`.",
    ),
    mistake(
        "the square of the output",
        {"dx": lambda dy, x: dy * _sigmoid(x) ** 2},
        "The slope is taken to be the output times itself.",
        "Far to the right your slope goes to 1, where the sigmoid is flat.",
        _SLOPE,
        "The line that splits the fraction in two: the two factors are not the same.",
        "One of the two factors is `(1 - y)`: `dy * y * (1 - y)`.",
    ),
    mistake(
        "the derivative of tanh",
        {"dx": lambda dy, x: dy * (1 - _sigmoid(x) ** 2)},
        "One minus the square of the output is the slope of the hyperbolic tangent.",
        "Your slope goes to 1 far to the left, where the sigmoid is flat.",
        _SLOPE,
        "The last line: it is the one of another function.",
        "For the sigmoid it is `dy * y * (1 - y)`; `1 - y**2` belongs to tanh.",
    ),
    mistake(
        "the upstream gradient in place of the output",
        {"dx": lambda dy: dy * (1 - dy)},
        "The derivative is written with the upstream gradient where the output belongs.",
        "Your gradient does not depend on the input at all.",
        LINEAR,
        _LAST,
        "Use what the forward pass saved: `dy * y * (1 - y)`.",
    ),
    mistake(
        "the exponent's sign",
        {"output": lambda x: _sigmoid(-x)},
        "The forward pass computes the sigmoid of minus the input.",
        "The output falls where it should rise.",
        "The sigmoid goes to 1 far to the right and to 0 far to the left.",
        "The definition: the sign in the exponent.",
        "Write `1 / (1 + np.exp(-x))`.",
    ),
    mistake(
        "tanh in the forward pass",
        {"output": lambda x: np.tanh(x)},
        "The forward pass computes the hyperbolic tangent.",
        "The output has negative entries.",
        "The sigmoid's output lies between 0 and 1.",
        "The definition: it is the one of another function.",
        "Write `1 / (1 + np.exp(-x))`.",
    ),
    mistake(
        "the reciprocal is missing",
        {"output": lambda x: 1 + np.exp(-x)},
        "The forward pass computes the denominator alone.",
        "Every output is above 1.",
        "The sigmoid's output lies between 0 and 1.",
        "The definition: it is one divided by that sum.",
        "Write `1 / (1 + np.exp(-x))`.",
    ),
    *shared(CURVE, "the output in place of its derivative"),
)
