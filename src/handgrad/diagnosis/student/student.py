"""Somebody's code, and how it is called."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from handgrad.diagnosis.findings import Cause, Finding
from handgrad.diagnosis.given import Given, Results
from handgrad.diagnosis.kinds.base import Kind, Shapes, Stress
from handgrad.diagnosis.student.subject import StudentError

__all__ = ["Student", "seeded"]

LOOKS = 4
"""A mask of few random numbers may keep all, or come twice, by chance; not in so many calls."""


class Student(ABC):
    """Somebody's code of one kind, and how it is called.

    Four methods say how: `start`, `forward`, `backward`, and for parameters that lie in an object
    `place`. All that the engine asks for is made of them.

    Parameters
    ----------
    kind
        The mathematics that it is held against.
    name
        What it is called in sentences.
    around
        The code itself, for whatever is random in it.
    """

    any_size = True
    """Whether it can be asked for objects of other sizes."""

    def __init__(self, kind: Kind, name: str, around: Sequence[Any] = ()) -> None:
        self.kind, self.name, self.around = kind, name, tuple(around)
        self.layout: list[tuple[str, Cause]] = []
        """Quantities that are laid out in another way than ours, and how."""
        self.customs: frozenset[str] = frozenset()
        """Names of conventions that need no mention, since they are those of the course."""
        self.unwritten: set[str] = set()
        """Quantities of a pass that is not written yet."""

    # How it is called.

    @abstractmethod
    def start(self, given: Given) -> Any:
        """Return a new object for this input, its parameters noted in `given`."""

    @abstractmethod
    def forward(self, thing: Any, given: Given) -> Results:
        """Return what the object's forward pass gives."""

    @abstractmethod
    def backward(self, thing: Any, given: Given) -> Results:
        """Return what the object's backward pass gives."""

    def evaluate(self, given: Given) -> Results:
        """Return what a new object gives in evaluation mode, nothing where it has no modes."""
        return {}

    def parameters(self, thing: Any) -> Results:
        """Return the object's parameters, by name."""
        return {}

    def place(self, thing: Any, given: Given) -> None:  # noqa: B027 (nothing, where there are none)
        """Write the parameters in `given` into the object, where it has any."""

    def suited(self, given: Given) -> Given:
        """Return an input as this code takes it."""
        return given

    def must_give(self, name: str) -> bool | None:
        """Return whether a gradient must be given; None where it is not asked for at all."""
        return name not in self.kind.optional

    # What is made of that.

    def givens(self, shapes: Shapes, seed: int) -> list[Given]:
        """Return the input of each trial."""
        return [self.suited(given) for given in self.kind.givens(shapes, seed)]

    def stresses(self, seed: int) -> list[Stress]:
        """Return the runs on input that the trials avoid; square matrices are one of them."""
        stresses = [
            replace(stress, givens=[self.suited(given) for given in stress.givens])
            for stress in self.kind.stresses(seed)
        ]
        if self.any_size and self.kind.square:
            title = "where inputs and outputs are as many"
            givens = self.givens(self.kind.square[:2], seed + 97)
            stresses.insert(0, Stress("square", title, givens, self.kind.mistakes))
        return stresses

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
        mine = given.copied()
        results = {**self.forward(thing, mine), **self.backward(thing, mine)}
        if self.kind.sample:
            given.derived["redrawn"] = self._redraws(thing, given, results)
            given.derived.update(self._drawn)
        return {**results, **self.evaluate(given)}

    def extra(self, seed: int) -> list[Finding]:
        """Judge what is drawn at random; nothing is returned where it is right."""
        return self.kind.judged(*self._sampled(seed)) if self.kind.sample else []

    def drops(self, seed: int) -> bool:
        """Return whether any of what is drawn at random is 0."""
        results = self._sampled(seed)[1]
        return any((seen[self.kind.forwards[0]] == 0).any() for seen in results)

    def remarks(self, seed: int) -> list[str]:
        """Return what is worth knowing of code that is right."""
        return []

    @cached_property
    def _drawn(self) -> dict[str, bool]:
        return self.kind.drawn(*self._sampled(0))

    def _sampled(self, seed: int) -> tuple[Given, list[Results]]:
        """Return what one object gives in several calls at a large shape."""
        given = self.givens((self.kind.sample,), seed)[0]
        thing = self.fresh(given)
        return given, [self.look(thing, given) for _ in range(LOOKS)]

    def _redraws(self, thing: Any, given: Given, first: Results) -> bool:
        """Return whether the backward pass gives something else when it is asked again."""
        try:
            again = self.backward(thing, given.copied())
        except StudentError:
            return False
        return any(not np.array_equal(array, first[name]) for name, array in again.items())


def seeded(seed: int) -> None:
    """Put NumPy's and Python's global random state where it always is for this seed."""
    np.random.seed(seed)
    random.seed(seed)
