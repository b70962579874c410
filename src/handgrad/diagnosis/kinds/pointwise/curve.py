"""A function of one number as mistakes are made of it, and those that are the same for all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from handgrad.arguments import Array
from handgrad.component import Activation
from handgrad.diagnosis.families import GENERAL, LINEAR, ignored
from handgrad.diagnosis.given import Given, Results
from handgrad.diagnosis.kinds.base import floats
from handgrad.diagnosis.mistake import Formula, Mistake, convention, mistake

__all__ = ["FOUND", "Curve", "shared"]

FOUND = "found"
"""The name under which `given` has the options that the code's output shows, where not ours."""

_CHAIN_RULE = "The first line, the chain rule: the upstream gradient times the local derivative."


@dataclass(frozen=True)
class Curve:
    """A function of one number, its words, and its options.

    Its output and its gradient, in code; a sentence on the slope that a wrong one breaks; for each
    option its values, ours and others to ask for; and the inputs at which there is a kink.
    """

    component: type[Activation]
    output: str
    gradient: str
    slope_is: str
    options: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    kinks: Callable[[Any], Sequence[float]] = lambda ours: ()

    def ours(self, given: Given) -> Activation:
        """Return ours, with the options that the code has."""
        return self.component(**{n: given[n] for n in self.options} | given.derived.get(FOUND, {}))

    def value(self, given: Given, x: Array) -> Array:
        """Return the function's values at some numbers."""
        return np.asarray(self.ours(given).apply(floats(x))[0])

    def slope(self, given: Given, x: Array) -> Array:
        """Return its slopes there."""
        ours = self.ours(given)
        y, saved = ours.apply(floats(x))
        return np.asarray(ours.pullback(np.ones_like(y), saved)[0])

    def at_kinks(self, slopes: Mapping[str, float]) -> tuple[Mistake, ...]:
        """Make the conventions that the slope is another one where the input is at a kink."""

        def formula(slope: float) -> Formula:
            return lambda given, dy, x: np.where(
                np.isin(x, self.kinks(self.ours(given))), slope * dy, dy * self.slope(given, x)
            )

        return tuple(
            convention(
                f"{words} at the kink",
                {"dx": formula(slope)},
                f"Where the input is exactly at the kink the slope is taken to be {words}.",
            )
            for words, slope in slopes.items()
        )

    def other(self, name: str, explanation: str, **example: Any) -> Mistake:
        """Make the convention that options have other values than ours.

        Those found in the output; where nothing is found, those of the example.
        """

        def formula(given: Given, dy: Array, x: Array) -> Results:
            other = given.changed()
            other.derived.setdefault(FOUND, example)
            return {"output": self.value(other, x), "dx": dy * self.slope(other, x)}

        return convention(name, formula, explanation)


def shared(curve: Curve, *without: str) -> tuple[Mistake, ...]:
    """Make the mistakes that are the same for every function of one number.

    `without` are the names of those that are right for this one, or another mistake of its own: the
    derivative at the output of a unit that keeps the sign.
    """
    made = (
        mistake(
            "the derivative is left out",
            {"dx": lambda dy: dy.copy()},
            "The upstream gradient is passed on as it is.",
            "Your gradient does not depend on the input at all.",
            curve.slope_is,
            _CHAIN_RULE,
            f"Multiply by the slope: `{curve.gradient}`.",
        ),
        ignored(
            "dx",
            curve.slope,
            "The slope is returned alone; the upstream gradient does not enter.",
            f"Multiply the slope by the upstream gradient: `{curve.gradient}`.",
        ),
        mistake(
            "the derivative at the upstream gradient",
            {"dx": lambda given, dy: dy * curve.slope(given, dy)},
            "The slope is taken at the upstream gradient and not at the input.",
            "Your gradient does not depend on the input at all.",
            LINEAR,
            "Where the derivative is taken: at the input of the forward pass.",
            f"Use what the forward pass saved: `{curve.gradient}`.",
        ),
        mistake(
            "the forward pass is returned as the gradient",
            {"dx": lambda given, x: curve.value(given, x)},
            "The output itself comes back from the backward pass.",
            "Your gradient does not change when the upstream gradient is doubled.",
            LINEAR,
            "The first line, the chain rule: neither factor is the output.",
            f"Return `{curve.gradient}`.",
        ),
        mistake(
            "the input passes unchanged",
            {"output": lambda x: x.copy()},
            "The forward pass returns its input.",
            "The output is the input, entry by entry.",
            curve.slope_is,
            "The definition: the function itself is missing.",
            f"Return `{curve.output}`.",
        ),
        mistake(
            "the derivative in the forward pass",
            {"output": lambda given, x: curve.slope(given, x)},
            "The forward pass returns the function's derivative.",
            "The output is the slope of what it should be.",
            "The derivative belongs to the backward pass alone.",
            "The definition: the function and its derivative are exchanged.",
            f"Return `{curve.output}`.",
        ),
        mistake(
            "the output in place of its derivative",
            {"dx": lambda given, dy, x: dy * curve.value(given, x)},
            "The upstream gradient is multiplied by the function's output, not by its slope.",
            "Doubling what the forward pass returned would double your gradient.",
            curve.slope_is,
            "The first line, the chain rule: the second factor is a derivative.",
            f"Multiply by the slope: `{curve.gradient}`.",
        ),
        mistake(
            "the derivative at the output",
            {"dx": lambda given, dy, x: dy * curve.slope(given, curve.value(given, x))},
            "The slope is taken at the output, as if that were the input.",
            "Inputs far from 0 do not have the slope that the curve has there.",
            curve.slope_is,
            "Where the derivative is taken: at the input of the forward pass.",
            "Save what your formula is written with, the input or the output: "
            f"`{curve.gradient}`, where x is the input and y the output.",
        ),
        mistake(
            "divided by the slope",
            {"dx": lambda given, dy, x: dy / curve.slope(given, x)},
            "The upstream gradient is divided by the slope instead of multiplied.",
            "Where the curve is flat your gradient is largest.",
            curve.slope_is,
            "The first line, the chain rule: the two factors are multiplied.",
            f"Multiply: `{curve.gradient}`.",
        ),
    )
    return (*(each for each in made if each.cause.name not in without), *GENERAL[:4])
