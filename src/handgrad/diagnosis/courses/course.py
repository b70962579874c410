"""Courses: whose interface a library keeps, read from a TOML file that people write."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from handgrad.diagnosis.courses.joined import Joined
from handgrad.diagnosis.courses.outline import Entry
from handgrad.diagnosis.courses.template import Call, Expression
from handgrad.diagnosis.given import Given
from handgrad.diagnosis.kinds.base import Kind
from handgrad.diagnosis.student.layout import Layout

__all__ = ["Component", "Course", "expressions_in", "letters", "names_in"]


@dataclass(frozen=True)
class Component:
    """One component that a course asks for: its kind, and how it is called.

    Parameters
    ----------
    kind
        The name of its kind.
    forward, backward
        The calls of its passes; `backward` is None where one call gives everything.
    made
        How an object of its class is made; None for functions.
    evaluation
        The call of its forward pass in evaluation mode, where it is another one.
    attributes
        Where in the object, or in an argument, a parameter, an option or a gradient is.
    arguments
        What arguments with names of their own are made of: numbers, strings, dicts, expressions.
    axes
        The axes of arrays that are laid out in another way than ours.
    factor
        By what a gradient is multiplied in this course.
    options
        What an option of the kind is in this course.
    only
        What must be so of an input, where the code takes no other.
    avoid
        The names of stresses that the course does not ask for.
    conventions
        The names of the course's own conventions, which need no mention.
    note
        What is to be said where the code is right in just this way.
    module
        The file or folder in which a whole library has it.
    words
        What it is called in sentences, where its name does not say it.
    joined
        Arrays that are made of parts of ours.

    One that has a class and no `forward` is called as the exercise does it: its parameters are
    found, whatever they are called.
    """

    kind: str
    forward: Call | None
    backward: Call | None = None
    made: Call | None = None
    evaluation: Call | None = None
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    arguments: Mapping[str, Any] = field(default_factory=dict)
    axes: Mapping[str, Layout] = field(default_factory=dict)
    factor: Mapping[str, Expression] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    only: Expression | None = None
    avoid: tuple[str, ...] = ()
    conventions: tuple[str, ...] = ()
    note: str = ""
    module: str = ""
    words: str = ""
    joined: tuple[Joined, ...] = ()
    alternative: bool = False
    """Whether it is the same forward pass as another component's, with another backward pass."""

    @property
    def wanted(self) -> tuple[str, ...]:
        """The names that a file must have."""
        if self.made:
            return (self.made.path[0],)
        return tuple(dict.fromkeys(call.path[0] for call in self._calls))

    @property
    def names(self) -> frozenset[str]:
        """The names that may stand for it: those, and the dotted ones of its functions."""
        dotted = () if self.made else (call.name for call in self._calls)
        return frozenset((*self.wanted, *dotted))

    @property
    def name(self) -> str:
        """The name in the file by which it is asked for."""
        if self.alternative and self.backward:
            return self.backward.name
        return self.wanted[0]

    @property
    def title(self) -> str:
        """What it is called in sentences."""
        return self.words or self.name.replace("_forward", "").replace("_backward", "")

    def is_in(self, outline: Mapping[str, Entry]) -> bool:
        """Return whether a file has the functions, or the class with its methods."""
        return all(name in outline and self._fits(name, outline[name]) for name in self.wanted)

    def _fits(self, name: str, entry: Entry) -> bool:
        """Return whether what has the name takes the arguments, or mentions what a class must."""
        if entry.is_class:
            return self.members <= entry.mentions
        counts = [len(call.arguments) for call in self._calls if call.path == (name,)]
        return not self.made and all(entry.least <= count <= entry.most for count in counts)

    @property
    def members(self) -> frozenset[str]:
        """What the class of that name must mention: its methods, and the attributes used."""
        paths = [call.path if self.made else call.path[1:] for call in self._calls]
        mine = {path[0] for path in paths if path}
        if self.made:
            mine |= {path[0] for path in self.attributes.values() if path[0] not in self.arguments}
        return frozenset(mine)

    @property
    def _calls(self) -> list[Call]:
        return [call for call in (self.forward, self.backward) if call]

    @property
    def asked(self) -> frozenset[str]:
        """Every name that comes back, or is an attribute."""
        return frozenset(self.attributes).union(*(call.results.names for call in self._calls))

    def asks_for(self, variable: str) -> bool:
        """Return whether the gradient of a variable comes back as parts of joined arrays."""
        given = [each for each in self.joined if each.gradient in self.asked]
        return any(part.name == variable for each in given for part in each.parts)

    @property
    def arguments_of_forward(self) -> frozenset[str]:
        """Every name that the forward pass is given, in dicts and attributes too."""
        calls = [call.names for call in (self.forward, self.evaluation) if call]
        inside = [names_in(argument) for argument in self.arguments.values()]
        inside += [{part.name for part in each.parts} for each in self.joined]
        return frozenset(self.attributes).union(*calls, *inside)


@dataclass(frozen=True)
class Course:
    """What a course asks for.

    Parameters
    ----------
    name
        What it is asked for by.
    title
        What it is called in sentences.
    components
        What it asks for.
    """

    name: str
    title: str
    components: tuple[Component, ...]

    def known_as(self, name: str) -> list[Component]:
        """Return the components that a file's author calls by this name, if there are any."""
        exact = [each for each in self.components if each.name == name]
        return exact or [each for each in self.components if name in each.names]

    def inside(self, outline: Mapping[str, Entry], by_name: bool = False) -> list[list[Component]]:
        """Return what a file has of it: several together where there are several conventions.

        With `by_name` what has a name alone is there as well: that it cannot be called as the
        course does is to be said, and not passed over.
        """
        fits = {each.name for each in self.components if each.is_in(outline)}
        found: dict[tuple[str, str], list[Component]] = {}
        for each in self.components:
            named = by_name and each.name not in fits and all(n in outline for n in each.wanted)
            if named or each.is_in(outline):
                found.setdefault((each.name, each.kind), []).append(each)
        return list(found.values())


def expressions_in(argument: Any) -> Iterator[Expression]:
    """Yield the expressions in what an argument is made of."""
    if isinstance(argument, Expression):
        yield argument
    elif isinstance(argument, Mapping):
        for inner in argument.values():
            yield from expressions_in(inner)


def names_in(argument: Any) -> set[str]:
    """Return the names in what an argument is made of."""
    return {name for each in expressions_in(argument) for name in each.names}


def letters(kind: Kind, given: Given) -> dict[str, int]:
    """Return the size that each axis has in an input, by its letter."""
    sizes: dict[str, int] = {}
    for name, array in {**given.inputs, **given.parameters, **given.arrays}.items():
        axes = kind.axes_of(name).split()
        if len(axes) == array.ndim:
            sizes.update(zip(axes, array.shape, strict=True))
    return sizes
