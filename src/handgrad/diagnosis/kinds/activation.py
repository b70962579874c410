"""The activations."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from handgrad.activations import ReLU, Sigmoid
from handgrad.component import Activation
from handgrad.diagnosis import families as general
from handgrad.diagnosis.kinds.base import Kind, Shapes, Stress, numbers
from handgrad.diagnosis.kinds.relu import mistakes as relu
from handgrad.diagnosis.kinds.sigmoid import mistakes as sigmoid
from handgrad.diagnosis.mistake import Given, Results
from handgrad.diagnosis.student.subject import guard, method

__all__ = ["ReLUKind", "SigmoidKind"]


class _ActivationKind(Kind):
    titles: ClassVar = {"output": "output", "dx": "gradient of the input"}
    variables: ClassVar = {"dx": "x"}
    ours: Activation

    def start(self, given: Given) -> Any:
        return self.subject.make()

    def givens(self, shapes: Shapes, seed: int) -> list[Given]:
        return [
            self._given((N, D), np.random.default_rng([seed, i]))
            for i, (N, D, _) in enumerate(shapes)
        ]

    def _given(self, shape: tuple[int, int], rng: np.random.Generator) -> Given:
        x = rng.standard_normal(shape)
        x += 0.1 * np.sign(x)  # away from the kink
        label = "N = {}, D = {}".format(*shape)
        return Given(label, {"N": shape[0], "D": shape[1]}, x, dy=rng.standard_normal(shape))

    def forward(self, thing: Any, given: Given) -> Results:
        call = method(thing, "__call__", "forward")
        with guard(f"calling {self.subject.name} on {given.label}"):
            output = call(given.x)
        return {"output": numbers(output, "the output")}

    def backward(self, thing: Any, given: Given) -> Results:
        call = method(thing, "grad", "backward")
        with guard(f"calling {self.subject.name}.grad for {given.label}"):
            dx = call(given.dy)
        return {"dx": numbers(dx, "the gradient")}

    def right(self, given: Given, seen: Results) -> Results:
        x = given.x if given.x.dtype.kind == "f" else given.x.astype(np.float64)
        output, saved = self.ours.apply(x)
        dx, _ = self.ours.pullback(given.dy, saved)
        assert dx is not None  # need_dx is True
        return {"output": output, "dx": dx}

    def stresses(self, seed: int) -> list[Stress]:
        large, whole = [], []
        for i, shape in enumerate(((5, 3), (7, 4))):
            rng = np.random.default_rng([seed, 99, i])
            given = self._given((67 + i, shape[1]), rng)
            large.append(replace(given, x=5 * given.x))
            x = rng.choice([-3, -2, -1, 1, 2, 3], shape)
            given = self._given(shape, rng)
            whole.append(replace(given, x=x, dy=5 * given.dy, label=f"integers, {given.label}"))
        return [
            Stress("large", "a large minibatch, of large values", tuple(large)),
            Stress("integers", "an array of integers", tuple(whole), (general.truncated,)),
        ]

    def _special(self, seed: int, label: str) -> list[Given]:
        """Return two inputs to be changed."""
        givens = self.givens(((5, 3, 0), (7, 4, 0)), seed + 98)
        return [replace(given, label=f"{label}, {given.label}") for given in givens]


class ReLUKind(_ActivationKind):
    """The rectified linear unit."""

    name = "relu"
    mistakes = relu.MISTAKES
    ours = ReLU()

    def stresses(self, seed: int) -> list[Stress]:
        kink = self._special(seed, "with an input of 0")
        for given in kink:
            given.x[:, 1] = 0
        near = self._special(seed, "close to the kink")
        for given in near:
            sizes = np.random.default_rng(given.x.shape).uniform(-6, -1, given.x.shape)
            given.x[...] = np.sign(given.x) * 10**sizes
        return [
            *super().stresses(seed),
            Stress("close", "close to the kink", tuple(near)),
            Stress("kink", "the kink, where the input is 0", tuple(kink), conventions=relu.KINK),
        ]


class SigmoidKind(_ActivationKind):
    """The logistic sigmoid."""

    name = "sigmoid"
    mistakes = sigmoid.MISTAKES
    ours = Sigmoid()

    def stresses(self, seed: int) -> list[Stress]:
        extreme = self._special(seed, "inputs of size 1e4")
        for given in extreme:
            given.x *= 1e4
        return [
            *super().stresses(seed),
            Stress("extreme", "inputs of size 1e4", tuple(extreme)),
        ]
