"""What the diagnosis has to know of a kind of component: its mathematics, and its mistakes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from handgrad.arguments import Array
from handgrad.component import Component
from handgrad.diagnosis.findings import Finding
from handgrad.diagnosis.given import Given, Results
from handgrad.diagnosis.mistake import Mistake

__all__ = ["SQUARES", "TABLES", "Kind", "Shapes", "Stress", "floats"]

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
    seeds. Where it is `optional`, code may refuse it; where it is `exact`, single precision has not
    the digits for it; where it is `evaluated`, it is for code alone that has an evaluation mode.
    """

    name: str
    title: str
    givens: Sequence[Given]
    mistakes: tuple[Mistake, ...] = ()
    conventions: tuple[Mistake, ...] = ()
    optional: bool = False
    exact: bool = False
    evaluated: bool = False


class Kind(ABC):
    """The mathematics of one kind of component: what it is given, what is right, what goes wrong.

    Nothing here knows how somebody's code is called; that is a `Student`'s affair. What stands here
    does for a component that is right where ours is. A new kind is a class that a folder beside
    this file exports.
    """

    name: ClassVar[str]
    words: ClassVar[tuple[str, ...]]
    """What the name of a class of this kind has in it."""
    titles: ClassVar[dict[str, str]]
    """Every quantity in words."""
    forwards: ClassVar[tuple[str, ...]] = ("output",)
    """The quantities of the forward pass; the others are the backward pass'."""
    upstream: ClassVar[dict[str, str]] = {"output": "dy"}
    """For each quantity of the forward pass that the backward pass starts from, the name of its
    upstream gradient: "dy", or a name in ``given.upstream``. A loss has none."""
    variables: ClassVar[dict[str, str]] = {}
    """For each quantity of the backward pass, which input or parameter it is the gradient of."""
    axes: ClassVar[dict[str, str]] = {}
    """For each input, parameter and quantity its axes in letters, "N H W C". A gradient that has
    none has its variable's, an upstream gradient its output's."""
    indices: ClassVar[tuple[str, ...]] = ()
    """Inputs that are whole numbers by nature, and stay so."""
    optional: ClassVar[tuple[str, ...]] = ()
    """Which quantities need not be given."""
    absent: ClassVar[tuple[str, ...]] = ()
    """Inputs and parameters that may be left out of a `Given`, and then count as zeros."""
    mistakes: tuple[Mistake, ...]
    conventions: tuple[Mistake, ...] = ()
    others: ClassVar[tuple[Mistake, ...]] = ()
    """What else may be named: how a mask is drawn."""
    shapes: Shapes = TABLES
    dimensions: ClassVar[str] = "N D K"
    """The letters of the sizes in `shapes`."""
    square: ClassVar[Shapes] = ()
    """Shapes to fall back on, where the code runs on too few of the others."""
    defaults: ClassVar[dict[str, Any]] = {}
    """What options are in code that does not take them; a string may be another option's name."""
    settable: ClassVar[tuple[str, ...]] = ()
    """Options that may be set in the attributes of a finished object."""
    by_the_row: ClassVar[bool] = True
    """Whether a row costs next to nothing beside the call, so that a loop over the rows shows."""
    sample: ClassVar[tuple[int, ...]] = ()
    """A large shape at which one object is called several times, where something is drawn at
    random: `judged` and `drawn` get what comes out."""

    def option_names(self) -> tuple[str, ...]:
        """Return which options code may take; the constructor has them as `asked`."""
        return ()

    def asked_for(self, names: Collection[str]) -> Kind:
        """Return this kind, with those of its options asked for that code takes by these names."""
        asked = [name for name in self.option_names() if name in names]
        return type(self)(asked) if asked else self  # type: ignore[call-arg]

    @abstractmethod
    def givens(self, shapes: Shapes, seed: int) -> list[Given]:
        """Return the input of each trial, each of its own shape and seed."""

    def sized(self, sizes: Mapping[str, Any]) -> Self:
        """Return this kind for a finished object, whose sizes and options, by name, are known."""
        kind, letters = copy(self), self.dimensions.split()
        kind.shapes = [
            tuple(sizes.get(letter, size) for letter, size in zip(letters, shape, strict=False))
            for shape in self.shapes
        ]
        return kind

    def fitted(self, given: Given) -> Given:
        """Return an input, some of whose options a course has set, with the rest as they ask."""
        return given

    def stresses(self, seed: int) -> list[Stress]:
        """Return the runs on input that the trials avoid."""
        return []

    def ours(self, given: Given) -> Component:
        """Return our component with the parameters in `given`."""
        raise NotImplementedError

    def right(self, given: Given, seen: Results) -> Results:
        """Return what ours gives. What was drawn at random is taken from `seen`."""
        ours = self.ours(given)
        inputs = [a if n in self.indices else floats(a) for n, a in given.inputs.items()]
        output, saved = ours.apply(inputs[0] if len(inputs) == 1 else tuple(inputs))
        dx, gradients = ours.pullback(given.dy, saved)
        all_dx = dx if isinstance(dx, tuple) else (dx,)
        gradients = {**gradients, **dict(zip(given.inputs, all_dx, strict=True))}
        found = {q: gradients[v].reshape(given[v].shape) for q, v in self.variables.items()}
        return {self.forwards[0]: output, **found}

    def another(self, given: Given, rng: np.random.Generator) -> Given:
        """Return other input of the same shapes, for the same parameters."""
        first, *others = given.inputs
        inputs = {first: rng.permuted(given.x, axis=-1)[::-1].copy()}
        inputs |= {name: given.inputs[name][::-1].copy() for name in others}
        upstream = {
            name: rng.standard_normal(dy.shape)
            for name, dy in {"dy": given.dy, **given.upstream}.items()
        }
        return given.changed(**upstream, **inputs)

    def spares(self, given: Given) -> str:
        """Return what is noted of code that does not run on this input, "" where it has to."""
        return ""

    def drawn(self, given: Given, looks: Sequence[Results]) -> dict[str, bool]:
        """Return what several forward passes of one object at `sample` tell, for `derived`."""
        return {}

    def judged(self, given: Given, looks: Sequence[Results]) -> list[Finding]:
        """Judge the same by its statistics; nothing is returned where it is right."""
        return []

    def axes_of(self, name: str) -> str:
        """Return the axes of an input, a parameter, a quantity or an upstream gradient, or ""."""
        return self.axes.get(name) or self.axes.get(self.origin(name), "")

    def origin(self, name: str) -> str:
        """Return whose axes a gradient has, and what comes out of the forward pass besides."""
        if name in self.variables:
            return self.variables[name]
        if name == "evaluation":
            return "output"
        outputs = (output for output, dy in self.upstream.items() if dy == name)
        return next(outputs, name.removeprefix("new_"))

    def catalogue(self) -> list[Mistake]:
        """Return every mistake and convention that may be named, each name once."""
        stresses = self.stresses(0)
        listed = (
            *self.mistakes,
            *self.conventions,
            *self.others,
            *(mistake for stress in stresses for mistake in stress.mistakes),
            *(mistake for stress in stresses for mistake in stress.conventions),
        )
        return list({mistake.cause.name: mistake for mistake in reversed(listed)}.values())[::-1]


def floats(array: Array) -> Array:
    """Return an array of integers as float64, another one as it is."""
    return array.astype(np.float64) if array.dtype.kind in "iu" else array
