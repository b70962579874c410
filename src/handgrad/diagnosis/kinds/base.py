"""What the diagnosis has to know of a kind of component."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from handgrad.arguments import Array
from handgrad.component import Component
from handgrad.diagnosis.findings import Cause, Finding
from handgrad.diagnosis.given import Given, Results
from handgrad.diagnosis.mistake import Mistake
from handgrad.diagnosis.student.subject import Subject, ask, numbers

__all__ = ["SQUARES", "TABLES", "Kind", "Shapes", "Stress", "floats", "seeded"]

Shapes = Sequence[tuple[int, ...]]
"""Sizes of the trials, the rows first: which ones there are is the kind's affair."""

TABLES: Shapes = ((7, 3, 5), (11, 5, 4), (5, 7, 3))
"""(N, D, K), rows, inputs and outputs, for a kind whose input is a table."""
SQUARES: Shapes = ((7, 4, 4), (5, 3, 3), (11, 6, 6))
"""The same, for code whose matrices do not fit otherwise."""


@dataclass(frozen=True)
class Stress:
    """Input that the trials avoid, tried once everything else is right.

    `name` and `title` are those of the quantity that is judged; the input is of two shapes and
    seeds.
    """

    name: str
    title: str
    givens: Sequence[Given]
    mistakes: tuple[Mistake, ...] = ()
    conventions: tuple[Mistake, ...] = ()


class Kind(ABC):
    """How to make, run and judge one kind of component.

    What stands here does for a component that is called with its inputs, is asked for the gradient
    of its first input, and is right where ours is. A new kind is a folder beside this file, which
    exports one such class. `own` are the student's own classes by kind, used in place of ours.
    """

    name: ClassVar[str]
    words: ClassVar[tuple[str, ...]]
    """What the name of a class of this kind has in it."""
    titles: ClassVar[dict[str, str]]
    """Every quantity in words."""
    forwards: ClassVar[tuple[str, ...]] = ("output",)
    """The quantities of the forward pass; the others are the backward pass'."""
    variables: ClassVar[dict[str, str]] = {}
    """For each quantity of the backward pass, which input or parameter it is the gradient of."""
    optional: ClassVar[tuple[str, ...]] = ()
    """Which of them need not be given."""
    mistakes: ClassVar[tuple[Mistake, ...]]
    conventions: ClassVar[tuple[Mistake, ...]] = ()
    shapes: ClassVar[Shapes] = TABLES
    square: ClassVar[Shapes] = ()
    """Shapes to fall back on, where the code runs on too few of the others."""
    needs: ClassVar[tuple[str, ...]] = ()
    """Kinds of component that it is given; ours, unless the student's code takes only its own."""

    def __init__(self, subject: Subject, own: dict[str, type] | None = None) -> None:
        self.subject, self.own = subject, own or {}
        self.layout: list[tuple[str, Cause]] = []

    @abstractmethod
    def givens(self, shapes: Shapes, seed: int) -> list[Given]:
        """Return the input of each trial, each of its own shape and seed."""

    def stresses(self, seed: int) -> list[Stress]:
        """Return the runs on input that the trials avoid."""
        return []

    def start(self, given: Given) -> Any:
        """Return a new object for this input, its parameters random and noted in `given`."""
        return self.subject.make()

    def forward(self, thing: Any, given: Given) -> Results:
        """Return what the object's forward pass gives."""
        name = self.forwards[0]
        doing = f"calling {self.subject.name} on {given.label}"
        output = ask(thing, ("__call__", "forward"), given.inputs.values(), doing)
        return {name: numbers(output, f"the {self.titles[name]}")}

    def backward(self, thing: Any, given: Given) -> Results:
        """Return what the object's backward pass gives."""
        return {next(iter(self.variables)): numbers(self.returned(thing, given), "the gradient")}

    def returned(self, thing: Any, given: Given) -> Any:
        """Return what the object answers when it is asked for its gradients."""
        doing = f"calling {self.subject.name}.grad for {given.label}"
        return ask(thing, ("grad", "backward"), [given.dy], doing)

    def ours(self, given: Given) -> Component:
        """Return our component with the parameters in `given`."""
        raise NotImplementedError

    def right(self, given: Given, seen: Results) -> Results:
        """Return what ours gives. What was drawn at random is taken from `seen`."""
        ours, inputs = self.ours(given), [floats(array) for array in given.inputs.values()]
        output, saved = ours.apply(inputs[0] if len(inputs) == 1 else tuple(inputs))
        dx, gradients = ours.pullback(given.dy, saved)
        all_dx = dx if isinstance(dx, tuple) else (dx,)
        gradients = {**gradients, **dict(zip(given.inputs, all_dx, strict=True))}
        found = {q: gradients[v].reshape(given[v].shape) for q, v in self.variables.items()}
        return {self.forwards[0]: output, **found}

    def place(self, thing: Any, given: Given) -> None:  # noqa: B027 (nothing, where there are none)
        """Write the parameters in `given` into the object, where it has any."""

    def fresh(self, given: Given) -> Any:
        """Return a new object, with all random numbers as they were the last time."""
        seeded(given.seed)  # for what the constructor draws
        thing = self.start(given)
        seeded(given.seed)  # for what the passes draw
        return thing

    def look(self, thing: Any, given: Given) -> Results:
        """Return what the forward pass gives, on copies of the input."""
        return self.forward(thing, given.copied())

    def run(self, thing: Any, given: Given) -> Results:
        """Return what both passes of the object give, on copies of the input."""
        given = given.copied()
        return {**self.forward(thing, given), **self.backward(thing, given)}

    def extra(self, seed: int) -> list[Finding]:
        """Judge what only this kind has; nothing is returned where it is right."""
        return []

    def parameters(self, thing: Any) -> Results:
        """Return the object's parameters, by name."""
        return {}

    def another(self, given: Given, rng: np.random.Generator) -> Given:
        """Return other input of the same shapes, for the same parameters."""
        first, *others = given.inputs
        inputs = {first: rng.permuted(given.x, axis=-1)[::-1].copy()}
        inputs |= {name: given.inputs[name][::-1].copy() for name in others}
        return given.changed(dy=rng.standard_normal(given.dy.shape), **inputs)


def seeded(seed: int) -> None:
    """Put NumPy's and Python's global random state where it always is for this seed."""
    np.random.seed(seed)
    random.seed(seed)


def floats(array: Array) -> Array:
    """Return an array of integers as float64, another one as it is."""
    return array if array.dtype.kind == "f" else array.astype(np.float64)
