"""The mean squared error."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from handgrad.diagnosis.families import TRUNCATED
from handgrad.diagnosis.given import Given
from handgrad.diagnosis.kinds.base import Shapes, Stress
from handgrad.diagnosis.kinds.loss import LossKind
from handgrad.diagnosis.kinds.mse.mistakes import CONVENTIONS, MISTAKES
from handgrad.losses import MSELoss

__all__ = ["MSEKind"]


class MSEKind(LossKind):
    """The mean squared error."""

    name = "mse"
    words = ("mse", "meansquared")
    mistakes = MISTAKES
    conventions = CONVENTIONS
    axes: ClassVar = {"x": "N D", "y": "N D", "value": ""}

    def loss(self, given: Given) -> MSELoss:
        return MSELoss()

    def givens(self, shapes: Shapes, seed: int) -> list[Given]:
        """Return (N, D) arrays, and a vector, which the exercise starts with."""
        sizes = [*(shape[:2] for shape in shapes)] + [(shapes[0][0] + 6,)] * bool(shapes)
        return [self._given(size, np.random.default_rng([seed, i])) for i, size in enumerate(sizes)]

    def _given(self, shape: tuple[int, ...], rng: np.random.Generator) -> Given:
        label = "N = {}, D = {}".format(*shape) if len(shape) == 2 else f"a vector of {shape[0]}"
        sizes = dict(zip(("N", "D"), shape, strict=False))
        return Given(label, sizes, {n: rng.standard_normal(shape) for n in ("x", "y")})

    def spares(self, given: Given) -> str:
        return "it takes arrays of two axes alone, no vectors" if given.x.ndim == 1 else ""

    def stresses(self, seed: int) -> list[Stress]:
        whole, large = [], []
        for i, shape in enumerate(((5, 3), (7, 4))):
            rng = np.random.default_rng([seed, 99, i])
            given = self._given(shape, rng)
            x, y = rng.integers(-9, 10, (2, *shape))
            whole.append(given.changed(f"integers, {given.label}", x=x, y=y))
            given = self._given((67 + i, shape[1]), rng)
            large.append(given.changed(x=30 * given.x))
        return [
            Stress("integers", "arrays of integers", whole, (TRUNCATED,)),
            Stress("large", "a large minibatch, of large values", large),
        ]
