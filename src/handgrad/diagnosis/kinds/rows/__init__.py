"""The affine layer on inputs with more axes than two: sequences, or examples that are flattened."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from handgrad.diagnosis.given import Given, Results
from handgrad.diagnosis.kinds.base import Shapes, Stress
from handgrad.diagnosis.kinds.linear import LinearKind
from handgrad.diagnosis.kinds.rows.mistakes import FLAT, TEMPORAL, as_rows

__all__ = ["FlatLinearKind", "TemporalLinearKind"]


class TemporalLinearKind(LinearKind):
    """The affine layer on sequences: each step of each is a row."""

    name = "temporal_linear"
    dimensions = "N T D K"
    words = ("temporallinear", "temporalaffine", "timedistributed")
    axes: ClassVar = {"x": "N T D", "weights": "D K", "bias": "K", "output": "N T K"}
    mistakes = TEMPORAL
    shapes = ((3, 4, 2, 5), (2, 5, 4, 3), (4, 3, 5, 2))
    square = ((3, 4, 5, 5), (2, 5, 3, 3), (4, 3, 2, 2))

    def givens(self, shapes: Shapes, seed: int) -> list[Given]:
        givens = []
        for i, (N, T, D, K) in enumerate(shapes):
            rng = np.random.default_rng([seed, i])
            x, dy = rng.standard_normal((N, T, D)), rng.standard_normal((N, T, K))
            parameters = {"weights": rng.standard_normal((D, K)), "bias": rng.standard_normal(K)}
            sizes = {"N": N, "T": T, "D": D, "K": K}
            label = ", ".join(f"{name} = {size}" for name, size in sizes.items())
            options = {"in_features": D, "out_features": K}
            givens.append(Given(label, sizes, {"x": x}, dy, parameters, options))
        return givens

    def stresses(self, seed: int) -> list[Stress]:
        one = self.givens([(N, 1, D, K) for N, _, D, K in self.shapes[:2]], seed + 98)
        return [Stress("one step", "sequences of one step", one)]


class FlatLinearKind(LinearKind):
    """The affine layer that makes one row of all the axes of an example."""

    name = "flat_linear"
    words = ("flatlinear",)
    axes: ClassVar = {"x": "N a b", "weights": "D K", "bias": "K", "output": "N K"}
    mistakes = FLAT
    shapes = ((5, 2, 3, 4), (7, 3, 2, 5), (3, 4, 2, 7))
    square = ((5, 2, 3, 6), (7, 2, 2, 4), (3, 4, 2, 8))

    def givens(self, shapes: Shapes, seed: int) -> list[Given]:
        tables = super().givens([(N, a * b, K) for N, a, b, K in shapes], seed)
        return [
            given.changed(f"N = {N}, features {a} x {b}, K = {K}", x=given.x.reshape(N, a, b))
            for given, (N, a, b, K) in zip(tables, shapes, strict=True)
        ]

    def stresses(self, seed: int) -> list[Stress]:
        one = self.givens([(1, *shape[1:]) for shape in self.shapes[:2]], seed + 98)
        return [Stress("one row", "a single row", one)]

    def right(self, given: Given, seen: Results) -> Results:
        results = super().right(as_rows(given), seen)
        return {**results, "dx": results["dx"].reshape(given.x.shape)}
