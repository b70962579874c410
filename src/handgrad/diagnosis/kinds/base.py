"""What the diagnosis has to know of a kind of component."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from handgrad.component import Array
from handgrad.diagnosis.mistake import Given, Mistake, Results
from handgrad.diagnosis.result import Cause, Finding
from handgrad.diagnosis.student.subject import Subject, guard

if TYPE_CHECKING:
    from handgrad.diagnosis.kinds.linear.kind import LinearKind

__all__ = ["Kind", "Shapes", "Stress", "numbers", "seeded"]

Shapes = Sequence[tuple[int, int, int]]
"""Sizes (N, D, K) of the trials: rows, inputs, outputs."""


@dataclass(frozen=True)
class Stress:
    """Input that the trials avoid, tried once everything else is right.

    Parameters
    ----------
    name, title
        Of the quantity that is judged.
    givens
        The input, of two shapes and seeds.
    mistakes
        What may be named if it goes wrong.
    conventions
        What may be named if it is another convention.
    """

    name: str
    title: str
    givens: tuple[Given, ...]
    mistakes: tuple[Mistake, ...] = ()
    conventions: tuple[Mistake, ...] = ()


class Kind(ABC):
    """How to make, run and judge one kind of component.

    Parameters
    ----------
    subject
        The student's class or object.
    own
        The student's own classes by kind, to be used in place of ours.
    """

    name: ClassVar[str]
    titles: ClassVar[dict[str, str]]
    """Every quantity in words."""
    forwards: ClassVar[tuple[str, ...]] = ("output",)
    """The quantities of the forward pass; the others are the backward pass'."""
    variables: ClassVar[dict[str, str]] = {}
    """For each quantity of the backward pass, which field of `Given` it is the gradient of."""
    optional: ClassVar[tuple[str, ...]] = ()
    """Which of them need not be given."""
    mistakes: ClassVar[tuple[Mistake, ...]]
    conventions: ClassVar[tuple[Mistake, ...]] = ()
    shapes: ClassVar[Shapes] = ((7, 3, 5), (11, 5, 4), (5, 7, 3))
    square: ClassVar[Shapes] = ((7, 4, 4), (5, 3, 3), (11, 6, 6))
    """Sizes at which code runs whose matrices do not fit otherwise."""

    needs: ClassVar[tuple[str, ...]] = ()
    """Kinds of component that it is given; ours, unless the student's code takes only its own."""

    def __init__(self, subject: Subject, own: dict[str, type] | None = None) -> None:
        self.subject, self.own = subject, own or {}
        self.own_linear: LinearKind | None = None
        if "linear" in self.own:
            from handgrad.diagnosis.kinds.linear.kind import LinearKind

            self.own_linear = LinearKind(Subject(self.own["linear"]))
        self.layout: list[tuple[str, Cause]] = []

    @abstractmethod
    def givens(self, shapes: Shapes, seed: int) -> list[Given]:
        """Return the input of each trial, each of its own shape and seed."""

    def stresses(self, seed: int) -> list[Stress]:
        """Return the runs on input that the trials avoid."""
        return []

    @abstractmethod
    def start(self, given: Given) -> Any:
        """Return a new object for this input, its parameters random and noted in `given`."""

    @abstractmethod
    def forward(self, thing: Any, given: Given) -> Results:
        """Return what the object's forward pass gives."""

    @abstractmethod
    def backward(self, thing: Any, given: Given) -> Results:
        """Return what the object's backward pass gives."""

    @abstractmethod
    def right(self, given: Given, seen: Results) -> Results:
        """Return what ours gives. What was drawn at random is taken from `seen`."""

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
        return self.forward(thing, replace(given, x=given.x.copy(), y=given.y.copy()))

    def run(self, thing: Any, given: Given) -> Results:
        """Return what both passes of the object give, on copies of the input."""
        given = replace(given, x=given.x.copy(), dy=given.dy.copy(), y=given.y.copy())
        return {**self.forward(thing, given), **self.backward(thing, given)}

    def extra(self, seed: int) -> list[Finding]:
        """Judge what only this kind has; nothing is returned where it is right."""
        return []

    def parameters(self, thing: Any) -> Results:
        """Return the object's parameters, by name."""
        return {}

    def another(self, given: Given, rng: np.random.Generator) -> Given:
        """Return other input of the same shapes, for the same parameters."""
        return replace(
            given,
            x=rng.permuted(given.x, axis=-1)[::-1].copy(),
            dy=rng.standard_normal(given.dy.shape),
            y=given.y[::-1].copy(),
        )

    def upstream(self, given: Given) -> Any:
        """Return the upstream gradient of the forward pass' output; 1 for a loss."""
        return given.dy


def seeded(seed: int) -> None:
    """Put NumPy's and Python's global random state where it always is for this seed."""
    np.random.seed(seed)
    random.seed(seed)


def numbers(value: Any, what: str) -> Array:
    """Return a copy of what the student's code gave, as an array of numbers.

    Raises
    ------
    StudentError
        It holds no numbers.
    """
    with guard(f"reading {what}"):
        if value is None:
            raise TypeError(f"NoneType in place of {what}")
        array = np.array(value)
        if array.dtype.kind not in "fiub":
            raise TypeError(f"{what} holds {array.dtype}, not real numbers")
        return array
