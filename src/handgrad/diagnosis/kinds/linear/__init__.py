"""The affine layer."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from handgrad.diagnosis.given import Given
from handgrad.diagnosis.kinds.base import SQUARES, Kind, Shapes, Stress
from handgrad.diagnosis.kinds.linear.mistakes import MISTAKES
from handgrad.layers import Linear

__all__ = ["LinearKind"]


class LinearKind(Kind):
    """The affine layer; of these sizes, (D, K), where a finished one has them."""

    name = "linear"
    words: ClassVar[tuple[str, ...]] = ("linear", "dense", "affine", "fullyconnected")
    titles: ClassVar = {
        "output": "output",
        "dW": "gradient of the weights",
        "db": "gradient of the bias",
        "dx": "gradient of the input",
    }
    variables: ClassVar = {"dW": "weights", "db": "bias", "dx": "x"}
    optional = ("db",)
    axes: ClassVar = {"x": "N D", "weights": "D K", "bias": "K", "output": "N K"}
    mistakes = MISTAKES
    square = SQUARES

    def __init__(self, sizes: tuple[int, int] | None = None) -> None:
        self.sizes = sizes

    def givens(self, shapes: Shapes, seed: int) -> list[Given]:
        givens = []
        for i, (N, D, K) in enumerate(shapes):
            D, K = self.sizes or (D, K)
            rng = np.random.default_rng([seed, i])
            x, dy = rng.standard_normal((N, D)), rng.standard_normal((N, K))
            label = f"N = {N}, D = {D}, K = {K}"
            parameters = {"weights": rng.standard_normal((D, K)), "bias": rng.standard_normal(K)}
            givens.append(Given(label, {"N": N, "D": D, "K": K}, {"x": x}, dy, parameters))
        return givens

    def stresses(self, seed: int) -> list[Stress]:
        large = self.givens(((67, 3, 5), (71, 5, 4)), seed + 99)
        for given in large:
            given.x[...] *= 10
        return [Stress("large", "a large minibatch, of large values", large)]

    @staticmethod
    def ours(given: Given) -> Linear:
        weights = given["weights"]
        layer = Linear(*weights.shape, rng=np.random.default_rng(0), dtype=np.float64)
        layer.weights, layer.bias = weights, given["bias"][None, :]
        return layer
