"""The losses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from handgrad.component import Loss
from handgrad.diagnosis import families as general
from handgrad.diagnosis.kinds.base import Kind, Shapes, Stress, numbers
from handgrad.diagnosis.kinds.cross_entropy import mistakes as cross_entropy
from handgrad.diagnosis.kinds.mse import mistakes as mse
from handgrad.diagnosis.mistake import Given, Results
from handgrad.diagnosis.student.subject import guard, method
from handgrad.losses import CrossEntropy, MSELoss

__all__ = ["CrossEntropyKind", "MSEKind"]


class _LossKind(Kind):
    titles: ClassVar = {"value": "value of the loss", "gradient": "gradient of the predictions"}
    forwards = ("value",)
    variables: ClassVar = {"gradient": "x"}

    def ours(self, given: Given) -> Loss:
        raise NotImplementedError

    def start(self, given: Given) -> Any:
        return self.subject.make()

    def forward(self, thing: Any, given: Given) -> Results:
        call = method(thing, "__call__", "forward")
        with guard(f"calling {self.subject.name} on {given.label}"):
            value = call(given.x, given.y)
        return {"value": numbers(value, "the value of the loss")}

    def backward(self, thing: Any, given: Given) -> Results:
        call = method(thing, "grad", "backward")
        with guard(f"calling {self.subject.name}.grad() for {given.label}"):
            gradient = call()
        return {"gradient": numbers(gradient, "the gradient")}

    def right(self, given: Given, seen: Results) -> Results:
        x = given.x if given.x.dtype.kind == "f" else given.x.astype(np.float64)
        ours = self.ours(given)
        value, saved = ours.apply(x, given.y)
        return {"value": np.asarray(value), "gradient": ours.pullback(saved)}

    def upstream(self, given: Given) -> Any:
        return 1.0


class MSEKind(_LossKind):
    """The mean squared error."""

    name = "mse"
    mistakes = mse.MISTAKES
    conventions = mse.CONVENTIONS

    def ours(self, given: Given) -> Loss:
        return MSELoss()

    def givens(self, shapes: Shapes, seed: int) -> list[Given]:
        """Return (N, D) arrays, and a vector, which the exercise starts with."""
        sizes = [(N, D) for N, D, _ in shapes] + [(shapes[0][0] + 6,)]
        return [self._given(size, np.random.default_rng([seed, i])) for i, size in enumerate(sizes)]

    def _given(self, shape: tuple[int, ...], rng: np.random.Generator) -> Given:
        label = "N = {}, D = {}".format(*shape) if len(shape) == 2 else f"a vector of {shape[0]}"
        sizes = dict(zip(("N", "D"), shape, strict=False))
        return Given(label, sizes, x=rng.standard_normal(shape), y=rng.standard_normal(shape))

    def stresses(self, seed: int) -> list[Stress]:
        whole, large = [], []
        for i, shape in enumerate(((5, 3), (7, 4))):
            rng = np.random.default_rng([seed, 99, i])
            given = self._given(shape, rng)
            x, y = rng.integers(-9, 10, (2, *shape))
            whole.append(replace(given, x=x, y=y, label=f"integers, {given.label}"))
            given = self._given((67 + i, shape[1]), rng)
            large.append(replace(given, x=30 * given.x))
        return [
            Stress("integers", "arrays of integers", tuple(whole), (general.truncated,)),
            Stress("large", "a large minibatch, of large values", tuple(large)),
        ]


class CrossEntropyKind(_LossKind):
    """The cross-entropy of a softmax."""

    name = "cross_entropy"
    mistakes = cross_entropy.MISTAKES
    conventions = cross_entropy.CONVENTIONS

    def ours(self, given: Given) -> Loss:
        return CrossEntropy(average=given.average)

    def start(self, given: Given) -> Any:
        if self.subject.takes("average"):
            return self.subject.make(average=given.average)
        return self.subject.make()

    def givens(self, shapes: Shapes, seed: int) -> list[Given]:
        """Return logits and one-hot targets; half of them for the sum where it can be asked for."""
        if not self.subject.is_class:
            average = [bool(getattr(self.subject.thing, "average", True))] * len(shapes)
            return [self._given(s, seed, i, average[i]) for i, s in enumerate(shapes)]
        asked = [True, False] if self.subject.takes("average") else [True]
        return [self._given(s, seed, i, a) for a in asked for i, s in enumerate(shapes)]

    def _given(self, shape: tuple[int, int, int], seed: int, i: int, average: bool = True) -> Given:
        rng = np.random.default_rng([seed, i, average])
        N, K = shape[0], shape[2]
        y = np.eye(K)[rng.integers(0, K, N)]
        label = f"N = {N}, K = {K}" + ("" if average else ", average=False")
        return Given(label, {"N": N, "K": K}, 2 * rng.standard_normal((N, K)), y=y, average=average)

    def stresses(self, seed: int) -> list[Stress]:
        extreme, large, whole = [], [], []
        for i, (N, K) in enumerate(((5, 4), (7, 3))):
            average = bool(getattr(self.subject.thing, "average", True))
            given = self._given((N, 0, K), seed, 98 + i, average)
            extreme.append(replace(given, x=1e3 * given.x, label=f"logits of 1e3, {given.label}"))
            x, y = np.rint(given.x).astype(np.int64), given.y.astype(np.int64)
            whole.append(replace(given, x=x, y=y, label=f"integers, {given.label}"))
            large.append(self._given((67 + i, 0, K), seed, 96 + i, average))
        return [
            Stress("large", "a large minibatch", tuple(large)),
            Stress("integers", "arrays of integers", tuple(whole), (general.truncated,)),
            Stress(
                "extreme",
                "logits of size 1e3",
                tuple(extreme),
                (cross_entropy.no_maximum,),
                cross_entropy.SMALL,
            ),
        ]
