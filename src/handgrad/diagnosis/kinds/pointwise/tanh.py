"""The hyperbolic tangent, and mistakes in it."""

from __future__ import annotations

import numpy as np

from handgrad.activations import Tanh
from handgrad.diagnosis.families import LINEAR
from handgrad.diagnosis.kinds.pointwise.curve import Curve, shared
from handgrad.diagnosis.kinds.pointwise.kind import PointwiseKind
from handgrad.diagnosis.mistake import Mistake, mistake

__all__ = ["TanhKind"]

_SLOPE = "The slope of tanh is 1 at 0, falls to both sides, and stays above 0."
_QUOTIENT = "The line of the quotient rule: two terms, of which the second is a square."
_CODE = "`dy * (1 - y * y)`, where y is the output."
_RANGE = "The output lies between -1 and 1, and is negative where the input is."
_FORWARD = "Write `np.tanh(x)`."

CURVE = Curve(Tanh, "np.tanh(x)", "dy * (1 - y * y)", _SLOPE)

MISTAKES: tuple[Mistake, ...] = (
    mistake(
        "the input in place of the output",
        {"dx": lambda dy, x: dy * (1 - x * x)},
        "The derivative is written with the input where the output belongs.",
        "Your slope is negative for inputs above 1.",
        _SLOPE,
        "The last line writes the derivative with the output; which letter stands for what?",
        f"Save the output in the forward pass and use it: {_CODE}",
    ),
    mistake(
        "the square is missing",
        {"dx": lambda dy, x: dy * (1 - np.tanh(x))},
        "The slope is taken to be 1 minus the output.",
        "Far to the left your slope goes to 2, where tanh is flat.",
        _SLOPE,
        _QUOTIENT,
        f"Square the output: {_CODE}",
    ),
    mistake(
        "the difference is squared, not the output",
        {"dx": lambda dy, x: dy * (1 - np.tanh(x)) ** 2},
        "The square is taken of the whole bracket.",
        "Far to the left your slope goes to 4, where tanh is flat.",
        _SLOPE,
        _QUOTIENT,
        f"Square the output before it is subtracted: {_CODE}",
    ),
    mistake(
        "only the square",
        {"dx": lambda dy, x: dy * np.tanh(x) ** 2},
        "The slope is taken to be the square of the output; the 1 is missing.",
        "At an input of 0 your slope is 0, where tanh is steepest.",
        _SLOPE,
        _QUOTIENT,
        f"Subtract the square from 1: {_CODE}",
    ),
    mistake(
        "a plus in place of the minus",
        {"dx": lambda dy, x: dy * (1 + np.tanh(x) ** 2)},
        "The square of the output is added to 1.",
        "Your slope is at least 1 everywhere, and goes to 2 where tanh is flat.",
        _SLOPE,
        "The line of the quotient rule: which sign has the second term?",
        f"Take the minus: {_CODE}",
    ),
    mistake(
        "the brackets are missing",
        {"dx": lambda dy, x: dy - np.tanh(x) ** 2},
        "The square of the output is subtracted from the upstream gradient itself.",
        "Where the upstream gradient is 0, your gradient is not 0.",
        LINEAR,
        "The last line is a product, and its second factor is a difference.",
        f"Put the difference in brackets: {_CODE}",
    ),
    mistake(
        "the upstream gradient in place of the output",
        {"dx": lambda dy: dy * (1 - dy * dy)},
        "The derivative is written with the upstream gradient where the output belongs.",
        "Your gradient does not depend on the input at all.",
        LINEAR,
        "The last line writes the derivative with the output; which letter stands for what?",
        f"Use what the forward pass saved: {_CODE}",
    ),
    mistake(
        "the derivative of the sigmoid",
        {"dx": lambda dy, x: dy * np.tanh(x) * (1 - np.tanh(x))},
        "The output times 1 minus the output is the slope of the sigmoid.",
        "Your slope is negative for inputs below 0.",
        _SLOPE,
        "The last line: it is the one of another function.",
        f"For tanh it is {_CODE}",
    ),
    mistake(
        "the hyperbolic cosine is not squared",
        {"dx": lambda dy, x: dy / np.cosh(x)},
        "The slope is taken to be 1 over the hyperbolic cosine, not over its square.",
        "Far from 0 your slope falls half as fast as it should.",
        _SLOPE,
        _QUOTIENT,
        f"Square it: `dy / np.cosh(x) ** 2`, which is {_CODE}",
    ),
    mistake(
        "the sigmoid in the forward pass",
        {"output": lambda x: 1 / (1 + np.exp(-x))},
        "The forward pass computes the sigmoid.",
        "No output is negative.",
        _RANGE,
        "The definition: it is the one of another function.",
        _FORWARD,
    ),
    mistake(
        "half the input",
        {"output": lambda x: np.tanh(x / 2)},
        "The exponentials are those of half the input: what is computed is tanh(x / 2), which "
        "equals twice the sigmoid minus 1.",
        "The output is half as steep at 0 as it should be.",
        _SLOPE,
        "The definition: the exponents are plus and minus the whole input.",
        "Write `np.tanh(x)`, which is `2 * sigmoid(2 * x) - 1`.",
    ),
    mistake(
        "the exponents' signs are exchanged",
        {"output": lambda x: -np.tanh(x)},
        "The forward pass computes tanh of minus the input.",
        "The output falls where it should rise.",
        _RANGE,
        "The definition: which of the two exponentials has the minus in front?",
        _FORWARD,
    ),
    mistake(
        "numerator and denominator are exchanged",
        {"output": lambda x: 1 / np.tanh(x)},
        "The sum of the exponentials is divided by their difference.",
        "No output lies between -1 and 1.",
        _RANGE,
        "The definition: is the difference above the line or below it?",
        _FORWARD,
    ),
    mistake(
        "the denominator is missing",
        {"output": lambda x: np.sinh(x)},
        "Half the difference of the exponentials is returned: the hyperbolic sine.",
        "The output grows without bound.",
        _RANGE,
        "The definition: what is the difference of the exponentials divided by?",
        _FORWARD,
    ),
    *shared(CURVE),
)


class TanhKind(PointwiseKind):
    """The hyperbolic tangent."""

    name = "tanh"
    words = ("tanh", "hyperbolictangent")
    curve = CURVE
    mistakes = MISTAKES
