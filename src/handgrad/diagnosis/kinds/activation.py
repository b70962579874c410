"""What the activations have in common."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from handgrad.component import Activation
from handgrad.diagnosis.families import TRUNCATED
from handgrad.diagnosis.given import Given
from handgrad.diagnosis.kinds.base import SQUARES, Kind, Shapes, Stress
from handgrad.diagnosis.mistake import Mistake

__all__ = ["ActivationKind"]


class ActivationKind(Kind):
    """A function of each entry, without parameters."""

    titles: ClassVar = {"output": "output", "dx": "gradient of the input"}
    variables: ClassVar = {"dx": "x"}
    axes: ClassVar = {"x": "N D", "output": "N D"}
    square = SQUARES
    component: ClassVar[Activation]
    """Ours."""
    at_kinks: ClassVar[tuple[Mistake, ...]] = ()
    """Conventions that only show where the input is at a kink."""

    def ours(self, given: Given) -> Activation:
        return self.component

    def givens(self, shapes: Shapes, seed: int) -> list[Given]:
        rngs = (np.random.default_rng([seed, i]) for i in range(len(shapes)))
        return [self._given(shape[:2], rng) for shape, rng in zip(shapes, rngs, strict=False)]

    def _given(self, shape: tuple[int, ...], rng: np.random.Generator) -> Given:
        x = rng.standard_normal(shape)
        x += 0.1 * np.sign(x)  # away from the kink
        sizes = dict(zip(("N", "D"), shape, strict=True))
        label = ", ".join(f"{name} = {size}" for name, size in sizes.items())
        return Given(label, sizes, {"x": x}, rng.standard_normal(shape))

    def stresses(self, seed: int) -> list[Stress]:
        large, whole = [], []
        for i, shape in enumerate(((5, 3), (7, 4))):
            rng = np.random.default_rng([seed, 99, i])
            given = self._given((67 + i, shape[1]), rng)
            large.append(given.changed(x=5 * given.x))
            x = rng.choice([-3, -2, -1, 1, 2, 3], shape)
            x[0, :2] = -3, 3
            given = self._given(shape, rng)
            whole.append(given.changed(f"integers, {given.label}", x=x, dy=5 * given.dy))
        return [
            Stress("large", "a large minibatch, of large values", large),
            Stress("integers", "an array of integers", whole, (TRUNCATED,), self.at_kinks),
        ]

    def special(self, seed: int, label: str) -> list[Given]:
        """Return two inputs to be changed."""
        givens = self.givens(((5, 3), (7, 4)), seed + 98)
        return [given.changed(f"{label}, {given.label}") for given in givens]
