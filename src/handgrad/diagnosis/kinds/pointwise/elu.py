"""The exponential linear unit, and mistakes in it."""

from __future__ import annotations

from typing import Any

import numpy as np

from handgrad.activations import ELU
from handgrad.arguments import Array
from handgrad.diagnosis.families import LINEAR
from handgrad.diagnosis.given import Given
from handgrad.diagnosis.kinds.pointwise.curve import Curve, shared
from handgrad.diagnosis.kinds.pointwise.kind import PointwiseKind
from handgrad.diagnosis.mistake import Mistake, mistake

__all__ = ["ELUKind"]

_SLOPE = "The slope is 1 above 0, and below it alpha times an exponential that falls to the left."
_BELOW = "The case below 0: what is the derivative of the exponential, and what of the constant?"
_CODE = "`dy * np.where(x > 0, 1, alpha * np.exp(x))`."
_DEFINITION = "The definition has two cases, and the one below 0 has an exponential and a constant."
_FLAT = "The output goes through 0 at an input of 0, and to -alpha far to the left."
_FORWARD = "Return `np.where(x > 0, x, alpha * (np.exp(x) - 1))`."

CURVE = Curve(
    ELU,
    "np.where(x > 0, x, alpha * (np.exp(x) - 1))",
    "dy * np.where(x > 0, 1, alpha * np.exp(x))",
    _SLOPE,
    {"alpha": (1.0, 0.5, 1.5, 0.7)},
)


def _alpha(given: Given) -> float:
    """Return how far down the unit goes."""
    ours = CURVE.ours(given)
    assert isinstance(ours, ELU)
    return ours.alpha


def _below(given: Given, x: Array) -> Array:
    """Return the exponential of what is below 0, times alpha."""
    return np.asarray(_alpha(given) * np.exp(np.minimum(x, 0)))


MISTAKES: tuple[Mistake, ...] = (
    mistake(
        "the output below 0 in place of its slope",
        {"dx": lambda given, dy, x: dy * np.where(x > 0, 1, CURVE.value(given, x))},
        "Below 0 the upstream gradient is multiplied by the output; the slope is alpha more.",
        "Below 0 your slope is negative.",
        _SLOPE,
        _BELOW,
        f"Add alpha to the output, `y + alpha`, or write {_CODE}",
    ),
    mistake(
        "alpha is subtracted from the output",
        {"dx": lambda given, dy, x: dy * np.where(x > 0, 1, CURVE.value(given, x) - _alpha(given))},
        "Below 0 the slope is taken to be the output minus alpha.",
        "Below 0 your slope is negative.",
        _SLOPE,
        _BELOW,
        f"Add alpha to the output, `y + alpha`, or write {_CODE}",
    ),
    mistake(
        "no slope below 0",
        {"dx": lambda dy, x: dy * (x > 0)},
        "Below 0 no gradient passes, as in a rectified linear unit.",
        "Inputs that are below 0 get no gradient, although the output follows them.",
        _SLOPE,
        _BELOW,
        f"Multiply by the slope in both cases: {_CODE}",
    ),
    mistake(
        "the upstream gradient is lost below 0",
        {"dx": lambda given, dy, x: np.where(x > 0, dy, _below(given, x))},
        "Below 0 the slope is returned alone; the upstream gradient enters above 0 only.",
        "Your gradient below 0 does not change when the upstream gradient is doubled.",
        LINEAR,
        "The line with the cases: each of them is a factor of the upstream gradient.",
        f"Multiply by the upstream gradient in both cases: {_CODE}",
    ),
    mistake(
        "the input above 0 in place of the slope",
        {"dx": lambda given, dy, x: dy * np.where(x > 0, x, _below(given, x))},
        "Above 0 the upstream gradient is multiplied by the input.",
        "Above 0 your gradient grows with the input, although the slope is the same there.",
        _SLOPE,
        "The case above 0: the derivative of the input by itself.",
        f"The slope is 1 there: {_CODE}",
    ),
    mistake(
        "the cases are exchanged",
        {"dx": lambda given, dy, x: dy * np.where(x > 0, _alpha(given) * np.exp(x), 1)},
        "The exponential is the slope above 0, and 1 the one below it.",
        "Above 0 your slope grows without bound.",
        _SLOPE,
        "The line with the cases: which one belongs to positive inputs?",
        f"Turn the comparison round: {_CODE}",
    ),
    mistake(
        "the exponent's sign in the slope",
        {"dx": lambda given, dy, x: dy * np.where(x > 0, 1, _alpha(given) * np.exp(-x))},
        "Below 0 the slope is the exponential of minus the input.",
        "Below 0 your slope grows to the left, where the unit is flat.",
        _SLOPE,
        _BELOW,
        f"Leave the exponent's sign alone: {_CODE}",
    ),
    mistake(
        "the 1 is not subtracted",
        {"output": lambda given, x: np.where(x > 0, x, _below(given, x))},
        "Below 0 the output is the exponential alone.",
        "The output jumps at 0.",
        _FLAT,
        _DEFINITION,
        _FORWARD,
    ),
    mistake(
        "the exponent's sign",
        {"output": lambda given, x: np.where(x > 0, x, _alpha(given) * (np.exp(-x) - 1))},
        "Below 0 the exponential is that of minus the input.",
        "Below 0 the output is positive, and grows without bound.",
        _FLAT,
        _DEFINITION,
        _FORWARD,
    ),
    mistake(
        "the exponential is left out",
        {"output": lambda given, x: np.where(x > 0, x, _alpha(given) * (x - 1))},
        "Below 0 the 1 is subtracted from the input itself.",
        "Below 0 the output falls without bound.",
        _FLAT,
        _DEFINITION,
        _FORWARD,
    ),
    mistake(
        "1 minus the exponential",
        {"output": lambda given, x: np.where(x > 0, x, _alpha(given) - _below(given, x))},
        "Below 0 the exponential is subtracted from 1, and not 1 from the exponential.",
        "No output is negative.",
        _FLAT,
        _DEFINITION,
        _FORWARD,
    ),
    mistake(
        "rectified in the forward pass",
        {"output": lambda x: np.maximum(x, 0)},
        "The forward pass is that of a rectified linear unit.",
        "Every output is 0 where the input is negative.",
        _FLAT,
        _DEFINITION,
        _FORWARD,
    ),
    mistake(
        "the cases of the output are exchanged",
        {"output": lambda given, x: np.where(x > 0, _alpha(given) * (np.exp(x) - 1), x)},
        "The exponential is taken of positive inputs, and negative ones pass.",
        "The output grows exponentially to the right.",
        _FLAT,
        "The definition: which case belongs to positive inputs?",
        _FORWARD,
    ),
    *shared(CURVE, "divided by the slope"),
)


class ELUKind(PointwiseKind):
    """The exponential linear unit."""

    name = "elu"
    words = ("elu", "exponentiallinear")
    curve = CURVE
    mistakes = MISTAKES
    other = CURVE.other(
        "another alpha",
        "Far to the left the output goes to another number than -1, and the gradient agrees.",
        alpha=2.0,
    )
    conventions = (other,)

    def estimate(self, x: Array, y: Array) -> dict[str, Any]:
        ratio = y[x < 0] / np.expm1(x[x < 0])
        alpha = float(f"{np.median(ratio):.6g}") if ratio.size else 0.0
        return {"alpha": alpha} if alpha > 0 else {}
