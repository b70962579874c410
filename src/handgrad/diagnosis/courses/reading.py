"""Reading a course from a TOML file, and saying what is wrong in it."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from difflib import get_close_matches
from functools import cache
from math import isfinite
from pathlib import Path
from typing import Any

from handgrad.diagnosis.behaviours import BEHAVIOURS
from handgrad.diagnosis.courses.conventions import KEPT_AXES
from handgrad.diagnosis.courses.course import Component, Course, expressions_in, letters, names_in
from handgrad.diagnosis.courses.joined import Joined
from handgrad.diagnosis.courses.outline import Entry
from handgrad.diagnosis.courses.template import FUNCTIONS, Call, Expression, read_call
from handgrad.diagnosis.given import Given
from handgrad.diagnosis.kinds import KINDS
from handgrad.diagnosis.kinds.base import Kind
from handgrad.diagnosis.student.layout import Layout
from handgrad.errors import ArgumentError

__all__ = ["COURSES", "course_from", "read_course", "seen"]

_HERE = Path(__file__).parent
COURSES = tuple(sorted(file.stem for file in _HERE.glob("*.toml")))
"""The courses that come with handgrad."""


def read_course(name: str) -> Course:
    """Return a course that comes with handgrad, or the one that a file describes."""
    if name in COURSES:
        return _ours(name)
    if name.endswith(".toml") and Path(name).is_file():
        return _read(Path(name))
    raise ArgumentError(
        f"the course {name!r}",
        f"one of {', '.join(COURSES)}, or a file of your own, such as my_course.toml",
        _near(name, COURSES) or "check the path",
    )


@cache
def _ours(name: str) -> Course:
    return _read(_HERE / f"{name}.toml")


def _read(path: Path) -> Course:
    try:
        return course_from(tomllib.loads(path.read_text("utf-8")), path.stem, path.name)
    except OSError as error:
        raise ArgumentError(
            f"{path.name}, which cannot be read: {error.strerror}",
            "a file that may be read",
            "look at its permissions",
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ArgumentError(
            f"{path.name}, which is no TOML: {error}",
            'lines such as kind = "linear" below [[component]]',
            "look at the line that is named, and at the end of the one before it",
        ) from error


def course_from(table: Mapping[str, Any], name: str, file: str) -> Course:
    """Return the course that a table describes; `file` says in messages where it stands."""
    about = table.get("course", {})
    entries = table.get("component", [])
    formed = isinstance(about, dict) and isinstance(entries, list)
    formed = formed and bool(entries) and all(isinstance(entry, dict) for entry in entries)
    if set(table) - {"course", "component"} or not formed:
        raise ArgumentError(
            f"{file} with {', '.join(table) or 'nothing in it'}",
            "a table [course] and a table [[component]] for each component",
            "begin each component with [[component]], in double brackets",
        )
    where = f"[course] in {file}"
    for key, value in about.items():
        _check(key, ("name", "title", "conventions"), "key", where)
        _formed(key, value, where)
    conventions = about.get("conventions", [])
    kinds = {entry.get("kind") for entry in entries} & set(KINDS)
    for custom in conventions:
        _check(custom, _customs(*kinds), "convention", where)
    components = [
        replace(each, conventions=(*conventions, *each.conventions))
        for entry in entries
        for each in _components(entry, file)
    ]
    return Course(about.get("name", name), about.get("title", name), tuple(components))


_TEXTS = (
    "name", "kind", "forward", "backward", "class", "evaluation", "only", "note", "module", "title",
)  # fmt: skip
_LISTS = ("also", "avoid", "conventions")
_TABLES = ("attributes", "axes", "factor", "joined", "arguments", "options")
_FORMS: dict[type, str] = {str: '"text"', list: '["text"]', dict: '{ name = "text" }'}
_OF_TEXTS = (*_LISTS, *_TABLES[:4])
"""Keys whose entries are all strings."""


def _components(entry: Mapping[str, Any], file: str) -> Iterator[Component]:
    where = f"{entry.get('class') or entry.get('forward') or 'a component'} in {file}"
    for key, value in entry.items():
        _check(key, (*_TEXTS[1:], *_LISTS, *_TABLES), "key", where)
        _formed(key, value, where)
    alone = "class" in entry and "backward" not in entry  # called as the exercise does it
    if "kind" not in entry or not ("forward" in entry or alone):
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
        Expression.read(entry["only"], where) if "only" in entry else None,
        tuple(entry.get("avoid", ())),
        tuple(entry.get("conventions", ())),
        entry.get("note", ""),
        entry.get("module", ""),
        entry.get("title", ""),
        tuple(Joined.read(name, text, where) for name, text in entry.get("joined", {}).items()),
    )
    if component.forward:
        _validate(component, component.forward, kind, where)
    yield component
    if also := entry.get("also", []):
        if component.backward is None:
            raise ArgumentError(
                f"also = {also} for {where}",
                "a backward call, which the others are called like",
                "write backward = ..., or leave `also` out",
            )
        for name in also:
            if not all(part.isidentifier() for part in name.split(".")):
                raise ArgumentError(
                    f"also = {also} for {where}",
                    "names of functions, without brackets",
                    'write them as in also = ["batchnorm_backward_alt"]',
                )
            backward = replace(component.backward, path=tuple(name.split(".")))
            yield replace(component, backward=backward, alternative=True)


def _formed(key: str, value: Any, where: str) -> None:
    """Raise where a key's value is not of the form that it has."""
    wanted: type = str if key in _TEXTS else list if key in _LISTS else dict
    inside = value.values() if isinstance(value, dict) else value
    if not isinstance(value, wanted) or (
        key in _OF_TEXTS and not all(isinstance(each, str) for each in inside)
    ):
        raise ArgumentError(
            f"{key} = {value!r} for {where}",
            f"{key} = {_FORMS[wanted]}",
            "write it in this form",
        )


def _argument(value: Any, where: str) -> Any:
    """Return what an argument is made of; a string that begins with @ is an expression."""
    if isinstance(value, Mapping):
        return {key: _argument(inner, where) for key, inner in value.items()}
    if isinstance(value, str) and value.startswith("@"):
        return Expression.read(value[1:], where)
    return value


def _validate(component: Component, forward: Call, kind: Kind, where: str) -> None:
    """Raise an error for people where something in it is not known."""
    trials = kind.givens(kind.shapes, 0)
    given = trials[0]
    scope = {**letters(kind, given), **given.sizes, **given.options}
    sizes = {letter for text in kind.axes.values() for letter in text.split() if letter.isalpha()}
    known = {*given.inputs, *given.parameters, *given.options, *given.sizes, *sizes}
    known |= _joined(component, kind, given, known, where)
    parts = {joined.gradient for joined in component.joined}
    forwards = set(kind.forwards)
    kept = {name for name in forward.results.names if name not in kind.titles}
    if not forwards & {*forward.results.names, *component.attributes}:
        raise ArgumentError(
            f"{forward.text!r} in {where}",
            f"{' or '.join(kind.forwards)} among its results",
            f"name what comes back: -> {kind.forwards[0]}",
        )
    arguments = {*known, *component.arguments}
    for name in (*names_in(component.arguments), *names_in(component.only)):
        _check(name, known, "argument", where)
    there = {**given.known(), **scope}
    for expression in expressions_in(component.arguments):
        if expression.names <= there.keys():
            _worked_out(expression, there, where)
    for call in (forward, component.made, component.evaluation):
        for name in call.names if call else ():
            _check(name, arguments, "argument", where)
    if component.backward:
        upstream = kind.upstream.values()
        for name in component.backward.names:
            _check(name, {*arguments, *upstream, *forward.results.names}, "argument", where)
        for name in component.backward.results.names:
            _check(name, {*kind.variables, *parts}, "gradient", where)
        if not {*kind.variables, *parts} & component.asked:
            raise ArgumentError(
                f"{component.backward.text!r} in {where}, of which no gradient comes back",
                f"some of {', '.join(kind.variables)}, among its results or the attributes",
                f"name what comes back: -> {', '.join(kind.variables)}",
            )
    elif kept:
        name = sorted(kept)[0]
        _check(name, kind.titles, "quantity", where)
    for name, path in component.attributes.items():
        _check(name, {*known, *kind.titles, *parts}, "name of an attribute", where)
        if not all(part.isidentifier() for part in path):
            raise ArgumentError(
                f"the attribute {'.'.join(path)!r} of {name} in {where}",
                "a name, or several with a dot between them",
                "write it as it stands behind self., for instance grads.W",
            )
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
        value = _worked_out(factor, scope, where)
        if not isinstance(value, int | float) or not value or not isfinite(value):
            raise ArgumentError(
                f"the factor {factor.text!r} of {name} in {where}, which comes to {value!r}",
                "a number that is not 0",
                "write what the gradient is multiplied by, for instance 1 / N",
            )
    for name in component.options:
        _check(name, given.options, "option", where)
    if component.only:
        scopes = ({**letters(kind, each), **each.sizes, **each.options} for each in trials)
        if not any(_worked_out(component.only, each, where) for each in scopes):
            raise ArgumentError(
                f"only = {component.only.text!r} for {where}, which no input is that is tried",
                "a condition that some inputs keep",
                "leave it out, or turn it round",
            )
    for name in component.conventions:
        _check(name, _customs(kind.name), "convention", where)
    for name in component.avoid:
        _check(name, [stress.name for stress in kind.stresses(0)], "special input", where)


@cache
def _customs(*kinds: str) -> frozenset[str]:
    """Return the names of what a course may let be without a word."""
    general = {each.cause.name for each in BEHAVIOURS.values()} | {KEPT_AXES.name}
    for kind in map(KINDS.__getitem__, kinds):
        special = (each for stress in kind().stresses(0) for each in stress.conventions)
        general |= {each.cause.name for each in (*kind.conventions, *special)}
    return frozenset(general)


def _joined(
    component: Component, kind: Kind, given: Given, known: set[str], where: str
) -> set[str]:
    """Return the names of what is joined; raise where it cannot be."""

    def layout(name: str) -> Layout:
        return component.axes.get(name) or Layout(kind.axes_of(name), kind.axes_of(name))

    for joined in component.joined:
        if not joined.name.isidentifier() or joined.name in known:
            raise ArgumentError(
                f"{joined.name!r} for what is joined in {where}",
                "a name of its own, as the course has it",
                "choose one that is neither an input nor a parameter of ours",
            )
        for part in joined.parts:
            _check(part.name, given.parameters, "parameter", where)
            if part.gate:
                _check(part.gate, list(given.options.get("order", "")), "gate", where)
        try:
            joined.axis(layout)
        except ValueError as error:
            raise ArgumentError(
                f"{joined.name} in {where}: {error}",
                "parts whose axes are the same but for one, along which they are joined",
                "look at the axes of the parts",
            ) from error
    return {joined.name for joined in component.joined}


def _worked_out(expression: Expression, scope: Mapping[str, Any], where: str) -> Any:
    try:
        return expression.value(scope)
    except Exception as error:
        raise ArgumentError(
            f"{expression.text!r} in {where}: {error}",
            "an expression that can be worked out for every input",
            "look at what is divided, and at what is compared",
        ) from error


def _check(name: str, known: Any, what: str, where: str) -> None:
    """Raise where a name is not one of those that are known."""
    if name in known:
        return
    choices = sorted(set(known) - set(FUNCTIONS))
    raise ArgumentError(
        f"the {what} {name!r} for {where}",
        f"one of {', '.join(choices)}" if choices else f"no {what}, since there is none here",
        _near(name, choices) or "write one of these, or leave it out",
    )


def _near(name: str, choices: Any) -> str:
    small = {choice.lower(): choice for choice in choices}
    near = get_close_matches(name.lower(), list(small), n=1)
    return f"did you mean {small[near[0]]!r}?" if near else ""


def seen(outline: Mapping[str, Entry], name: str = "") -> Course | None:
    """Return the course whose names are in a file, `name` among them; None where there are none.

    Of several, the one of which the most is there; a class counts for more, the more it mentions of
    what the course asks for.
    """

    def count(course: Course) -> tuple[int, int]:
        found = [components[0] for components in course.inside(outline)]
        if name and not any(name in component.names for component in found):
            return 0, 0
        return len(found), sum(len(component.members) for component in found)

    best = max(map(read_course, COURSES), key=count)
    return best if count(best)[0] else None
