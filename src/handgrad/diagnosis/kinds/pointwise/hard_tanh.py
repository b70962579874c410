"""The identity between two bounds, and mistakes in it."""

from __future__ import annotations

from typing import Any

import numpy as np

from handgrad.activations import HardTanh
from handgrad.arguments import Array
from handgrad.diagnosis.given import Given
from handgrad.diagnosis.kinds.pointwise.curve import Curve, shared
from handgrad.diagnosis.kinds.pointwise.kind import PointwiseKind
from handgrad.diagnosis.mistake import Mistake, mistake

__all__ = ["HardTanhKind"]

_SLOPE = "The slope is 1 between the bounds, and 0 beyond either of them."
_CASES = "The line with the cases: where does the output follow the input, and where does it not?"
_CODE = "`dy * ((x > low) & (x < high))`."
_DEFINITION = "The definition: the input is cut off at two bounds."
_RANGE = "The output never leaves the bounds, and is the input between them."
_FORWARD = "Return `np.clip(x, low, high)`."

CURVE = Curve(
    HardTanh,
    "np.clip(x, low, high)",
    "dy * ((x > low) & (x < high))",
    _SLOPE,
    {"min_val": (-1.0, -1.5, -0.5, -2.0), "max_val": (1.0, 0.5, 1.75, 1.25)},
    kinks=lambda ours: (ours.min_val, ours.max_val),
)


def _bounds(given: Given) -> tuple[float, float]:
    """Return the lower and the upper bound."""
    ours = CURVE.ours(given)
    assert isinstance(ours, HardTanh)
    return ours.min_val, ours.max_val


def _low(given: Given) -> float:
    return _bounds(given)[0]


def _high(given: Given) -> float:
    return _bounds(given)[1]


MISTAKES: tuple[Mistake, ...] = (
    mistake(
        "no lower bound in the backward pass",
        {"dx": lambda given, dy, x: dy * (x < _high(given))},
        "The gradient is stopped above the upper bound alone.",
        "Inputs below the lower bound get a gradient, although moving them changes nothing.",
        _SLOPE,
        _CASES,
        f"Compare with both bounds: {_CODE}",
    ),
    mistake(
        "no upper bound in the backward pass",
        {"dx": lambda given, dy, x: dy * (x > _low(given))},
        "The gradient is stopped below the lower bound alone.",
        "Inputs above the upper bound get a gradient, although moving them changes nothing.",
        _SLOPE,
        _CASES,
        f"Compare with both bounds: {_CODE}",
    ),
    mistake(
        "the mask is inverted",
        {"dx": lambda dy, x, given: dy * ((x <= _low(given)) | (x >= _high(given)))},
        "What should pass is stopped, and what should be stopped passes.",
        "Inputs between the bounds get no gradient.",
        _SLOPE,
        "The two cases are exchanged.",
        f"Let pass what is between the bounds: {_CODE}",
    ),
    mistake(
        "the mask of a rectified linear unit",
        {"dx": lambda dy, x: dy * (x > 0)},
        "The gradient passes where the input is positive.",
        "Inputs between the lower bound and 0 get no gradient, although the output follows them.",
        _SLOPE,
        _CASES,
        f"Compare with the bounds: {_CODE}",
    ),
    mistake(
        "the mask of a positive slope",
        {"dx": lambda given, dy, x: dy * ((x > 0) & (x < _high(given)))},
        "The gradient passes between 0 and the upper bound.",
        "Inputs between the lower bound and 0 get no gradient, although the output follows them.",
        _SLOPE,
        "The line with the cases: is 0 one of the bounds?",
        f"Compare with the lower bound, not with 0: {_CODE}",
    ),
    mistake(
        "the derivative of tanh",
        {"dx": lambda dy, x: dy * (1 - np.tanh(x) ** 2)},
        "The slope is that of the smooth curve.",
        "Inputs beyond the bounds get a gradient, although moving them changes nothing.",
        _SLOPE,
        "The last line: it is the one of another function.",
        f"Use the mask: {_CODE}",
    ),
    mistake(
        "1 minus the square of the output",
        {"dx": lambda given, dy, x: dy * (1 - CURVE.value(given, x) ** 2)},
        "The formula of tanh is used with the output of this function.",
        "Your slope between the bounds is below 1 nearly everywhere.",
        _SLOPE,
        "The last line: it is the one of another function.",
        f"Use the mask: {_CODE}",
    ),
    mistake(
        "-1 below the lower bound",
        {"dx": lambda given, dy, x: dy * np.where(x > _low(given), x < _high(given), -1)},
        "Below the lower bound the gradient passes with the opposite sign.",
        "Inputs below the lower bound get a gradient, although moving them changes nothing.",
        _SLOPE,
        _CASES,
        f"The slope is 0 there: {_CODE}",
    ),
    mistake(
        "no lower bound",
        {"output": lambda given, x: np.minimum(x, _high(given))},
        "Only what is above the upper bound is cut off.",
        "Outputs fall without bound to the left.",
        _RANGE,
        _DEFINITION,
        _FORWARD,
    ),
    mistake(
        "no upper bound",
        {"output": lambda given, x: np.maximum(x, _low(given))},
        "Only what is below the lower bound is cut off.",
        "Outputs grow without bound to the right.",
        _RANGE,
        _DEFINITION,
        _FORWARD,
    ),
    mistake(
        "the bounds are exchanged",
        {"output": lambda given, x: np.full_like(x, _low(given))},
        "The smaller one of the input and the lower bound is compared with the upper bound, or "
        "the other way round, so that one bound always wins.",
        "Every output is the same number.",
        _RANGE,
        "The definition: which bound belongs to the maximum, and which to the minimum?",
        f"{_FORWARD[:-1]}, which is `np.minimum(np.maximum(x, low), high)`.",
    ),
    mistake(
        "0 beyond the bounds",
        {"output": lambda given, x: x * ((x > _low(given)) & (x < _high(given)))},
        "Beyond the bounds the output is 0 and not the bound.",
        "The output jumps at the bounds.",
        _RANGE,
        "The definition: what is the output beyond a bound?",
        _FORWARD,
    ),
    mistake(
        "the smooth curve in the forward pass",
        {"output": lambda x: np.tanh(x)},
        "The forward pass computes the hyperbolic tangent itself.",
        "No output is exactly at a bound.",
        _RANGE,
        "The definition: it is the one of another function.",
        _FORWARD,
    ),
    *shared(CURVE, "the derivative at the output", "divided by the slope"),
)


class HardTanhKind(PointwiseKind):
    """The identity between two bounds."""

    name = "hard_tanh"
    words = ("hardtanh", "htanh")
    curve = CURVE
    mistakes = MISTAKES
    other = CURVE.other(
        "other bounds",
        "The input is cut off at other numbers than -1 and 1, and the gradient agrees.",
        min_val=-0.5,
        max_val=1.5,
    )
    conventions = (other,)
    at_kinks = CURVE.at_kinks({"1": 1.0, "1/2": 0.5})
    spread = 3.0

    def estimate(self, x: Array, y: Array) -> dict[str, Any]:
        if not (x.min() < y.min() < y.max() < x.max()):
            return {}
        return {"min_val": float(f"{y.min():.6g}"), "max_val": float(f"{y.max():.6g}")}
