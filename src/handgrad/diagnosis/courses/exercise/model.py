"""The exercise's model, made of our components or of the student's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from handgrad.arguments import Array
from handgrad.checking.arrays import same
from handgrad.diagnosis.courses.exercise.calls import ExerciseStudent
from handgrad.diagnosis.courses.exercise.inner import linear_handle, own_linear, stand_in
from handgrad.diagnosis.courses.exercise.linear import LinearHandle
from handgrad.diagnosis.findings import Finding, Verdict
from handgrad.diagnosis.given import Given, Results
from handgrad.diagnosis.kinds.base import Kind
from handgrad.diagnosis.kinds.inner import InnerReLU, InnerSigmoid
from handgrad.diagnosis.kinds.model import ModelKind, parts
from handgrad.diagnosis.kinds.model.mistakes import REVERSED, REVERSED_STEP, TURNED
from handgrad.diagnosis.student.subject import StudentError, Subject, ask, numbers, restored

__all__ = ["ModelStudent"]


@dataclass
class _Chain:
    """A student's model, the components that it was given, and the layers among them."""

    thing: Any
    components: list[Any]
    layers: list[LinearHandle]
    given: list[Any]
    """The very list that the model was made of."""
    returned: Any = None

    def place(self, given: Given) -> None:
        """Write the flat parameters into the layers."""
        for layer, (W, b) in zip(self.layers, parts(given), strict=True):
            layer.place(W, b)

    def turned(self) -> bool:
        """Return whether the model's own list of the components is in reverse."""
        ids = [id(component) for component in reversed(self.components)]
        lists = [self.given, *(v for v in vars(self.thing).values() if isinstance(v, list))]
        return any([id(component) for component in each] == ids for each in lists)

    def read(self) -> tuple[Array, Array]:
        """Return all weights, and all biases, in one vector each."""
        pairs = [layer.read() for layer in self.layers]
        return np.concatenate([W.ravel() for W, _ in pairs]), np.concatenate([b for _, b in pairs])


class _TurnedKind(ModelKind):
    """A model whose list of components is turned round: that is why its steps are in reverse."""

    mistakes = tuple(
        replace(mistake, cause=TURNED) if mistake is REVERSED_STEP else mistake
        for mistake in ModelKind.mistakes
    )


class ModelStudent(ExerciseStudent):
    """A model, and the step that it makes."""

    needs = ("linear", "relu", "sigmoid")

    def __init__(self, kind: Kind, subject: Subject, own: dict[str, type] | None = None) -> None:
        if not subject.is_class:  # an object cannot be given other components
            subject = Subject(subject.type)
        super().__init__(kind, subject, own)
        self._own_linear = own_linear(self.own)
        with restored(*self.around):
            if self._turns():
                self.kind = _TurnedKind()

    def start(self, given: Given) -> Any:
        components, layers = self._components(given, self.own)
        mine = list(components)
        return _Chain(self.subject.make(mine), components, layers, mine)

    def _components(
        self, given: Given, own: dict[str, type]
    ) -> tuple[list[Any], list[LinearHandle]]:
        """Return new components with the given parameters, and the layers among them."""
        pairs = iter(parts(given))
        components: list[Any] = []
        layers: list[LinearHandle] = []
        for letter in given["network"]:
            if letter == "L":
                its = self._own_linear if own else None
                layers.append(linear_handle(*next(pairs), its, self.like.get("linear", ())))
                components.append(layers[-1].thing)
            else:
                name, ours = ("relu", InnerReLU) if letter == "R" else ("sigmoid", InnerSigmoid)
                components.append((own.get(name) or stand_in(ours, self.like.get(name, ())))())
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
        steps = [(old - new) / lr for old, new in zip(before, thing.read(), strict=True)]
        results["W step"] = steps[0]
        if steps[1].any() or not self._biasless:
            results["b step"] = steps[1]
        return results

    @cached_property
    def _biasless(self) -> bool:
        """Whether its own layers have no gradient of the bias, which the exercise lets be."""
        if self._own_linear is None:
            return False
        given = self._own_linear.givens(((7, 3, 5),), 0)[0]
        return "db" not in self._own_linear.run(self._own_linear.fresh(given), given)

    def extra(self, seed: int) -> list[Finding]:
        """Say that the backward pass does not leave the model's components in their order."""
        if not isinstance(self.kind, _TurnedKind):
            return super().extra(seed)
        sentence = "after a backward pass the model's own list of components is in reverse"
        title = "the model after a backward pass"
        return [Finding("the components", title, Verdict.WRONG, ((TURNED,),), (sentence,))]

    def _turns(self) -> bool:
        """Return whether a backward pass turns the model's own list of components round."""
        given = self.givens(self.kind.shapes[:1], 0)[0]
        try:
            thing = self.start(given)
            self.forward(thing, given)
            before = thing.turned()
            self.backward(thing, given)
        except StudentError:
            return False
        return not before and bool(thing.turned())

    def _flat(self, thing: Any, given: Given) -> Array | None:
        """Return the weights' gradients from what the model returned, None where it has none."""
        returned = thing.returned
        if isinstance(returned, Mapping):  # by number, in any order, or by name
            numbered = all(isinstance(key, int) for key in returned)
            returned = [returned[key] for key in (sorted(returned) if numbered else returned)]
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
                if backwards and not thing.turned() and ("dW", REVERSED) not in self.layout:
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
