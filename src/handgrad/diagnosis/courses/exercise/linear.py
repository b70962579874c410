"""The exercise's affine layer, wherever its weights are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from handgrad.arguments import Array
from handgrad.checking.arrays import same
from handgrad.diagnosis.courses.exercise.calls import ExerciseStudent
from handgrad.diagnosis.findings import Finding, Verdict
from handgrad.diagnosis.given import Given, Results
from handgrad.diagnosis.kinds.base import Kind
from handgrad.diagnosis.kinds.linear import LinearKind
from handgrad.diagnosis.kinds.linear.mistakes import LAYOUTS, SWAPPED
from handgrad.diagnosis.student.arrays import Slot, find_bias, find_weights, meaning, walk
from handgrad.diagnosis.student.gradients import sort_gradients
from handgrad.diagnosis.student.subject import StudentError, Subject

__all__ = ["LinearHandle", "LinearStudent"]


@dataclass
class LinearHandle:
    """An affine layer, ours or a student's, and where its parameters are."""

    thing: Any
    weights: Slot
    bias: Slot | None
    transposed: bool = False
    joined: bool = False
    """Whether the bias is the last row of the weights."""

    def place(self, W: Array, b: Array) -> None:
        """Write weights (D, K) and bias (K,) to where they are."""
        W = np.vstack([W, b]) if self.joined else W
        self.weights.write(W.T if self.transposed else W)
        if self.bias is not None:
            self.bias.write(b.reshape(self.bias.array.shape))

    def read(self) -> tuple[Array, Array]:
        """Return copies of the weights (D, K) and the bias (K,), of zeros where there is none."""
        W = self.weights.array.T if self.transposed else self.weights.array
        if self.joined:
            return W[:-1].copy(), W[-1].copy()
        b = np.zeros(W.shape[1]) if self.bias is None else self.bias.array.ravel()
        return W.copy(), b.copy()

    def orient(self, gradient: Array) -> Array:
        """Return a gradient of the weights as (D, K)."""
        return gradient.T if self.transposed and gradient.ndim == 2 else gradient


class LinearStudent(ExerciseStudent):
    """An affine layer. Its parameters are found by their shape and their influence."""

    def __init__(self, kind: Kind, subject: Subject, own: dict[str, type] | None = None) -> None:
        super().__init__(kind, subject, own)
        self._plans: dict[tuple[int, int], LinearHandle] = {}
        self._swapped = False
        if not subject.is_class:
            self.kind = LinearKind(self._sizes_of_object())

    def _sizes_of_object(self) -> tuple[int, int]:
        """Return inputs and outputs of a finished layer, found by trying its matrices."""
        thing = self.subject.make()
        for slot in walk(thing):
            if slot.array.ndim != 2:
                continue
            for D in slot.array.shape:
                given = Given(f"N = 2, D = {D}", inputs={"x": np.ones((2, D))})
                try:
                    output = self.forward(thing, given)["output"]
                except StudentError:
                    continue
                if output.ndim == 2 and {D, output.shape[1]} == set(slot.array.shape):
                    return D, output.shape[1]
        raise StudentError.missing(
            f"the weights of the {self.name} object",
            "no matrix in it fits an input",
            "Keep the weights in an attribute of the layer, for instance self.weights.",
        )

    def start(self, given: Given) -> Any:
        D = given.x.shape[1]
        K = given.dy.shape[1]
        thing = self.subject.make(D, K)
        made = self._known(thing, D, K) or self._made(thing, given, D, K)
        self._plans[D, K] = made
        self.place(made, given)
        return made

    def place(self, thing: Any, given: Given) -> None:
        thing.place(given["weights"], given["bias"])
        given.parameters["weights"], given.parameters["bias"] = thing.read()

    def _known(self, thing: Any, D: int, K: int) -> LinearHandle | None:
        """Return where the parameters are, from where they were in an object of the same size."""
        if (D, K) not in self._plans:
            return None
        plan = self._plans[D, K]
        slots = {slot.path: slot for slot in walk(thing)}
        weights = slots.get(plan.weights.path)
        bias = slots.get(plan.bias.path) if plan.bias else None
        if weights is None or (plan.bias is not None and bias is None):
            return None
        return replace(plan, thing=thing, weights=weights, bias=bias)

    def _made(self, thing: Any, given: Given, D: int, K: int) -> LinearHandle:
        rng = np.random.default_rng(0)
        named = [slot for slot in walk(thing) if meaning(slot.path) == ("b", False)]

        def forward() -> Array:
            return self.look(thing, given)["output"]

        forward()
        weights = find_weights(thing, D, K, forward, rng)
        shape = weights.array.shape
        if shape in {(D + 1, K), (K, D + 1)} and D + 1 != K and shape != (D, K):
            self._layout("dW", "weights and bias in one matrix")
            return LinearHandle(thing, weights, None, shape != (D + 1, K), True)
        bias = find_bias(thing, K, forward, rng)
        bias = bias or next((slot for slot in named if slot.array.size == K), None)
        transposed = shape != (D, K)
        if D == K and self.subject.is_class:
            # One that is not square tells whether all of them have (out, in) weights.
            shapes = {slot.array.shape for slot in walk(self.subject.make(3, 5))}
            transposed = (5, 3) in shapes and (3, 5) not in shapes
        elif D == K:
            weights.write(rng.standard_normal(shape))
            W, b = weights.array, np.zeros(K) if bias is None else bias.array.ravel()
            output = forward()
            transposed, straight = (same(output, given.x @ V + b, 1e-5) for V in (W.T, W))
            transposed &= not straight
        if transposed:
            self._layout("dW", "weights stored (out, in)")
        if bias is not None and bias.array.shape != (1, K):
            ndim = bias.array.ndim
            self._layout("db", f"a bias of shape (out{',' if ndim == 1 else ', 1'})")
        return LinearHandle(thing, weights, bias, transposed, False)

    def _layout(self, quantity: str, name: str) -> None:
        if (quantity, LAYOUTS[name]) not in self.layout:
            self.layout.append((quantity, LAYOUTS[name]))

    def parameters(self, thing: Any) -> Results:
        slots = {"weights": thing.weights, "bias": thing.bias}
        return {name: slot.array for name, slot in slots.items() if slot is not None}

    def forward(self, thing: Any, given: Given) -> Results:
        return super().forward(thing.thing if isinstance(thing, LinearHandle) else thing, given)

    def extra(self, seed: int) -> list[Finding]:
        """Say that the pair is returned in another order than the exercise unpacks."""
        if not self._swapped:
            return super().extra(seed)
        sentence = "the first of the two arrays has the shape of the input, the second the weights'"
        title = "order of the returned pair"
        return [Finding("order", title, Verdict.WRONG, ((SWAPPED,),), (sentence,))]

    def backward(self, thing: Any, given: Given) -> Results:
        returned = self.returned(thing.thing, given)
        results, swapped = sort_gradients(
            thing.thing, returned, given.x.shape, thing.weights.array.shape
        )
        self._swapped |= swapped
        if "dW" in results and results["dW"].ndim == 2:
            D, K = given["weights"].shape
            results["dW"] = thing.orient(results["dW"])
            if thing.joined and results["dW"].shape == (D + 1, K):
                results["db"], results["dW"] = results["dW"][-1], results["dW"][:-1]
        if "db" in results:
            results["db"] = _as_bias(results["db"], thing.bias, given["bias"].size)
        return results


def _as_bias(db: Array, slot: Slot | None, K: int) -> Array:
    """Return the gradient of the bias as a vector where its shape fits the bias'."""
    if db.size == 1 < K:
        return np.full(K, db.ravel()[0])
    shape = None if slot is None else slot.array.shape
    return db.ravel() if db.size == K and (db.shape == shape or db.shape[-1:] == (K,)) else db
