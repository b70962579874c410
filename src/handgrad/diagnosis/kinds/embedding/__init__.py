"""The embedding: rows of a table, by their index."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from handgrad.diagnosis.given import Given
from handgrad.diagnosis.kinds.base import Kind, Shapes, Stress
from handgrad.diagnosis.kinds.embedding.mistakes import MISTAKES
from handgrad.layers import Embedding

__all__ = ["EmbeddingKind"]


class EmbeddingKind(Kind):
    """A table of V rows, D features each, and sequences of indices of them.

    The table of a finished one has its own sizes, (V, D).
    Some words come more than once in the input, in one sequence or in several, and some do not come
    at all.
    """

    name = "embedding"
    words = ("embedding", "lookup")
    titles: ClassVar = {"output": "output", "dW": "gradient of the table"}
    variables: ClassVar = {"dW": "weights"}
    axes: ClassVar = {"x": "N T", "weights": "V D", "output": "N T D"}
    indices = ("x",)
    mistakes = MISTAKES
    shapes = ((7, 3, 5), (11, 5, 4), (5, 7, 3))
    """(N, T, D); the table has N + T rows."""

    def __init__(self, table: tuple[int, ...] | None = None) -> None:
        self.table = table

    def ours(self, given: Given) -> Embedding:
        table = given["weights"]
        layer = Embedding(*table.shape, rng=np.random.default_rng(0), dtype=np.float64)
        layer.weights = table
        return layer

    def givens(self, shapes: Shapes, seed: int) -> list[Given]:
        return [self._given(s, np.random.default_rng([seed, i])) for i, s in enumerate(shapes)]

    def _given(self, shape: tuple[int, ...], rng: np.random.Generator) -> Given:
        N, T, _ = shape
        V, D = self.table or (N + T, shape[2])
        x = rng.integers(0, max(V - 2, 1), (N, T))
        x[0, 0], x[0, -1], x[-1, -1] = 1 % V, 1 % V, 0
        label = f"N = {N}, T = {T}, V = {V}, D = {D}"
        sizes = {"N": N, "T": T, "V": V, "D": D}
        parameters = {"weights": rng.standard_normal((V, D))}
        return Given(label, sizes, {"x": x}, rng.standard_normal((N, T, D)), parameters)

    def stresses(self, seed: int) -> list[Stress]:
        one, short = [], []
        for i, shape in enumerate(((5, 3, 4), (7, 4, 3))):
            rng = np.random.default_rng([seed, 99, i])
            given = self._given(shape, rng)
            one.append(
                given.changed(
                    f"one word alone, {given.label}", x=np.full_like(given.x, given.x[-1, 0])
                )
            )
            given = self._given((67 + i, *shape[1:]), rng)
            short.append(given.changed(x=given.x.astype(np.int32)))
        return [
            Stress("one", "a minibatch of one word", one),
            Stress("large", "a large minibatch, of short integers", short),
        ]
