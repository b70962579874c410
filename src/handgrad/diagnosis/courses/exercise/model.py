"""The exercise's model, made of our components or of the student's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from handgrad.arguments import Array
from handgrad.checking.arrays import same
from handgrad.diagnosis.courses.exercise.calls import ExerciseStudent
from handgrad.diagnosis.courses.exercise.inner import linear_handle, own_linear
from handgrad.diagnosis.courses.exercise.linear import LinearHandle
from handgrad.diagnosis.given import Given, Results
from handgrad.diagnosis.kinds.base import Kind
from handgrad.diagnosis.kinds.inner import InnerReLU, InnerSigmoid
from handgrad.diagnosis.kinds.model import parts
from handgrad.diagnosis.kinds.model.mistakes import REVERSED
from handgrad.diagnosis.student.subject import Subject, ask, numbers

__all__ = ["ModelStudent"]


@dataclass
class _Chain:
    """A student's model, the components that it was given, and the layers among them."""

    thing: Any
    components: list[Any]
    layers: list[LinearHandle]
    returned: Any = None

    def place(self, given: Given) -> None:
        """Write the flat parameters into the layers."""
        for layer, (W, b) in zip(self.layers, parts(given), strict=True):
            layer.place(W, b)

    def read(self) -> tuple[Array, Array]:
        """Return all weights, and all biases, in one vector each."""
        pairs = [layer.read() for layer in self.layers]
        return np.concatenate([W.ravel() for W, _ in pairs]), np.concatenate([b for _, b in pairs])


class ModelStudent(ExerciseStudent):
    """A model, and the step that it makes."""

    needs = ("linear", "relu", "sigmoid")

    def __init__(self, kind: Kind, subject: Subject, own: dict[str, type] | None = None) -> None:
        if not subject.is_class:  # an object cannot be given other components
            subject = Subject(subject.type)
        super().__init__(kind, subject, own)
        self._own_linear = own_linear(self.own)

    def start(self, given: Given) -> Any:
        components, layers = self._components(given, self.own)
        return _Chain(self.subject.make(list(components)), components, layers)

    def _components(
        self, given: Given, own: dict[str, type]
    ) -> tuple[list[Any], list[LinearHandle]]:
        """Return new components with the given parameters, and the layers among them."""
        pairs = iter(parts(given))
        components: list[Any] = []
        layers: list[LinearHandle] = []
        for letter in given["network"]:
            if letter == "L":
                layers.append(linear_handle(*next(pairs), self._own_linear if own else None))
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
        doing = f"calling {self.name}.{names[0]} at {given.label}"
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
        right = self.kind.right(given, {})["dW"]
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
