"""Edits as a reader sees them: which lines, what stands there, and what is to stand there."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from handgrad.diagnosis.engine.repair.edits import Edit, applied, slots, statements, text
from handgrad.diagnosis.engine.repair.source import Unit

__all__ = ["Step", "steps"]


class Step(NamedTuple):
    """One line that is changed.

    `how` is "replace", "remove", "before" or "after"; the last two put new lines beside a line.
    """

    unit: Unit
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
        texts = {id(s): (s, text(_header(s))) for _, _, s in statements(unit.tree.body)}
        mine = [edit for edit in edits if edit.unit is unit]
        with applied(*mine):
            after = _bodies(unit)
            there = {id(s) for body in after.values() for s in body}
            for step in _replaced(unit, texts, there, mine):
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


def _replaced(
    unit: Unit,
    texts: dict[int, tuple[ast.stmt, str]],
    there: set[int],
    edits: Sequence[Edit],
) -> Iterator[Step]:
    """Yield the statements that stay, and read otherwise."""
    for key, (statement, old) in texts.items():
        if key in there and text(_header(statement)) != old:
            last = max(
                (
                    n.end_lineno or 0
                    for n in ast.walk(_header(statement))
                    if isinstance(n, ast.expr)
                ),
                default=statement.lineno,
            )
            source = _source(unit, statement.lineno, max(last, statement.lineno))
            new = _patched(source, statement, edits) or text(_header(statement))
            yield Step(unit, statement.lineno, "replace", source, new)


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
            at = new.index(first)
            yield Step(unit, first.lineno, "remove", _of(unit, first), "")
            yield Step(unit, new[at - 1].lineno, "after", "", text(first))
            continue
        if gone and come and len(gone) == len(come):
            for a, b in zip(gone, come, strict=True):
                yield Step(unit, a.lineno, "replace", _of(unit, a), text(b))
            continue
        for s in gone:
            yield Step(unit, s.lineno, "remove", _of(unit, s), "")
        for s in come:
            if isinstance(s, ast.Pass):
                continue
            at = new.index(s)
            beside = next((t for t in new[at + 1 :] if id(t) in olds), None)
            previous = next((t for t in reversed(new[:at]) if id(t) in olds), None)
            if previous is not None and (beside is None or previous.lineno == s.lineno):
                yield Step(unit, previous.end_lineno or previous.lineno, "after", "", text(s))
            elif beside is not None:
                yield Step(unit, beside.lineno, "before", "", text(s))


def _header(statement: ast.stmt) -> ast.stmt:
    """Return a statement without the statements inside it."""
    fields: dict[str, Any] = {
        name: ([ast.Pass()] if name == "body" else [])
        if name in ("body", "orelse", "finalbody", "handlers", "cases")
        else value
        for name, value in ast.iter_fields(statement)
    }
    if not isinstance(statement, ast.For | ast.While | ast.If | ast.With | ast.Try):
        return statement
    new = type(statement)(**fields)
    return ast.copy_location(new, statement)


def _of(unit: Unit, statement: ast.stmt) -> str:
    return _source(unit, statement.lineno, statement.end_lineno or statement.lineno)


def _source(unit: Unit, first: int, last: int) -> str:
    """Return lines of the file without their common indentation, the comments left out."""
    lines = unit.lines[first - 1 : last]
    indent = len(lines[0]) - len(lines[0].lstrip()) if lines else 0
    return "\n".join(line[indent:].rstrip() for line in lines)


def _patched(source: str, statement: ast.stmt, edits: Sequence[Edit]) -> str:
    """Return the student's own line with only the edited expressions written anew, or ""."""
    inside = {(id(s.holder), s.key): s for s in slots(statement)}
    lines = source.split("\n")
    indent = statement.col_offset
    places = []
    for edit in edits:
        for change, old in zip(edit.changes, edit.olds, strict=True):
            slot = inside.get((id(change.holder), change.key))
            if slot is None or not isinstance(old, ast.expr):
                continue
            places.append((old, change.new))
    if not places:
        return ""
    for old, new in sorted(places, key=lambda p: (p[0].lineno, p[0].col_offset), reverse=True):
        if old.end_lineno is None or old.end_col_offset is None:
            return ""
        first, last = old.lineno - statement.lineno, old.end_lineno - statement.lineno
        if not 0 <= first <= last < len(lines):
            return ""
        start, end = old.col_offset - indent, old.end_col_offset - indent
        head, tail = lines[first].encode()[:start].decode(), lines[last].encode()[end:].decode()
        wanted = text(_header(statement))
        written = _segment(source, statement, new)
        for code in (written, f"({written})"):
            tried = [*lines[:first], head + code + tail, *lines[last + 1 :]]
            if len(places) > 1 or _reads("\n".join(tried)) == wanted:
                lines = tried
                break
        else:
            return ""
    result = "\n".join(lines)
    return result if _reads(result) == text(_header(statement)) else ""


def _segment(source: str, statement: ast.stmt, new: ast.expr) -> str:
    """Return an expression as the student has written it, where it is one of the student's."""
    first, last = new.lineno - statement.lineno, (new.end_lineno or 0) - statement.lineno
    lines, indent = source.split("\n"), statement.col_offset
    if first == last and 0 <= first < len(lines) and new.end_col_offset is not None:
        part = lines[first].encode()[new.col_offset - indent : new.end_col_offset - indent]
        written = part.decode("utf-8", "replace")
        if _reads(written) == text(new):
            return written
    return text(new)


def _reads(code: str) -> str:
    """Return lines as Python reads them, "" where it cannot."""
    for tried in (code, f"{code.rstrip()}\n    pass", f"{code.split('#')[0].rstrip()}\n    pass"):
        try:
            return text(ast.parse(tried).body[0])
        except (SyntaxError, IndexError, ValueError):
            continue
    return ""
