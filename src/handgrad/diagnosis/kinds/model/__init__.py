"""A whole model."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import ClassVar

import numpy as np

from handgrad.arguments import Array
from handgrad.component import Component
from handgrad.diagnosis.given import Given, Results
from handgrad.diagnosis.kinds.base import Kind, Shapes
from handgrad.diagnosis.kinds.inner import InnerReLU, InnerSigmoid, inner_linear
from handgrad.diagnosis.kinds.model.mistakes import MISTAKES, backward, forward

__all__ = ["ModelKind", "parts"]


NETWORKS = ("LRLSL", "LSLR", "LRL", "LSLRL")
"""What the trials' models are made of: L a layer, R a ReLU, S a sigmoid."""


class ModelKind(Kind):
    """A whole model, made of our components.

    All layers of the first trials have one size, so that code runs which confuses them; those of
    the last have different ones.
    """

    name = "model"
    words = ("model", "network", "sequential", "mlp")
    titles: ClassVar = {
        "output": "output",
        "dW": "gradients of the weights",
        "W step": "step of the weights",
        "b step": "step of the biases",
    }
    variables: ClassVar = {"dW": "weights", "W step": "weights", "b step": "bias"}
    optional = ("dW", "b step")  # what counts is the step, and the exercise lets the bias be
    mistakes = MISTAKES
    shapes = ((7, 4, 4), (5, 3, 3), (11, 5, 5), (7, 3, 5))

    def givens(self, shapes: Shapes, seed: int) -> list[Given]:
        givens = []
        for i, (N, D, K) in enumerate(shapes):
            rng = np.random.default_rng([seed, i])
            network = NETWORKS[i % len(NETWORKS)]
            count = network.count("L")
            widths = [D, *((K + j + 1 if D != K else K) for j in range(count - 1)), K]
            sizes = list(pairwise(widths))
            W = np.concatenate([rng.standard_normal(m * n) / m**0.5 for m, n in sizes])
            b = rng.standard_normal(sum(n for _, n in sizes)) / 2
            label = f"N = {N}, layers of {' to '.join(map(str, widths))}"
            x, dy = rng.standard_normal((N, D)), rng.standard_normal((N, K))
            options = {"network": network, "sizes": sizes, "lr": (0.05, 0.02, 0.1)[i % 3]}
            parameters = {"weights": W, "bias": b}
            givens.append(Given(label, {"N": N}, {"x": x}, dy, parameters, options))
        return givens

    def right(self, given: Given, seen: Results) -> Results:
        linear = (inner_linear(W, b) for W, b in parts(given))
        others = {"R": InnerReLU, "S": InnerSigmoid}
        layers: list[Component] = [
            next(linear) if letter == "L" else others[letter]() for letter in given["network"]
        ]
        given.derived["layers"] = layers
        output, _ = forward(given, layers)
        return {"output": output, **backward(given, reversed(range(len(layers))))}


def parts(given: Given) -> Iterator[tuple[Array, Array]]:
    """Yield weights and bias of each layer from the flat parameters."""
    weights, bias = given["weights"], given["bias"]
    at = bias_at = 0
    for D, K in given["sizes"]:
        yield weights[at : at + D * K].reshape(D, K), bias[bias_at : bias_at + K]
        at, bias_at = at + D * K, bias_at + K
