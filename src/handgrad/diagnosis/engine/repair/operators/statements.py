"""Edits of statements that belong to others: exchanged names, sums, resets, the right class."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import combinations

import numpy as np

from handgrad.diagnosis.engine.repair.edits import (
    Change,
    Slot,
    clone,
    placed,
    short,
    slots,
    text,
    written,
)
from handgrad.diagnosis.engine.repair.operators.structure import (
    Place,
    Proposal,
    instead,
    renamed,
    swapped,
)
from handgrad.diagnosis.engine.repair.vocabulary import Vocabulary, is_handle

__all__ = ["defined", "earlier", "exchanged", "gathered", "picked"]

_MOST = 8
"""How many names of a statement are exchanged."""


def exchanged(place: Place, words: Vocabulary) -> Iterator[Proposal]:
    """Exchange two names in a statement."""
    found: dict[str, list[Slot]] = {}
    for slot in slots(place.statement):
        read = is_handle(slot.node) and isinstance(getattr(slot.node, "ctx", None), ast.Load)
        if read and not (isinstance(slot.parent, ast.Call) and slot.key == "func"):
            found.setdefault(written(slot.node), []).append(slot)
    kinds = {handle.code: handle for handle in words.handles}
    names = [name for name in found if name in kinds and kinds[name].kind != "other"]
    for a, b in combinations(names[:_MOST], 2):
        if kinds[a].kind == kinds[b].kind and not (a.startswith(b) or b.startswith(a)):
            first = [slot.change(kinds[b].load()) for slot in found[a]]
            second = [slot.change(kinds[a].load()) for slot in found[b]]
            said = f"`{a}` and `{b}` in {short(place.statement)}"
            yield Proposal((*first, *second), 1.5, said)


def gathered(place: Place, words: Vocabulary) -> Iterator[Proposal]:
    """Add what nobody reads, or how many there are in each row, in the place of a number."""
    statement = place.statement
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target, value = statement.targets[0], statement.value
    elif isinstance(statement, ast.AugAssign):
        target, value = statement.target, statement.value
    else:
        return
    if not isinstance(target, ast.Subscript) or not is_handle(target.value):
        return
    said = f"the number in {short(statement)}"
    while isinstance(value, ast.UnaryOp):
        value = value.operand
    if not isinstance(value, ast.Constant):
        return
    for name in words.unread:
        for op in (ast.Add, ast.Sub):
            new = placed(ast.AugAssign(clone(target), op(), clone(name)), statement)
            yield Proposal(instead(place, new), 1.6, said)
    if isinstance(words.value(target.value), np.ndarray):
        loaded = clone(target.value)
        loaded.ctx = ast.Load()  # type: ignore[attr-defined]
        for axis in (1, 0, -1):
            number = ast.UnaryOp(ast.USub(), ast.Constant(1)) if axis < 0 else ast.Constant(axis)
            func = ast.Attribute(loaded, "sum", ast.Load())
            total = ast.Call(func, [], [ast.keyword("axis", number)])
            set_to = ast.Assign([clone(target)], ast.UnaryOp(ast.USub(), total))
            less = ast.AugAssign(clone(target), ast.Sub(), total)
            for new_sum in (set_to, less):
                yield Proposal(instead(place, placed(new_sum, statement)), 1.8, said)


def picked(place: Place, words: Vocabulary) -> Iterator[Proposal]:
    """Leave the right class out: in a loop, or by an index of labels that is used elsewhere."""
    statement = place.statement
    labels = [h for h in words.arrays if h.value.dtype.kind in "iu" and h.value.ndim == 1]
    if isinstance(statement, ast.For) and isinstance(statement.target, ast.Name):
        inner = statement.target.id
        for label in labels:
            for outer in words.loops:
                if outer == inner:
                    break
                entry = ast.Subscript(label.load(), ast.Name(outer, ast.Load()), ast.Load())
                test = ast.Compare(ast.Name(inner, ast.Load()), [ast.Eq()], [entry])
                skip = ast.If(test, [ast.Continue()], [])
                body = [placed(skip, statement.body[0]), *statement.body]
                said = f"the right class is not left out of the loop over `{inner}`"
                yield Proposal((Change(statement, "body", body),), 1.9, said)
    elif isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
        name = statement.targets[0]
        if getattr(words.value(name), "ndim", 0) != 2:
            return
        for index in words.subscripts:
            named = {n.id for n in ast.walk(index) if isinstance(n, ast.Name)}
            if isinstance(index, ast.Tuple) and named & {label.code for label in labels}:
                array = ast.Name(name.id, ast.Load())
                entry = ast.Subscript(array, clone(index), ast.Store())
                zero = placed(ast.Assign([entry], ast.Constant(0)), statement)
                said = f"the right class is not left out of `{name.id}` after this line"
                yield Proposal(instead(place, statement, zero), 1.9, said)


def defined(place: Place, words: Vocabulary) -> Iterator[Proposal]:
    """Work out what is read and never was: as something else is, or as the sum of something."""
    statement = place.statement
    if not words.undefined or not isinstance(statement, ast.Assign | ast.AugAssign):
        return
    target = statement.target if isinstance(statement, ast.AugAssign) else statement.targets[0]
    if not isinstance(target, ast.Name):
        return
    used = {text(n): n for n in ast.walk(statement.value) if is_handle(n)}
    for name in words.undefined:
        said = f"nothing is assigned to `{name}`"
        values = [renamed(statement.value, swaps) for swaps in swapped(used, words)]
        like = [(1.5, value) for value in values]
        for array in words.arrays:
            rows = ast.Attribute(array.load(), "sum", ast.Load())
            like.append((1.7, ast.Call(rows, [], [ast.keyword("axis", ast.Constant(0))])))
        for cost, value in like:
            new = placed(ast.Assign([ast.Name(name, ast.Store())], value), statement)
            yield Proposal(instead(place, statement, new), cost, said)


def earlier(place: Place, words: Vocabulary) -> Iterator[Proposal]:
    """Set something to nothing before a loop in place of in it, or the other way round."""
    body, at, statement, outer, field = place
    if not isinstance(statement, ast.For | ast.While):
        return
    for inner, k, reset in _resets(statement):
        rest = [*inner[:k], *inner[k + 1 :]]
        holder = next(n for n in ast.walk(statement) if getattr(n, "body", None) is inner)
        before = [*body[:at], reset, *body[at:]]
        said = f"the place of {short(reset)}"
        if rest:
            changes = Change(holder, "body", rest), Change(outer, field, before)
            yield Proposal(changes, 1.7, said)
    for k, reset in enumerate(body[: max(at - 1, 0)]):  # the one just before it is `moved`
        if _is_reset(reset):
            without = [*body[:k], *body[k + 1 :]]
            more = Change(statement, "body", [reset, *statement.body])
            said = f"the place of {short(reset)}"
            yield Proposal((more, Change(outer, field, without)), 1.8, said)


def _resets(loop: ast.For | ast.While) -> Iterator[tuple[list[ast.stmt], int, ast.stmt]]:
    for k, statement in enumerate(loop.body):
        if _is_reset(statement):
            yield loop.body, k, statement
        elif isinstance(statement, ast.For | ast.While):
            yield from _resets(statement)


def _is_reset(statement: ast.stmt) -> bool:
    """Return whether a statement sets a name to 0, to zeros or to an empty list."""
    if not isinstance(statement, ast.Assign) or not is_handle(statement.targets[0]):
        return False
    value = statement.value
    if isinstance(value, ast.Constant):
        return value.value == 0
    if isinstance(value, ast.Call):
        return text(value.func).rpartition(".")[2] in ("zeros", "zeros_like")
    return isinstance(value, ast.List | ast.Dict) and not list(ast.iter_child_nodes(value))[1:]
