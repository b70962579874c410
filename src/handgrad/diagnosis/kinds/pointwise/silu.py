"""The sigmoid linear unit, and mistakes in it."""

from __future__ import annotations

import numpy as np

from handgrad.activations import SiLU
from handgrad.arguments import Array
from handgrad.diagnosis.families import LINEAR
from handgrad.diagnosis.kinds.pointwise.curve import Curve, shared
from handgrad.diagnosis.kinds.pointwise.kind import PointwiseKind
from handgrad.diagnosis.mistake import Mistake, mistake

__all__ = ["SiLUKind"]

_SLOPE = "The slope is 1/2 at 0, goes to 1 on the right and to 0 on the left."
_PRODUCT = "The line of the product rule: two terms, each with one derivative and one factor."
_CODE = "`dy * (s + x * s * (1 - s))`, where s is the sigmoid of the input."
_DEFINITION = "The definition: the input times its sigmoid."
_VALUE = "The output is near the input far to the right, near 0 far to the left, and 0 at 0."
_FORWARD = "Return `x / (1 + np.exp(-x))`."

CURVE = Curve(SiLU, "x / (1 + np.exp(-x))", "dy * (s + x * s * (1 - s))", _SLOPE)


def _s(x: Array) -> Array:
    """Return the sigmoid."""
    return np.asarray(1 / (1 + np.exp(-x)))


MISTAKES: tuple[Mistake, ...] = (
    mistake(
        "only the sigmoid",
        {"dx": lambda dy, x: dy * _s(x)},
        "Of the product rule the first term alone is there: the sigmoid is taken for a constant.",
        "Your slope is nowhere negative.",
        _SLOPE,
        _PRODUCT,
        f"Add the second term: {_CODE}",
    ),
    mistake(
        "only the sigmoid's derivative",
        {"dx": lambda dy, x: dy * x * _s(x) * (1 - _s(x))},
        "Of the product rule the second term alone is there: the input in front is taken for a "
        "constant.",
        "At an input of 0 your slope is 0.",
        _SLOPE,
        _PRODUCT,
        f"Add the first term: {_CODE}",
    ),
    mistake(
        "the derivative of the sigmoid alone",
        {"dx": lambda dy, x: dy * _s(x) * (1 - _s(x))},
        "The slope is that of the sigmoid; there is no input in it.",
        "Far to the right your slope goes to 0.",
        _SLOPE,
        _PRODUCT,
        f"Use the product rule: {_CODE}",
    ),
    mistake(
        "the input is missing in the second term",
        {"dx": lambda dy, x: dy * (_s(x) + _s(x) * (1 - _s(x)))},
        "The sigmoid's derivative is added without its factor, the input.",
        "At an input of 0 your slope is 3/4.",
        _SLOPE,
        _PRODUCT,
        f"Multiply the second term by the input: {_CODE}",
    ),
    mistake(
        "the product of the two terms",
        {"dx": lambda dy, x: dy * _s(x) * x * _s(x) * (1 - _s(x))},
        "The two terms of the product rule are multiplied.",
        "Far to the right your slope goes to 0.",
        _SLOPE,
        _PRODUCT,
        f"Add them: {_CODE}",
    ),
    mistake(
        "a minus between the two terms",
        {"dx": lambda dy, x: dy * (_s(x) - x * _s(x) * (1 - _s(x)))},
        "The second term is subtracted.",
        "Left of 0 your slope is too large, right of it too small.",
        _SLOPE,
        "The line of the product rule: which sign is between the terms?",
        f"Add them: {_CODE}",
    ),
    mistake(
        "the sigmoid is missing in the second term",
        {"dx": lambda dy, x: dy * (_s(x) + x * (1 - _s(x)))},
        "The sigmoid's derivative is taken to be 1 minus the sigmoid.",
        "Far to the left your slope is the input itself.",
        _SLOPE,
        "The sigmoid's own derivative: it has two factors.",
        f"Multiply by both: {_CODE}",
    ),
    mistake(
        "a plus in the sigmoid's derivative",
        {"dx": lambda dy, x: dy * (_s(x) + x * _s(x) * (1 + _s(x)))},
        "The second factor of the sigmoid's derivative is 1 plus the sigmoid.",
        "Your slope grows without bound to the right.",
        _SLOPE,
        "The sigmoid's own derivative: which sign has its second factor?",
        f"Take the minus: {_CODE}",
    ),
    mistake(
        "the output in place of the sigmoid",
        {"dx": lambda dy, x: dy * (x * _s(x) + x * _s(x) * (1 - x * _s(x)))},
        "The derivative is written with the output where the sigmoid belongs.",
        "At an input of 0 your slope is 0.",
        _SLOPE,
        "The last line: which letter stands for the sigmoid, and which for the output?",
        f"Save the sigmoid, or compute it again: {_CODE}",
    ),
    mistake(
        "the brackets around the sum are missing",
        {"dx": lambda dy, x: dy * _s(x) + x * _s(x) * (1 - _s(x))},
        "The upstream gradient multiplies the first term alone.",
        "Where the upstream gradient is 0, your gradient is not 0.",
        LINEAR,
        "The last line is a product, and its second factor is a sum.",
        f"Put the sum in brackets: {_CODE}",
    ),
    mistake(
        "the sigmoid in the forward pass",
        {"output": _s},
        "The forward pass returns the sigmoid; it is not multiplied by the input.",
        "Every output lies between 0 and 1.",
        _VALUE,
        _DEFINITION,
        _FORWARD,
    ),
    mistake(
        "the exponent's sign",
        {"output": lambda x: x * _s(-x)},
        "The input is multiplied by the sigmoid of minus the input.",
        "The output is near 0 far to the right.",
        _VALUE,
        _DEFINITION,
        _FORWARD,
    ),
    mistake(
        "a sum in place of a product",
        {"output": lambda x: x + _s(x)},
        "The sigmoid is added to the input.",
        "At an input of 0 the output is 1/2.",
        _VALUE,
        _DEFINITION,
        _FORWARD,
    ),
    mistake(
        "tanh in place of the sigmoid",
        {"output": lambda x: x * np.tanh(x)},
        "The input is multiplied by its hyperbolic tangent.",
        "No output is negative.",
        _VALUE,
        _DEFINITION,
        _FORWARD,
    ),
    *shared(CURVE),
)


class SiLUKind(PointwiseKind):
    """The sigmoid linear unit."""

    name = "silu"
    words = ("silu", "swish", "sigmoidlinear")
    curve = CURVE
    mistakes = MISTAKES
