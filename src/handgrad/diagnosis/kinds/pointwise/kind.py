"""What the functions of one number have in common: their options, and extreme inputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from handgrad.arguments import Array
from handgrad.component import Activation
from handgrad.diagnosis.given import Given, Results
from handgrad.diagnosis.kinds.activation import ActivationKind
from handgrad.diagnosis.kinds.base import Shapes, Stress, floats
from handgrad.diagnosis.kinds.pointwise.curve import FOUND, Curve
from handgrad.diagnosis.mistake import Mistake, mistake

__all__ = ["PointwiseKind"]


class PointwiseKind(ActivationKind):
    """A function of one number.

    An option has our default, and any other value is another convention, unless its name is among
    those `asked`, which the code takes: then each trial asks for another value, and has to get it.
    """

    curve: ClassVar[Curve]
    other: ClassVar[Mistake | None] = None
    """The convention that the options have other values than ours."""
    spread: ClassVar[float] = 1.0
    """The size of the inputs."""

    def __init__(self, asked: Sequence[str] = ()) -> None:
        self.asked = tuple(name for name in self.option_names() if name in asked)
        if self.asked and self.other:
            self.conventions = tuple(c for c in self.conventions if c is not self.other)
            self.mistakes = (*self.mistakes, *_not_as_asked(self.asked, self.curve))

    def option_names(self) -> tuple[str, ...]:
        return tuple(self.curve.options)

    def ours(self, given: Given) -> Activation:
        return self.curve.component(**given.options)

    def right(self, given: Given, seen: Results) -> Results:
        given.derived.pop(FOUND, None)
        if found := self._found(given, seen.get("output")):
            given.derived[FOUND] = found
        return super().right(given, seen)

    def estimate(self, x: Array, y: Array) -> dict[str, Any]:
        """Return what the options may be, for these outputs."""
        return {}

    def givens(self, shapes: Shapes, seed: int) -> list[Given]:
        """Return tables of numbers; what is asked for is another option in each."""
        return [self._asked(given, i) for i, given in enumerate(super().givens(shapes, seed))]

    def stresses(self, seed: int) -> list[Stress]:
        extreme = self.special(seed, "inputs of size 1e4")
        for given in extreme:
            given.x[...] *= 1e4
        stresses = [*super().stresses(seed), Stress("extreme", "inputs of size 1e4", extreme)]
        for stress in stresses:
            for i, given in enumerate(stress.givens):
                self._asked(given, i)
        if not self.at_kinks:
            return stresses
        kink = self.special(seed, "with inputs at a kink")
        for given in kink:
            for row, at in enumerate(self.curve.kinks(self.ours(given))):
                given.x[row, 0] = at
        title = "the kink, where the slope jumps"
        return [*stresses, Stress("kink", title, kink, conventions=self.at_kinks)]

    def _given(self, shape: tuple[int, ...], rng: np.random.Generator) -> Given:
        given = super()._given(shape, rng)
        given.x[...] *= self.spread
        return given

    def _asked(self, given: Given, i: int) -> Given:
        """Note the options of trial i, and return it."""
        for name, (default, *values) in self.curve.options.items():
            given.options[name] = values[i % len(values)] if name in self.asked else default
        if self.asked:
            given.label += "".join(f", {name}={given[name]}" for name in self.asked)
        return given

    def _found(self, given: Given, output: Array | None) -> dict[str, Any]:
        """Return the options that give this output, where they are others than the given ones."""
        if output is None or output.shape != given.x.shape:
            return {}
        with np.errstate(all="ignore"):
            found = self.estimate(given.x, output)
        if not found or found == {name: given[name] for name in found}:
            return {}
        y, _ = self.curve.component(**given.options | found).apply(floats(given.x))
        return found if np.allclose(y, output, rtol=1e-6, atol=1e-9) else {}


def _not_as_asked(asked: tuple[str, ...], curve: Curve) -> tuple[Mistake, ...]:
    """Make the mistakes that other options are used than those asked for."""
    names = " and ".join(asked)
    words = (
        f"A call with another {names} gives the same.",
        f"What is asked for decides: both passes depend on {names}.",
        f"The definition: where does {names} stand in it?",
        f"Use the argument `{'` and `'.join(asked)}`, not a number of your own.",
    )

    def both(given: Given, x: Array, dy: Array) -> Results:
        return {"output": curve.value(given, x), "dx": dy * curve.slope(given, x)}

    def backward(given: Given, x: Array, dy: Array) -> Array:
        ours = given.changed()
        ours.derived[FOUND] = {name: values[0] for name, values in curve.options.items()}
        return dy * curve.slope(ours, x)

    return (
        mistake(
            f"not the {names} that is asked for",
            both,
            f"The passes work with another {names} than the one that they are given.",
            *words,
        ),
        mistake(
            f"not the {names} that is asked for in the backward pass",
            {"dx": backward},
            f"The backward pass works with the usual {names}, whatever it is given.",
            *words,
        ),
    )
