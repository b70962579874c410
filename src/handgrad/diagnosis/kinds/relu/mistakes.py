"""Mistakes in the rectified linear unit."""

from __future__ import annotations

import numpy as np

from handgrad.activations import ReLU
from handgrad.diagnosis.families import GENERAL, LINEAR, ignored
from handgrad.diagnosis.kinds.pointwise.curve import Curve
from handgrad.diagnosis.mistake import Mistake, mistake

__all__ = ["CURVE", "KINK", "MISTAKES"]

_BELOW = (
    "Where the output is constant, the gradient is 0.",
    "The case below the kink: there the output does not depend on the input.",
)
_DIAGONAL = (
    "The line with the cases: the derivative of an output by its own input is decided by the input."
)

_SLOPE = "The slope is 1 above the kink, and 0 below it."
CURVE = Curve(ReLU, "np.maximum(x, 0)", "dy * (x > 0)", _SLOPE, kinks=lambda ours: (0.0,))
KINK = CURVE.at_kinks({"1": 1.0, "1/2": 0.5})


MISTAKES: tuple[Mistake, ...] = (
    mistake(
        "masked by the sign of the upstream gradient",
        {"dx": lambda dy: np.maximum(dy, 0)},
        "What decides which entries pass is the upstream gradient; the input has no say.",
        "Your gradient never has a negative entry, and does not change when the input does.",
        "The backward pass is linear in the upstream gradient: its negative gives the negative.",
        _DIAGONAL,
        "Take the mask from the input that the forward pass saved: `dy * (x > 0)`.",
    ),
    mistake(
        "no mask",
        {"dx": lambda dy: dy.copy()},
        "The upstream gradient is passed on as it is, as if the unit were never off.",
        "Inputs that are below 0 get a gradient, although moving them a little changes nothing.",
        *_BELOW,
        "Multiply by the mask of the forward pass: `dy * (x > 0)`.",
    ),
    mistake(
        "the mask is inverted",
        {"dx": lambda dy, x: dy * (x <= 0)},
        "What should pass is stopped, and what should be stopped passes.",
        "Units that are on learn nothing.",
        "Where the output is constant, the gradient is 0; where it follows the input, it is not.",
        "The two cases are exchanged.",
        "Turn the comparison round: `dy * (x > 0)`.",
    ),
    ignored(
        "dx",
        lambda x: (x > 0).astype(np.float64),
        "The derivative of the unit is returned alone; the upstream gradient does not enter.",
        "Multiply the mask by the upstream gradient: `dy * (x > 0)`.",
    ),
    mistake(
        "the output in place of its derivative",
        {"dx": lambda dy, x: dy * np.maximum(x, 0)},
        "The upstream gradient is multiplied by the unit's output instead of by its slope.",
        "The gradient grows with the input, although the slope is the same everywhere above 0.",
        "Above the kink the output follows the input one to one.",
        "The case above the kink: the derivative of the input by itself.",
        "Multiply by the mask, `(x > 0)`, and not by `max(x, 0)`.",
    ),
    mistake(
        "the forward pass is returned as the gradient",
        {"dx": lambda x: np.maximum(x, 0)},
        "The output itself comes back from the backward pass.",
        "Your gradient does not change when the upstream gradient is doubled.",
        LINEAR,
        "The first line, the chain rule: neither factor is the output.",
        "Return `dy * (x > 0)`.",
    ),
    mistake(
        "masked twice, by the input and by the upstream gradient",
        {"dx": lambda dy, x: np.maximum(dy, 0) * (x > 0)},
        "Only positive upstream gradients pass, and only where the unit is on.",
        "Your gradient never has a negative entry.",
        "The backward pass is linear in the upstream gradient: its negative gives the negative.",
        _DIAGONAL,
        "Leave the upstream gradient's sign alone: `dy * (x > 0)`.",
    ),
    mistake(
        "-1 below the kink",
        {"dx": lambda dy, x: dy * np.sign(x)},
        "The slope of the absolute value is used: -1 where the input is negative.",
        "Inputs that are below 0 get a gradient, although moving them a little changes nothing.",
        *_BELOW,
        "Use the mask `(x > 0)`, not `np.sign(x)`.",
    ),
    mistake(
        "a leak of 0.01 in the backward pass",
        {"dx": lambda dy, x: dy * np.where(x > 0, 1, 0.01)},
        "Below 0 a hundredth of the gradient passes, as in a leaky unit, but the forward pass "
        "does not leak.",
        "Inputs that are below 0 get a small gradient, although moving them changes nothing.",
        *_BELOW,
        "Multiply by 0 below the kink: `dy * (x > 0)`.",
    ),
    mistake(
        "the kink is at 1",
        {"dx": lambda dy, x: dy * (x > 1)},
        "The gradient passes only where the input is above 1.",
        "Inputs between 0 and 1 learn nothing, although the output follows them.",
        "Where the output follows the input one to one, the gradient passes unchanged.",
        "The cases: where does the forward pass change from one to the other?",
        "Compare with 0: `dy * (x > 0)`.",
    ),
    mistake(
        "the largest of each column",
        {"output": lambda x: x.max(axis=0)},
        "The maximum is taken over an axis of the array, not between each entry and 0.",
        "The output has fewer entries than the input.",
        "The unit works entry by entry: the output has the input's shape.",
        "The definition: the maximum is of two numbers, the entry and 0.",
        "Use `np.maximum(x, 0)`: in `np.max(x, 0)` the 0 is the axis.",
    ),
    mistake(
        "the absolute value",
        {"output": lambda x: np.abs(x)},
        "Negative inputs come out with the sign changed instead of as 0.",
        "The output is not 0 where the input is negative.",
        "Below 0 the unit is off.",
        "The definition: the maximum of the entry and 0.",
        "Use `np.maximum(x, 0)`, not `np.abs(x)`.",
    ),
    mistake(
        "the smaller one of the input and 0",
        {"output": lambda x: np.minimum(x, 0)},
        "What should be cut off is kept, and what should be kept is cut off.",
        "The output is never positive.",
        "Above 0 the output is the input.",
        "The definition: which of the two numbers is taken?",
        "Use `np.maximum(x, 0)`, not `np.minimum(x, 0)`.",
    ),
    mistake(
        "the input passes unchanged",
        {"output": lambda x: x.copy()},
        "The forward pass returns its input.",
        "The output has negative entries.",
        "Below 0 the unit is off.",
        "The definition: the maximum of the entry and 0.",
        "Return `np.maximum(x, 0)`.",
    ),
    mistake(
        "a step",
        {"output": lambda x: (x > 0).astype(np.float64)},
        "The forward pass returns 1 where the input is positive: its own derivative.",
        "The output is only ever 0 or 1.",
        "Above 0 the output is the input.",
        "The definition: the function and its derivative are exchanged.",
        "Return `np.maximum(x, 0)`.",
    ),
    *GENERAL,
)
