"""Courses: whose interface a library keeps, read from a TOML file that people write."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

from handgrad.diagnosis.courses.template import FUNCTIONS, Call, Expression, read_call
from handgrad.diagnosis.given import Given
from handgrad.diagnosis.kinds import KINDS
from handgrad.diagnosis.kinds.base import Kind
from handgrad.diagnosis.student.layout import Layout
from handgrad.errors import ArgumentError

__all__ = [
    "COURSES",
    "Component",
    "Course",
    "course_from",
    "course_of",
    "letters",
    "names_in",
    "read_course",
    "seen",
]

_HERE = Path(__file__).parent
COURSES = tuple(sorted(file.stem for file in _HERE.glob("*.toml")))
"""The courses that come with handgrad."""


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
    note
        What is to be said where the code is right in just this way.
    module
        The file or folder in which a whole library has it.

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
    note: str = ""
    module: str = ""
    alternative: bool = False
    """Whether it is the same forward pass as another component's, with another backward pass."""

    @property
    def wanted(self) -> tuple[str, ...]:
        """The names that a file must have."""
        if self.made:
            return (self.made.path[0],)
        return tuple(dict.fromkeys(call.path[0] for call in self._calls))

    @property
    def name(self) -> str:
        """The name in the file by which it is asked for."""
        return self.wanted[-1 if self.alternative else 0]

    @property
    def title(self) -> str:
        """What it is called in sentences."""
        return self.name.replace("_forward", "").replace("_backward", "")

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
    def arguments_of_forward(self) -> frozenset[str]:
        """Every name that the forward pass is given, in dicts and attributes too."""
        calls = [call.names for call in (self.forward, self.evaluation) if call]
        inside = [names_in(argument) for argument in self.arguments.values()]
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
        return exact or [each for each in self.components if name in each.wanted]

    def inside(self, outline: Mapping[str, frozenset[str]]) -> dict[str, list[Component]]:
        """Return what a file has of it, by name: several where there are several conventions.

        `outline` has for each name at the top of the file what a class of that name mentions.
        """
        found: dict[str, list[Component]] = {}
        for each in self.components:
            if set(each.wanted) <= outline.keys() and each.members <= outline[each.name]:
                found.setdefault(each.name, []).append(each)
        return found


@cache
def read_course(name: str) -> Course:
    """Return a course that comes with handgrad, or the one that a file describes."""
    path = Path(name) if name.endswith(".toml") else _HERE / f"{name}.toml"
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ArgumentError(
            f"the course {name!r}",
            f"one of {', '.join(COURSES)}, or a file of your own, such as my_course.toml",
            _near(name, COURSES) or "check the path",
        ) from error
    try:
        return course_from(tomllib.loads(text), path.stem, path.name)
    except tomllib.TOMLDecodeError as error:
        raise ArgumentError(
            f"{path.name}, which is no TOML: {error}",
            'lines such as kind = "linear" below [[component]]',
            "look at the line that is named, and at the end of the one before it",
        ) from error


def course_from(table: Mapping[str, Any], name: str, file: str) -> Course:
    """Return the course that a table describes; `file` says in messages where it stands."""
    about = table.get("course", {})
    entries = table.get("component", [])
    if set(table) - {"course", "component"} or not isinstance(entries, list) or not entries:
        raise ArgumentError(
            f"{file} with {', '.join(table) or 'nothing in it'}",
            "a table [course] and a table [[component]] for each component",
            "begin each component with [[component]], in double brackets",
        )
    components = [each for entry in entries for each in _components(entry, file)]
    return Course(about.get("name", name), about.get("title", name), tuple(components))


_KEYS = (
    "kind", "forward", "backward", "class", "evaluation", "also", "attributes", "arguments",
    "axes", "factor", "options", "note", "module",
)  # fmt: skip


def _components(entry: Mapping[str, Any], file: str) -> Iterator[Component]:
    where = f"{entry.get('class') or entry.get('forward') or 'a component'} in {file}"
    for key in entry:
        _check(key, _KEYS, "key", where)
    if "kind" not in entry or not ("forward" in entry or "class" in entry):
        missing = "kind" if "kind" not in entry else "forward"
        raise ArgumentError(
            f"no {missing!r} for {where}",
            "a kind and a forward call for each component",
            f"write {missing} = ... below its [[component]]",
        )
    _check(entry["kind"], KINDS, "kind of component", where)
    calls = {
        key: read_call(entry[key], where) if key in entry else None
        for key in ("forward", "backward", "class", "evaluation")
    }
    kind = KINDS[entry["kind"]]()
    component = Component(
        kind.name,
        calls["forward"],
        calls["backward"],
        calls["class"],
        calls["evaluation"],
        {key: tuple(path.split(".")) for key, path in entry.get("attributes", {}).items()},
        {key: _argument(value, where) for key, value in entry.get("arguments", {}).items()},
        {key: Layout(kind.axes_of(key), value) for key, value in entry.get("axes", {}).items()},
        {key: Expression.read(value, where) for key, value in entry.get("factor", {}).items()},
        entry.get("options", {}),
        entry.get("note", ""),
        entry.get("module", ""),
    )
    if component.forward:
        _validate(component, component.forward, kind, where)
    yield component
    if also := entry.get("also", []):
        assert component.backward is not None
        for name in also:
            backward = replace(component.backward, path=tuple(name.split(".")))
            yield replace(component, backward=backward, alternative=True)


def _argument(value: Any, where: str) -> Any:
    """Return what an argument is made of; a string that begins with @ is an expression."""
    if isinstance(value, Mapping):
        return {key: _argument(inner, where) for key, inner in value.items()}
    if isinstance(value, str) and value.startswith("@"):
        return Expression.read(value[1:], where)
    return value


def _validate(component: Component, forward: Call, kind: Kind, where: str) -> None:
    """Raise an error for people where something in it is not known."""
    given = kind.givens(kind.shapes[:1], 0)[0]
    sizes = {letter for text in kind.axes.values() for letter in text.split() if letter.isalpha()}
    known = {*given.inputs, *given.parameters, *given.options, *given.sizes, *sizes}
    forwards = set(kind.forwards)
    kept = {name for name in forward.results.names if name not in kind.titles}
    arguments = {*known, *component.arguments}
    for name in names_in(component.arguments):
        _check(name, known, "argument", where)
    for call in (forward, component.made, component.evaluation):
        for name in call.names if call else ():
            _check(name, arguments, "argument", where)
    if component.backward:
        upstream = kind.upstream.values()
        for name in component.backward.names:
            _check(name, {*arguments, *upstream, *kept}, "argument", where)
        for name in component.backward.results.names:
            _check(name, kind.variables, "gradient", where)
    elif kept:
        name = sorted(kept)[0]
        _check(name, kind.titles, "quantity", where)
    if not forwards & {*forward.results.names, *component.attributes}:
        raise ArgumentError(
            f"{forward.text!r} in {where}",
            f"{' or '.join(kind.forwards)} among its results",
            f"name what comes back: -> {kind.forwards[0]}",
        )
    for name in component.attributes:
        _check(name, {*known, *kind.titles}, "name of an attribute", where)
    for name, layout in component.axes.items():
        _check(name, {*known, *kind.titles, *kind.upstream.values()}, "array with axes", where)
        if not layout.fits:
            raise ArgumentError(
                f"the axes {layout.theirs!r} of {name} in {where}",
                f"a permutation of {layout.ours!r}; an axis of size 1 may be added as 1",
                "write the same letters, each once, in the order in which the course has them",
            )
    for name, factor in component.factor.items():
        _check(name, kind.titles, "quantity with a factor", where)
        for inner in factor.names:
            _check(inner, known, "size", where)
    for name in component.options:
        _check(name, given.options, "option", where)


def names_in(argument: Any) -> set[str]:
    """Return the names in what an argument is made of."""
    if isinstance(argument, Expression):
        return set(argument.names)
    if isinstance(argument, Mapping):
        return {name for inner in argument.values() for name in names_in(inner)}
    return set()


def _check(name: str, known: Any, what: str, where: str) -> None:
    """Raise where a name is not one of those that are known."""
    if name in known:
        return
    choices = sorted(set(known) - set(FUNCTIONS))
    raise ArgumentError(
        f"the {what} {name!r} for {where}",
        f"one of {', '.join(choices)}",
        _near(name, choices) or "write one of these, or leave it out",
    )


def _near(name: str, choices: Any) -> str:
    near = get_close_matches(name, list(choices), n=1)
    return f"did you mean {near[0]!r}?" if near else ""


def course_of(outline: Mapping[str, frozenset[str]], name: str) -> list[Component]:
    """Return how the first course that knows a name, among others in a file, calls it."""
    for course in map(read_course, COURSES):
        found = [
            each
            for each in course.known_as(name)
            if each.forward and not each.made and set(each.wanted) <= outline.keys()
        ]
        if found:
            return found
    return []


def seen(outline: Mapping[str, frozenset[str]]) -> Course | None:
    """Return the course whose names are in a file, None where there are none.

    Of several, the one of which the most is there; a class counts for more, the more it mentions of
    what the course asks for.
    """

    def count(course: Course) -> tuple[int, int]:
        found = [components[0] for components in course.inside(outline).values()]
        return len(found), sum(len(component.members) for component in found)

    best = max(map(read_course, COURSES), key=count)
    return best if count(best)[0] else None


def letters(kind: Kind, given: Given) -> dict[str, int]:
    """Return the size that each axis has in an input, by its letter."""
    sizes: dict[str, int] = {}
    for name, array in {**given.inputs, **given.parameters, **given.arrays}.items():
        axes = kind.axes_of(name).split()
        if len(axes) == array.ndim:
            sizes.update(zip(axes, array.shape, strict=True))
    return sizes
