"""The Gaussian error linear unit, exact or with a tanh, and mistakes in it."""

from __future__ import annotations

from typing import Any

import numpy as np

from handgrad.activations import GELU
from handgrad.activations.normal import normal_cdf
from handgrad.arguments import Array
from handgrad.diagnosis.given import Given, Results
from handgrad.diagnosis.kinds.base import floats
from handgrad.diagnosis.kinds.pointwise.curve import FOUND, Curve, shared
from handgrad.diagnosis.kinds.pointwise.kind import PointwiseKind
from handgrad.diagnosis.mistake import Formula, Mistake, convention, mistake

__all__ = ["GELUKind"]

_SLOPE = "The slope is 1/2 at 0, goes to 1 on the right and to 0 on the left."
_PRODUCT = "The line of the product rule: two terms, each with one derivative and one factor."
_CODE = (
    "`dy * (Phi(x) + x * phi(x))`, where Phi is the chance that a standard normal variable is "
    "below x, and phi its density."
)
_INNER = "The chain rule for the tanh: its argument has a derivative too."
_INNER_CODE = "`c * (1 + 3 * 0.044715 * x**2)`, where c is `np.sqrt(2 / np.pi)`."
_DEFINITION = "The definition: the input times the chance that a standard normal is below it."
_VALUE = "The output is near the input far to the right, near 0 far to the left, and 0 at 0."
_FORWARD = "Return `0.5 * x * (1 + erf(x / np.sqrt(2)))`."

CURVE = Curve(
    GELU,
    "0.5 * x * (1 + erf(x / np.sqrt(2)))",
    "dy * (Phi(x) + x * phi(x))",
    _SLOPE,
    {"approximate": ("none", "tanh")},
)
_C, _A = GELU.c, GELU.a


def _chance(given: Given, x: Array) -> Array:
    """Return the factor of the input: Phi, or what stands for it."""
    return CURVE.value(given, x) / x


def _density(given: Given, x: Array) -> Array:
    """Return that factor's derivative."""
    return (CURVE.slope(given, x) - _chance(given, x)) / x


def _inner(slope: Formula, squared: bool = True) -> Formula:
    """Return the gradient of the form with a tanh, with another slope of its argument."""

    def gradient(dy: Array, x: Array) -> Array:
        t = np.tanh(_C * (x + _A * x**3))
        of_tanh = 1 - t * t if squared else 1 - t
        return np.asarray(dy * (0.5 * (1 + t) + 0.5 * x * of_tanh * slope(x)))

    return gradient


def _exact(density: Formula) -> Formula:
    """Return the gradient of the exact form, with another density."""
    return lambda dy, x: dy * (normal_cdf(x) + x * density(x))


def _of_the_other_form(given: Given, dy: Array, x: Array) -> Array:
    ours = CURVE.ours(given)
    assert isinstance(ours, GELU)
    other = given.changed()
    other.derived[FOUND] = {"approximate": "tanh" if ours.approximate == "none" else "none"}
    return dy * CURVE.slope(other, x)


def _with_a_sigmoid(x: Array, dy: Array) -> Results:
    with np.errstate(over="ignore"):
        s = 1 / (1 + np.exp(-1.702 * x))
    return {"output": x * s, "dx": dy * (s + 1.702 * x * s * (1 - s))}


MISTAKES: tuple[Mistake, ...] = (
    mistake(
        "only the first term",
        {"dx": lambda given, dy, x: dy * _chance(given, x)},
        "Of the product rule the first term alone is there: the chance is taken for a constant.",
        "Your slope is nowhere negative.",
        _SLOPE,
        _PRODUCT,
        f"Add the second term: {_CODE}",
    ),
    mistake(
        "only the second term",
        {"dx": lambda given, dy, x: dy * x * _density(given, x)},
        "Of the product rule the second term alone is there: the input in front is taken for a "
        "constant.",
        "At an input of 0 your slope is 0.",
        _SLOPE,
        _PRODUCT,
        f"Add the first term: {_CODE}",
    ),
    mistake(
        "the input is missing in the second term",
        {"dx": lambda given, dy, x: dy * (_chance(given, x) + _density(given, x))},
        "The density is added without its factor, the input.",
        "At an input of 0 your slope is 0.9.",
        _SLOPE,
        _PRODUCT,
        f"Multiply the second term by the input: {_CODE}",
    ),
    mistake(
        "a minus between the two terms",
        {"dx": lambda given, dy, x: dy * (_chance(given, x) - x * _density(given, x))},
        "The second term is subtracted.",
        "Left of 0 your slope is too large, right of it too small.",
        _SLOPE,
        "The line of the product rule: which sign is between the terms?",
        f"Add them: {_CODE}",
    ),
    mistake(
        "the density is not normalised",
        {"dx": _exact(lambda x: np.exp(-x * x / 2))},
        "The exponential in the density is not divided by the root of two pi.",
        "Right of 0 your slope rises to more than 1.6.",
        "A density's integral is 1, and the chance goes from 0 to 1.",
        "The derivative of the integral: it is the density with its factor in front.",
        "Divide the exponential by `np.sqrt(2 * np.pi)`.",
    ),
    mistake(
        "the half is missing in the density's exponent",
        {"dx": _exact(lambda x: np.exp(-x * x) / np.sqrt(2 * np.pi))},
        "The exponent of the density is minus the square, and not half of it.",
        "A little away from 0 your slope is off, and right at 0 and far out.",
        "The density of a standard normal variable has a variance of 1.",
        "The derivative of the integral: what stands in the exponent of the density?",
        "Write `np.exp(-x * x / 2) / np.sqrt(2 * np.pi)`.",
    ),
    mistake(
        "the derivative of erf without its inner one",
        {"dx": _exact(lambda x: np.exp(-x * x / 2) / np.sqrt(np.pi))},
        "The derivative of erf is taken, and the factor 1/sqrt(2) of what is inside it is lost.",
        "Your second term is too large by the root of 2.",
        "Erf is a function of the input divided by the root of 2.",
        "The chain rule for erf: its argument has a derivative too.",
        "Divide by the root of 2: `np.exp(-x * x / 2) / np.sqrt(2 * np.pi)`.",
    ),
    mistake(
        "the derivative of the tanh's argument is left out",
        {"dx": _inner(lambda x: 1)},
        "The tanh is derived, and what is inside it is not.",
        "At inputs near 2 your slope is too small.",
        _SLOPE,
        _INNER,
        f"Multiply the second term by {_INNER_CODE}",
    ),
    mistake(
        "the 3 is missing in the derivative of the tanh's argument",
        {"dx": _inner(lambda x: _C * (1 + _A * x * x))},
        "The cube in the argument is derived without its factor of 3.",
        "Near 0 your slope is right, and a little off farther out.",
        "Twice as far from 0 a cube is twelve times as steep as a line at 1.",
        "The derivative of the argument: the power rule brings the exponent down.",
        f"Multiply by 3: {_INNER_CODE}",
    ),
    mistake(
        "the constant is missing in the derivative of the tanh's argument",
        {"dx": _inner(lambda x: 1 + 3 * _A * x * x)},
        "The root of two over pi, which is in front of the argument, is lost.",
        "Your second term is too large by a quarter.",
        "A constant factor stays in front of the derivative.",
        _INNER,
        f"Multiply by the constant: {_INNER_CODE}",
    ),
    mistake(
        "the tanh is not squared in its derivative",
        {"dx": _inner(lambda x: _C * (1 + 3 * _A * x * x), squared=False)},
        "The derivative of the tanh is taken to be 1 minus the tanh.",
        "Far to the left your slope grows without bound.",
        _SLOPE,
        "The derivative of the tanh: which of its two terms is a square?",
        "Square it: `1 - t * t`.",
    ),
    mistake(
        "the gradient of the other form",
        {"dx": _of_the_other_form},
        "One pass computes the exact function, and the other one the form with a tanh.",
        "Your gradient is off in the fourth digit.",
        "A gradient belongs to the forward pass that was made.",
        "The first line: which of the two functions is derived?",
        "Take the same form in both passes.",
    ),
    mistake(
        "the chance alone",
        {"output": lambda given, x: _chance(given, x)},
        "The forward pass returns the chance; it is not multiplied by the input.",
        "Every output lies between 0 and 1.",
        _VALUE,
        _DEFINITION,
        _FORWARD,
    ),
    mistake(
        "the root of 2 is missing",
        {"output": lambda x: x * normal_cdf(np.sqrt(2) * x)},
        "Erf is taken of the input itself, and not of the input divided by the root of 2.",
        "The output is near the input, or near 0, too early.",
        "Erf is the integral of a density whose variance is 1/2.",
        "The definition: what is the argument of erf?",
        _FORWARD,
    ),
    mistake(
        "the factor 1/2 is missing",
        {"output": lambda given, x: 2 * CURVE.value(given, x)},
        "The input is multiplied by 1 plus erf, or 1 plus the tanh, which goes up to 2.",
        "Far to the right the output is twice the input.",
        _VALUE,
        _DEFINITION,
        _FORWARD,
    ),
    mistake(
        "the 1 beside erf is missing",
        {"output": lambda given, x: x * (_chance(given, x) - 0.5)},
        "The input is multiplied by half of erf, or of the tanh, without the 1.",
        "No output is negative.",
        _VALUE,
        _DEFINITION,
        _FORWARD,
    ),
    mistake(
        "the sigmoid of the input itself",
        {"output": lambda x: x / (1 + np.exp(-x))},
        "The input is multiplied by its sigmoid, without the factor 1.702: that is another unit.",
        "Between -2 and 2 the output is off by up to 0.2.",
        _VALUE,
        _DEFINITION,
        f"{_FORWARD} A sigmoid comes near it with `x / (1 + np.exp(-1.702 * x))`.",
    ),
    *shared(CURVE),
)


class GELUKind(PointwiseKind):
    """The Gaussian error linear unit."""

    name = "gelu"
    words = ("gelu", "gaussianerror")
    curve = CURVE
    mistakes = MISTAKES
    other = CURVE.other(
        "the form with a tanh",
        "The chance is computed with a tanh, as in GPT-2, and the gradient agrees with it.",
        approximate="tanh",
    )
    conventions = (
        other,
        convention(
            "the form with a sigmoid",
            _with_a_sigmoid,
            "The chance is computed as the sigmoid of 1.702 times the input, and the gradient "
            "agrees with it.",
        ),
    )

    def estimate(self, x: Array, y: Array) -> dict[str, Any]:
        exact, _ = GELU().apply(floats(x))
        return {"approximate": "none" if np.allclose(exact, y, rtol=1e-6) else "tanh"}
