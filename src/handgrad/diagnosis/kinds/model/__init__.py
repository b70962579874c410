"""A whole model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np

from handgrad.arguments import Array
from handgrad.checking.arrays import same
from handgrad.diagnosis.given import Given, Results
from handgrad.diagnosis.kinds.base import Kind, Shapes
from handgrad.diagnosis.kinds.inner import InnerReLU, InnerSigmoid, linear_handle, own_linear
from handgrad.diagnosis.kinds.linear import LinearHandle
from handgrad.diagnosis.kinds.model.mistakes import MISTAKES, REVERSED, backward, forward
from handgrad.diagnosis.student.subject import Subject, ask, numbers

__all__ = ["ModelKind"]


NETWORKS = ("LRLSL", "LSLR", "LRL", "LSLRL")
"""What the trials' models are made of: L a layer, R a ReLU, S a sigmoid."""


@dataclass
class _Chain:
    """A student's model, the components that it was given, and the layers among them."""

    thing: Any
    components: list[Any]
    layers: list[LinearHandle]
    returned: Any = None

    def place(self, given: Given) -> None:
        """Write the flat parameters into the layers."""
        for layer, (W, b) in zip(self.layers, _parts(given), strict=True):
            layer.place(W, b)

    def read(self) -> tuple[Array, Array]:
        """Return all weights, and all biases, in one vector each."""
        pairs = [layer.read() for layer in self.layers]
        return np.concatenate([W.ravel() for W, _ in pairs]), np.concatenate([b for _, b in pairs])


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
    optional = ("dW",)  # what counts is the step
    mistakes = MISTAKES
    needs = ("linear", "relu", "sigmoid")
    shapes = ((7, 4, 4), (5, 3, 3), (11, 5, 5), (7, 3, 5))

    def __init__(self, subject: Subject, own: dict[str, type] | None = None) -> None:
        super().__init__(subject, own)
        self._own_linear = own_linear(self.own)

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

    def start(self, given: Given) -> Any:
        components, layers = self._components(given, self.own)
        return _Chain(self.subject.make(list(components)), components, layers)

    def _components(
        self, given: Given, own: dict[str, type]
    ) -> tuple[list[Any], list[LinearHandle]]:
        """Return new components with the given parameters, and the layers among them."""
        parts = iter(_parts(given))
        components: list[Any] = []
        layers: list[LinearHandle] = []
        for letter in given["network"]:
            if letter == "L":
                layers.append(linear_handle(*next(parts), self._own_linear if own else None))
                components.append(layers[-1].thing)
            elif letter == "R":
                components.append(own.get("relu", InnerReLU)())
            else:
                components.append(own.get("sigmoid", InnerSigmoid)())
        return components, layers

    def parameters(self, thing: Any) -> Results:
        return {
            f"{name} of layer {i + 1}": array
            for i, layer in enumerate(thing.layers)
            for name, array in zip(("weights", "bias"), layer.read(), strict=True)
        }

    def _ask(self, thing: Any, given: Given, names: tuple[str, ...], *arguments: Any) -> Any:
        doing = f"calling {self.subject.name}.{names[0]} at {given.label}"
        return ask(thing.thing, names, arguments, doing)

    def forward(self, thing: Any, given: Given) -> Results:
        thing.place(given)
        output = self._ask(thing, given, ("forward", "__call__"), given.x)
        return {"output": numbers(output, "the output")}

    def backward(self, thing: Any, given: Given) -> Results:
        thing.returned = self._ask(thing, given, ("backward",), given.dy)
        flat = self._flat(thing, given)
        return {} if flat is None else {"dW": flat}

    def run(self, thing: Any, given: Given) -> Results:
        results = super().run(thing, given)
        before, lr = thing.read(), given["lr"]
        self._ask(thing, given, ("update_parameters", "update", "step"), thing.returned, lr)
        steps = ((old - new) / lr for old, new in zip(before, thing.read(), strict=True))
        return {**results, **dict(zip(("W step", "b step"), steps, strict=True))}

    def _flat(self, thing: Any, given: Given) -> Array | None:
        """Return the weights' gradients from what the model returned, None where it has none."""
        returned = thing.returned
        if not isinstance(returned, list | tuple):
            return None
        things = [id(layer.thing) for layer in thing.layers]
        layers = [id(component) in things for component in thing.components]
        shapes = [layer.weights.array.shape for layer in thing.layers]
        right = self.right(given, {})["dW"]
        candidates = []
        for entries in (list(returned), list(returned)[::-1]):
            if len(entries) == len(layers):
                entries = [entry for entry, layer in zip(entries, layers, strict=True) if layer]
            if len(entries) != len(shapes):
                continue
            found = [_of_shape(entry, shape) for entry, shape in zip(entries, shapes, strict=True)]
            if all(array is not None for array in found):
                turned = (
                    layer.orient(array)
                    for layer, array in zip(thing.layers, found, strict=True)
                    if array is not None
                )
                candidates.append(np.concatenate([array.ravel() for array in turned]))
        for candidate, backwards in zip(candidates, (False, True), strict=False):
            if same(candidate, right, 1e-6):
                if backwards and ("dW", REVERSED) not in self.layout:
                    self.layout.append(("dW", REVERSED))
                return candidate
        return candidates[0] if candidates else None

    def right(self, given: Given, seen: Results) -> Results:
        layers = given.derived["layers"] = self._components(given, {})[0]
        output, _ = forward(given, layers)
        return {"output": output, **backward(given, reversed(range(len(layers))))}


def _parts(given: Given) -> Iterator[tuple[Array, Array]]:
    """Yield weights and bias of each layer from the flat parameters."""
    weights, bias = given["weights"], given["bias"]
    at = bias_at = 0
    for D, K in given["sizes"]:
        yield weights[at : at + D * K].reshape(D, K), bias[bias_at : bias_at + K]
        at, bias_at = at + D * K, bias_at + K


def _of_shape(entry: Any, shape: tuple[int, ...]) -> Array | None:
    """Return the first array of a shape in what a model returned for one layer."""
    if isinstance(entry, Mapping):
        entry = list(entry.values())
    if isinstance(entry, list | tuple):
        found = (_of_shape(inner, shape) for inner in entry)
        return next((array for array in found if array is not None), None)
    if isinstance(entry, np.ndarray) and entry.shape == shape:
        return entry.astype(np.float64)
    return None
