"""Edits as a reader sees them: which lines, what stands there, and what is to stand there."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from textwrap import dedent
from typing import NamedTuple

from handgrad.diagnosis.engine.repair.edits import (
    COMPOUND,
    Edit,
    applied,
    header,
    slots,
    statements,
    text,
)
from handgrad.diagnosis.engine.repair.source import Unit
from handgrad.diagnosis.engine.repair.weaving import Passage, reads, rendered, woven

__all__ = ["Step", "steps"]


class Step(NamedTuple):
    """One line that is changed; several where they cannot be told apart.

    `how` is "replace", "remove", "before" or "after"; the last two put new lines beside a line.
    `statement` is the line on which the statement begins that is changed.
    """

    unit: Unit
    statement: int
    line: int
    how: str
    old: str
    new: str


def steps(edits: Sequence[Edit]) -> list[Step]:
    """Return what edits change, line by line, in the order of the file."""
    found: dict[tuple[Unit, int, str], Step] = {}
    for edit in edits:
        edit.olds  # noqa: B018 (what stands there before they are made)
    for unit in dict.fromkeys(edit.unit for edit in edits):
        before = _bodies(unit)
        texts = {id(s): (s, text(header(s))) for _, _, s in statements(unit.tree.body)}
        mine = [edit for edit in edits if edit.unit is unit]
        with applied(*mine):
            after = _bodies(unit)
            there = {id(s) for body in after.values() for s in body}
            for key, (statement, old) in texts.items():
                if key in there and text(header(statement)) != old:
                    new = _patched(unit, statement, mine) or rendered(unit, header(statement))
                    for step in _rewritten(unit, statement, new):
                        found[unit, step.line, step.how] = step
            for step in _moved(unit, before, after):
                found.setdefault((unit, step.line, step.how), step)
    return sorted(found.values(), key=lambda step: (step.unit.file, step.line, step.how))


_Bodies = dict[tuple[int, str], list[ast.stmt]]


def _bodies(unit: Unit) -> _Bodies:
    """Return every list of statements, by the node and the field that hold it."""
    found: _Bodies = {}
    for node in ast.walk(unit.tree):
        for name in ("body", "orelse", "finalbody"):
            value = getattr(node, name, None)
            if isinstance(value, list):
                found[id(node), name] = list(value)
    return found


def _rewritten(unit: Unit, statement: ast.stmt, new: str) -> Iterator[Step]:
    """Yield the lines of a statement that read otherwise in new code."""
    passage, line = Passage(unit, statement), statement.lineno
    rows = woven(passage, new)
    if rows is None:
        whole = dedent("\n".join(passage.rows)).strip()
        yield Step(unit, line, line, "replace", whole, passage.before.lstrip() + new)
        return
    for at, (old, row) in enumerate(zip(passage.rows, rows, strict=True)):
        if row is None:
            yield Step(unit, line, line + at, "remove", old.strip(), "")
        elif row != old:
            yield Step(unit, line, line + at, "replace", old.strip(), row.strip())


def _patched(unit: Unit, statement: ast.stmt, edits: Sequence[Edit]) -> str:
    """Return the student's own code with only the edited expressions written anew, or ""."""
    inside = {(id(s.holder), s.key) for s in slots(statement)}
    changes = [pair for edit in edits for pair in zip(edit.changes, edit.olds, strict=True)]
    places = [
        (old, rendered(unit, change.new))
        for change, old in changes
        if (id(change.holder), change.key) in inside and isinstance(old, ast.expr)
    ]
    passage, wanted = Passage(unit, statement), text(header(statement))
    bare = [(old, new[1:-1] if isinstance(old, ast.Tuple) else new) for old, new in places]
    for code in (bare, places, [(old, f"({new})") for old, new in places]):
        new = passage.replaced(code)
        if places and reads(new) == wanted:
            return new
    return ""


def _moved(unit: Unit, before: _Bodies, after: _Bodies) -> Iterator[Step]:
    """Yield the statements that are new, that are gone, and that stand elsewhere."""
    for place in after:
        old, new = before.get(place, []), after[place]
        if [id(s) for s in old] == [id(s) for s in new]:
            continue
        olds, news = {id(s) for s in old}, {id(s) for s in new}
        gone = [s for s in old if id(s) not in news]
        come = [s for s in new if id(s) not in olds]
        if not gone and not come:  # two have changed places
            first = next(s for s, t in zip(old, new, strict=True) if s is not t)
            yield _removed(unit, first)
            yield _beside(unit, first, new[new.index(first) - 1], "after")
        elif len(gone) == len(come):
            for a, b in zip(gone, come, strict=True):
                yield from _exchanged(unit, a, b)
        else:
            for s in gone:
                yield _removed(unit, s)
            for s in come:
                if isinstance(s, ast.Pass):
                    continue
                at = new.index(s)
                beside = next((t for t in new[at + 1 :] if id(t) in olds), None)
                previous = next((t for t in reversed(new[:at]) if id(t) in olds), None)
                if previous is not None and (beside is None or previous.lineno == s.lineno):
                    yield _beside(unit, s, previous, "after")
                elif beside is not None:
                    yield _beside(unit, s, beside, "before")


def _exchanged(unit: Unit, old: ast.stmt, new: ast.stmt) -> Iterator[Step]:
    """Yield the lines of a statement in whose place there is a new one."""
    if isinstance(old, COMPOUND) or isinstance(new, COMPOUND):
        whole = _removed(unit, old).old
        yield Step(unit, old.lineno, old.lineno, "replace", whole, text(new))
    else:
        yield from _rewritten(unit, old, rendered(unit, new))


def _removed(unit: Unit, statement: ast.stmt) -> Step:
    """Return the step that leaves a statement out, whatever it holds."""
    first, last = statement.lineno, statement.end_lineno or statement.lineno
    whole = dedent("".join(unit.lines[first - 1 : last])).rstrip()
    return Step(unit, first, first, "remove", whole, "")


def _beside(unit: Unit, new: ast.stmt, known: ast.stmt, how: str) -> Step:
    """Return the step that puts a statement before or after another one."""
    line = (known.end_lineno or known.lineno) if how == "after" else known.lineno
    return Step(unit, new.lineno, line, how, "", rendered(unit, new))
