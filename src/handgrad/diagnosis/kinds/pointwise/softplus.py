"""The softplus, and mistakes in it."""

from __future__ import annotations

import numpy as np

from handgrad.activations import Softplus
from handgrad.arguments import Array
from handgrad.diagnosis.kinds.pointwise.curve import Curve, shared
from handgrad.diagnosis.kinds.pointwise.kind import PointwiseKind
from handgrad.diagnosis.mistake import Mistake, mistake

__all__ = ["SoftplusKind"]

_SLOPE = "The slope is the sigmoid of the input: it rises from 0 on the left to 1 on the right."
_CHAIN = "The line of the chain rule: 1 over what is in the logarithm, times that one's derivative."
_CODE = "`dy / (1 + np.exp(-x))`."
_ABOVE = "The output is positive, and a little larger than both the input and 0."
_DEFINITION = "The definition: the logarithm of 1 plus the exponential of the input."
_FORWARD = "Return `np.logaddexp(0, x)`."

CURVE = Curve(
    Softplus,
    "np.logaddexp(0, x)",
    "dy / (1 + np.exp(-x))",
    _SLOPE,
    {"beta": (1.0, 2.0, 0.5, 1.5)},
)


def _sigmoid(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-x)))


MISTAKES: tuple[Mistake, ...] = (
    mistake(
        "the derivative of the exponential is left out",
        {"dx": lambda given, dy, x: dy * (1 - CURVE.slope(given, x))},
        "The slope is taken to be 1 over what is in the logarithm, which is the sigmoid of minus "
        "the input.",
        "Your slope falls from left to right.",
        _SLOPE,
        _CHAIN,
        f"Multiply by the exponential: {_CODE}",
    ),
    mistake(
        "only the derivative of the exponential",
        {"dx": lambda dy, x: dy * np.exp(x)},
        "The slope is taken to be the exponential; it is not divided by what is in the logarithm.",
        "Your slope grows without bound to the right.",
        _SLOPE,
        _CHAIN,
        f"Divide by 1 plus the exponential: {_CODE}",
    ),
    mistake(
        "the derivative of the sigmoid",
        {"dx": lambda dy, x: dy * _sigmoid(x) * (1 - _sigmoid(x))},
        "The slope is derived once more.",
        "Far to the right your slope goes to 0.",
        _SLOPE,
        "The last line: the slope is the sigmoid itself, not its derivative.",
        f"Multiply by the sigmoid: {_CODE}",
    ),
    mistake(
        "the mask of a rectified linear unit",
        {"dx": lambda dy, x: dy * (x > 0)},
        "The gradient passes where the input is positive.",
        "Your slope jumps at 0, where the curve has no kink.",
        _SLOPE,
        "The last line: it is the one of another function.",
        f"Multiply by the sigmoid: {_CODE}",
    ),
    mistake(
        "the derivative of tanh",
        {"dx": lambda dy, x: dy * (1 - np.tanh(x) ** 2)},
        "1 minus the square of tanh is used as the slope.",
        "Far to the right your slope goes to 0.",
        _SLOPE,
        "The last line: it is the one of another function.",
        f"Multiply by the sigmoid: {_CODE}",
    ),
    mistake(
        "the inner 1 is missing in the slope",
        {"dx": lambda dy, x: dy * np.exp(-x)},
        "The 1 beside the exponential is left out of the denominator.",
        "Your slope is the upstream gradient, or grows without bound to the left.",
        _SLOPE,
        _CHAIN,
        f"Add the 1: {_CODE}",
    ),
    mistake(
        "the exponent's sign",
        {"output": lambda x: np.logaddexp(0, -x)},
        "The exponential is that of minus the input.",
        "The output falls where it should rise.",
        _ABOVE,
        _DEFINITION,
        _FORWARD,
    ),
    mistake(
        "the logarithm is left out",
        {"output": lambda x: 1 + np.exp(x)},
        "The forward pass returns 1 plus the exponential.",
        "Every output is above 1, and grows exponentially.",
        _ABOVE,
        _DEFINITION,
        _FORWARD,
    ),
    mistake(
        "the 1 is subtracted",
        {"output": lambda x: np.log(np.abs(np.exp(x) - 1))},
        "The logarithm is that of the exponential minus 1.",
        "Outputs are negative where the input is near 0.",
        _ABOVE,
        _DEFINITION,
        _FORWARD,
    ),
    mistake(
        "the exponential is left out",
        {"output": lambda x: np.log(1 + np.abs(x))},
        "The logarithm is that of 1 plus the size of the input.",
        "The output hardly grows to the right.",
        _ABOVE,
        _DEFINITION,
        _FORWARD,
    ),
    mistake(
        "logarithms to base 2",
        {"output": lambda x: np.logaddexp(0, x) / np.log(2)},
        "The logarithm is the one to base 2.",
        "Far to the right the output is larger than the input.",
        _ABOVE,
        "The definition: the logarithm is the natural one.",
        "Use `np.log1p`, or `np.logaddexp(0, x)`.",
    ),
    mistake(
        "rectified in the forward pass",
        {"output": lambda x: np.maximum(x, 0)},
        "The forward pass is that of a rectified linear unit.",
        "Every output is 0 where the input is negative.",
        _ABOVE,
        _DEFINITION,
        _FORWARD,
    ),
    *shared(CURVE),
)


class SoftplusKind(PointwiseKind):
    """The softplus."""

    name = "softplus"
    words = ("softplus",)
    curve = CURVE
    mistakes = MISTAKES
