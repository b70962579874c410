"""The rectified linear unit that leaks, and mistakes in it."""

from __future__ import annotations

from typing import Any

import numpy as np

from handgrad.activations import LeakyReLU
from handgrad.arguments import Array
from handgrad.diagnosis.families import LINEAR
from handgrad.diagnosis.given import Given
from handgrad.diagnosis.kinds.pointwise.curve import Curve, shared
from handgrad.diagnosis.kinds.pointwise.kind import PointwiseKind
from handgrad.diagnosis.mistake import Mistake, mistake

__all__ = ["LeakyReLUKind"]

_SLOPE = "The slope is 1 above the kink and the leak, a small positive number, below it."
_BELOW = "The case below the kink: there the output is the leak times the input."
_CASES = "The line with the cases: which one belongs to positive inputs?"
_CODE = "`dy * np.where(x > 0, 1, slope)`."
_FORWARD = "Return `np.where(x > 0, x, slope * x)`."

CURVE = Curve(
    LeakyReLU,
    "np.where(x > 0, x, slope * x)",
    "dy * np.where(x > 0, 1, slope)",
    _SLOPE,
    {"negative_slope": (0.01, 0.2, 0.1, 0.3)},
    kinks=lambda ours: (0.0,),
)


def _leak(given: Given) -> float:
    """Return the slope below the kink."""
    ours = CURVE.ours(given)
    assert isinstance(ours, LeakyReLU)
    return ours.negative_slope


MISTAKES: tuple[Mistake, ...] = (
    mistake(
        "no leak in the backward pass",
        {"dx": lambda dy, x: dy * (x > 0)},
        "Below the kink no gradient passes, as in a unit that does not leak.",
        "Inputs that are below 0 get no gradient, although the output follows them a little.",
        _SLOPE,
        _BELOW,
        f"Multiply by the leak below the kink: {_CODE}",
    ),
    mistake(
        "the upstream gradient is lost below the kink",
        {"dx": lambda given, dy, x: np.where(x > 0, dy, _leak(given))},
        "Below the kink the leak is returned alone; the upstream gradient enters above it only.",
        "All inputs that are below 0 get the same gradient.",
        LINEAR,
        "The line with the cases: each of them is a factor of the upstream gradient.",
        f"Multiply by the upstream gradient in both cases: {_CODE} After `dx = dy.copy()` that is "
        "`dx[x < 0] *= slope`, with `*=`.",
    ),
    mistake(
        "the cases are exchanged",
        {"dx": lambda given, dy, x: dy * np.where(x > 0, _leak(given), 1)},
        "The leak is the slope above the kink, and 1 the one below it.",
        "Inputs that are above 0 hardly get a gradient.",
        _SLOPE,
        _CASES,
        f"Turn the comparison round: {_CODE}",
    ),
    mistake(
        "minus the leak",
        {"dx": lambda given, dy, x: dy * np.where(x > 0, 1, -_leak(given))},
        "The slope below the kink is taken with a minus, as if the output rose to the left.",
        "Below the kink a step against your gradient raises the loss.",
        _SLOPE,
        _BELOW,
        f"Leave the sign of the leak alone: {_CODE}",
    ),
    mistake(
        "the output below the kink in place of its slope",
        {"dx": lambda given, dy, x: dy * np.where(x > 0, 1, _leak(given) * x)},
        "Below the kink the upstream gradient is multiplied by the leak times the input.",
        "Below the kink your gradient grows with the input, although the slope is the same there.",
        _SLOPE,
        _BELOW,
        f"Leave out the input: {_CODE}",
    ),
    mistake(
        "the input above the kink in place of the slope",
        {"dx": lambda given, dy, x: dy * np.where(x > 0, x, _leak(given))},
        "Above the kink the upstream gradient is multiplied by the input.",
        "Above the kink your gradient grows with the input, although the slope is the same there.",
        _SLOPE,
        "The case above the kink: the derivative of the input by itself.",
        f"The slope is 1 there: {_CODE}",
    ),
    mistake(
        "the leak is added to the mask",
        {"dx": lambda given, dy, x: dy * ((x > 0) + _leak(given))},
        "The slope is the mask plus the leak, also where the unit is on.",
        "Above the kink your gradient is a little larger than the upstream gradient.",
        _SLOPE,
        "The line with the cases: above the kink the leak does not appear.",
        f"Use the leak below the kink alone: {_CODE}",
    ),
    mistake(
        "no leak in the forward pass",
        {"output": lambda x: np.maximum(x, 0)},
        "The forward pass is that of a unit that does not leak.",
        "Every output is 0 where the input is negative.",
        _SLOPE,
        "The definition: what is the output below the kink?",
        _FORWARD,
    ),
    mistake(
        "the smaller one is taken",
        {"output": lambda given, x: np.where(x > 0, _leak(given) * x, x)},
        "Positive inputs are multiplied by the leak, and negative ones pass.",
        "The output is small where the input is positive.",
        _SLOPE,
        "The definition: which of the two lines is above the other one?",
        _FORWARD,
    ),
    mistake(
        "the absolute value leaks",
        {"output": lambda given, x: np.where(x > 0, x, -_leak(given) * x)},
        "Below the kink the output is minus the leak times the input.",
        "No output is negative.",
        _SLOPE,
        _BELOW,
        _FORWARD,
    ),
    mistake(
        "the leak is a constant",
        {"output": lambda given, x: np.where(x > 0, x, _leak(given))},
        "Below the kink the output is the leak itself; the input is missing.",
        "All inputs below 0 have the same output.",
        _SLOPE,
        _BELOW,
        _FORWARD,
    ),
    *shared(CURVE, "the derivative at the output"),
)


class LeakyReLUKind(PointwiseKind):
    """The rectified linear unit that leaks."""

    name = "leaky_relu"
    words = ("leaky", "leakyrelu", "lrelu")
    curve = CURVE
    mistakes = MISTAKES
    other = CURVE.other(
        "another slope below the kink",
        "The leak is not 0.01, and the gradient agrees with it.",
        negative_slope=0.05,
    )
    conventions = (other,)
    at_kinks = CURVE.at_kinks({"1": 1.0, "0": 0.0, "1/2": 0.5})

    def estimate(self, x: Array, y: Array) -> dict[str, Any]:
        ratio = y[x < 0] / x[x < 0]
        leak = float(f"{np.median(ratio):.6g}") if ratio.size else 0.0
        return {"negative_slope": leak} if 0 < leak < 1 else {}
