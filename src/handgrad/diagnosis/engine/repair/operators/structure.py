"""Edits of whole statements: one left out, one moved, one that is missing."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from handgrad.diagnosis.engine.repair.edits import (
    Change,
    clone,
    key,
    placed,
    short,
    text,
    written,
)
from handgrad.diagnosis.engine.repair.vocabulary import Handle, Vocabulary, is_handle, likeness

__all__ = [
    "Place",
    "Proposal",
    "assignments",
    "copies",
    "instead",
    "left_out",
    "moved",
    "neighbours",
    "own",
    "renamed",
    "resets",
    "saved",
    "swapped",
]


class Place(NamedTuple):
    """A statement, and the list and place in which it stands."""

    body: list[ast.stmt]
    at: int
    statement: ast.stmt
    outer: ast.AST
    field: str


class Proposal(NamedTuple):
    """Changes that belong together, how unlikely they are, and what is wrong if they mend it."""

    changes: tuple[Change, ...]
    cost: float
    words: str


def instead(place: Place, *new: ast.stmt) -> tuple[Change, ...]:
    """Return the change that puts statements in a statement's place."""
    body = [*place.body[: place.at], *new, *place.body[place.at + 1 :]]
    return (Change(place.outer, place.field, body or [placed(ast.Pass(), place.statement)]),)


def left_out(place: Place, words: Vocabulary) -> Iterator[Proposal]:
    """Leave a statement out, or take what stands in an `if` out of it."""
    statement = place.statement
    if isinstance(statement, ast.Return | ast.FunctionDef | ast.Import | ast.ImportFrom):
        return
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        return
    if isinstance(statement, ast.Assign | ast.AugAssign | ast.Expr | ast.If | ast.Delete):
        yield Proposal(instead(place), 1.6, f"{short(statement)} itself")
    if isinstance(statement, ast.If):
        said = f"the condition {short(statement.test)}"
        yield Proposal(instead(place, *statement.body), 1.3, said)
        if statement.orelse:
            yield Proposal(instead(place, *statement.orelse), 1.5, said)


def assignments(place: Place, words: Vocabulary) -> Iterator[Proposal]:
    """Assign in place of adding, add in place of assigning, write to a new array."""
    statement = place.statement
    said = f"the `=` in {short(statement)}"
    if isinstance(statement, ast.AugAssign):
        target, op = statement.target, statement.op
        assert isinstance(target, ast.Name | ast.Attribute | ast.Subscript)
        said = f"the operator in {short(statement)}"
        yield Proposal(instead(place, _assigned(target, statement.value)), 1.0, said)
        left = _loaded(target)
        new = _assigned(target, ast.BinOp(left, op, statement.value))
        said_so = f"{short(statement)} writes into an array that is used elsewhere"
        yield Proposal(instead(place, placed(new, statement)), 1.2, said_so)
        others = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult}
        for old, other in others.items():
            if isinstance(op, old):
                aug = placed(ast.AugAssign(target, other(), statement.value), statement)
                yield Proposal(instead(place, aug), 1.1, said)
        numpy = _numpy(words)
        whole = not any(isinstance(node, ast.Slice) for node in ast.walk(target))
        if numpy and whole and isinstance(target, ast.Subscript) and isinstance(op, ast.Add):
            # By an array of indices, what comes twice is added once.
            add = ast.Attribute(ast.Name(numpy, ast.Load()), "add", ast.Load())
            at = ast.Attribute(add, "at", ast.Load())
            call = ast.Call(at, [target.value, target.slice, statement.value], [])
            yield Proposal(instead(place, placed(ast.Expr(call), statement)), 1.4, said)
        if isinstance(op, ast.Mult):
            aug = placed(ast.AugAssign(target, ast.Add(), statement.value), statement)
            yield Proposal(instead(place, aug), 1.3, said)
    elif isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        goal = statement.targets[0]
        if isinstance(goal, ast.Name | ast.Attribute | ast.Subscript):
            aug = placed(ast.AugAssign(goal, ast.Add(), statement.value), statement)
            yield Proposal(instead(place, aug), 1.5, said)
        if is_handle(goal) and isinstance(words.value(goal), np.ndarray):
            part = ast.Subscript(_loaded(goal), ast.Constant(...), ast.Store())
            into = placed(_assigned(part, statement.value), statement)
            yield Proposal(instead(place, into), 2.2, said)


def _assigned(target: ast.expr, value: ast.expr) -> ast.Assign:
    new = ast.Assign([target], value)
    return placed(new, target)


def _loaded(target: ast.expr) -> Any:
    new = copy.copy(target)
    new.ctx = ast.Load()  # type: ignore[attr-defined]
    return new


def moved(place: Place, words: Vocabulary) -> Iterator[Proposal]:
    """Exchange a statement with the next, or move it into a loop, out of one, before or after."""
    body, at, statement, outer, field = place
    said = f"the place of {short(statement)}"
    if at + 1 < len(body):
        after = body[at + 1]
        if not isinstance(after, ast.Return | ast.Raise) and not _is_docstring(statement):
            new = [*body[:at], after, statement, *body[at + 2 :]]
            yield Proposal((Change(outer, field, new),), 1.9, said)
    if not isinstance(statement, ast.For | ast.While):
        return
    inner = statement.body
    said = f"what stands in the loop, and what before or after it: {short(statement.body[0])}"
    if len(inner) > 1:
        new = [*body[:at], inner[0], *body[at:]]
        said = f"the place of {short(inner[0])}"
        rest = Change(statement, "body", inner[1:])
        yield Proposal((rest, Change(outer, field, new)), 2.0, said)
        new = [*body[: at + 1], inner[-1], *body[at + 1 :]]
        said = f"the place of {short(inner[-1])}"
        rest = Change(statement, "body", inner[:-1])
        yield Proposal((rest, Change(outer, field, new)), 2.0, said)
    if at > 0 and not _is_docstring(body[at - 1]):
        new = [*body[: at - 1], *body[at:]]
        said = f"the place of {short(body[at - 1])}"
        more = Change(statement, "body", [body[at - 1], *inner])
        yield Proposal((more, Change(outer, field, new)), 2.0, said)
    if at + 1 < len(body) and not isinstance(body[at + 1], ast.Return):
        new = [*body[: at + 1], *body[at + 2 :]]
        said = f"the place of {short(body[at + 1])}"
        more = Change(statement, "body", [*inner, body[at + 1]])
        yield Proposal((more, Change(outer, field, new)), 2.0, said)


def _is_docstring(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def resets(place: Place, words: Vocabulary) -> Iterator[Proposal]:
    """Start from nothing before a statement, or a loop, that adds to what is there."""
    statement = place.statement
    targets: list[ast.expr] = []
    for node in ast.walk(statement):
        if isinstance(node, ast.AugAssign) and is_handle(node.target):
            targets.append(node.target)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr in ("append", "extend", "insert", "update") and is_handle(
                node.func.value
            ):
                targets.append(node.func.value)
        elif isinstance(node, ast.AugAssign | ast.Assign):
            into = [node.target] if isinstance(node, ast.AugAssign) else node.targets
            parts = [t.value for t in into if isinstance(t, ast.Subscript)]
            targets += [part for part in parts if is_handle(part)]
    for code, target in {text(t): t for t in targets}.items():
        nothing = _nothing(words.value(target), target, words)
        if nothing is None:
            continue
        stored = clone(target)
        stored.ctx = ast.Store()  # type: ignore[attr-defined]
        reset = placed(ast.Assign([stored], nothing), statement)
        cost = 1.7 if not isinstance(target, ast.Name) else 2.1
        said = f"what `{code}` holds before this line"
        yield Proposal(instead(place, reset, statement), cost, said)


def _nothing(value: Any, target: ast.expr, words: Vocabulary) -> ast.expr | None:
    if isinstance(value, list):
        return ast.List([], ast.Load())
    if isinstance(value, dict):
        return ast.Dict([], [])
    if isinstance(value, np.ndarray) and value.ndim:
        name = _numpy(words)
        loaded = clone(target)
        loaded.ctx = ast.Load()  # type: ignore[attr-defined]
        func = ast.Attribute(ast.Name(name, ast.Load()), "zeros_like", ast.Load())
        return ast.Call(func, [loaded], []) if name else None
    return ast.Constant(0) if isinstance(value, int | float | np.number) else None


def _numpy(words: Vocabulary) -> str:
    space = words.unit.function.__globals__
    return next((name for name in ("np", "numpy") if name in space), "")


def copies(place: Place, words: Vocabulary) -> Iterator[Proposal]:
    """Work on a copy of an argument, from the first line on."""
    if place.at or place.outer is not words.unit.tree:
        return
    for argument in words.unit.tree.args.args:
        if isinstance(words.unit.values.get(argument.arg), np.ndarray):
            call = ast.Attribute(ast.Name(argument.arg, ast.Load()), "copy", ast.Load())
            target = ast.Name(argument.arg, ast.Store())
            new = placed(ast.Assign([target], ast.Call(call, [], [])), place.statement)
            said = f"`{argument.arg}` is written to, which whoever gave it goes on using"
            yield Proposal(instead(place, new, place.statement), 1.6, said)


def saved(place: Place, words: Vocabulary) -> Iterator[Proposal]:
    """Save what another method reads and none has saved; return what was worked out."""
    unit, me = words.unit, words.unit.first_argument
    if place.outer is not unit.tree or place.at != len(place.body) - 1:
        return
    statement = place.statement
    if me is not None:
        for name in sorted(_read(words) - _written(words)):
            target = ast.Attribute(ast.Name(me, ast.Load()), name, ast.Store())
            for handle in words.arrays:
                new = placed(ast.Assign([clone(target)], handle.load()), statement)
                cost = 1.7 - 0.2 * likeness(name, handle.code)
                said = f"nothing is saved as `{me}.{name}` before this line"
                yield Proposal(instead(place, new, statement), cost, said)
    if not isinstance(statement, ast.Return | ast.Raise):
        for handle in words.arrays:
            new_return = placed(ast.Return(handle.load()), statement)
            said = "nothing is returned after this line"
            yield Proposal(instead(place, statement, new_return), 1.7, said)


def _read(words: Vocabulary) -> set[str]:
    return {a.attr for a in _attributes(words) if isinstance(a.ctx, ast.Load)} - set(
        dir(words.unit.owner)
    )


def _written(words: Vocabulary) -> set[str]:
    return {a.attr for a in _attributes(words) if isinstance(a.ctx, ast.Store)}


def _attributes(words: Vocabulary) -> Iterator[ast.Attribute]:
    for unit in (words.unit, *words.others):
        if unit.owner is None:
            continue
        for node in ast.walk(unit.tree):
            if isinstance(node, ast.Attribute) and text(node.value) == unit.first_argument:
                yield node


def neighbours(place: Place, words: Vocabulary) -> Iterator[Proposal]:
    """Do for one name what a statement does for another: the bias' step after the weights'."""
    statement = place.statement
    if not isinstance(statement, ast.Assign | ast.AugAssign):
        return
    target = statement.target if isinstance(statement, ast.AugAssign) else statement.targets[0]
    if not is_handle(target):
        return
    mine = text(target)
    used = {text(n): n for n in ast.walk(statement.value) if _reads(n)}
    said = f"a statement like {short(statement)} is missing after it"
    done: set[str] = set()
    for other in words.handles:
        if other.kind == "other" or other.code == mine:
            continue
        if isinstance(other.node, ast.Name) and isinstance(statement, ast.Assign):
            continue  # a local name has been given its value
        for swaps in swapped(used, words):
            new = renamed(statement, {mine: other, **swaps})
            code = key(new)
            if code not in done:
                done.add(code)
                cost = (
                    1.9
                    if all(_alike(mine, other.code, a, h.code) for a, h in swaps.items())
                    else 2.4
                )
                yield Proposal(instead(place, statement, placed(new, statement)), cost, said)


def _reads(node: ast.AST) -> bool:
    return is_handle(node) and isinstance(getattr(node, "ctx", None), ast.Load)


def swapped(used: Iterable[str], words: Vocabulary) -> Iterator[dict[str, Handle]]:
    """Yield what may stand for what in a statement like another one: nothing, or one name."""
    yield {}
    known = {handle.code: handle for handle in words.handles if handle.kind != "other"}
    for code in used:
        if code not in known:
            continue
        for handle in known.values():
            if handle.code != code and handle.kind == known[code].kind:
                yield {code: handle}


def _alike(mine: str, other: str, a: str, b: str) -> bool:
    """Return whether `a` is to `b` as `mine` is to `other`: dW to db as W to b."""
    stem, new = mine.split(".")[-1], other.split(".")[-1]
    return stem in a and a.replace(stem, new) == b


def renamed(node: Any, swaps: dict[str, Handle]) -> Any:
    """Return a new node with some handles in the place of others."""
    if isinstance(node, list):
        return [renamed(each, swaps) for each in node]
    if not isinstance(node, ast.AST):
        return node
    if isinstance(node, ast.expr) and is_handle(node) and (h := swaps.get(written(node))):
        return h.store() if isinstance(getattr(node, "ctx", None), ast.Store) else h.load()
    return type(node)(**{name: renamed(value, swaps) for name, value in ast.iter_fields(node)})


def own(place: Place, words: Vocabulary) -> Iterator[Proposal]:
    """Keep on the object what is kept on the class, which all objects share."""
    unit, me = words.unit, words.unit.first_argument
    if me is None or unit.owner is None or place.at or place.outer is not unit.tree:
        return
    for name, value in vars(unit.owner).items():
        if not isinstance(value, list | dict | np.ndarray) or name.startswith("__"):
            continue
        target = ast.Attribute(ast.Name(me, ast.Load()), name, ast.Store())
        nothing = _nothing(value, target, words)
        if nothing is not None:
            new = placed(ast.Assign([target], nothing), place.statement)
            said = f"`{me}.{name}` is the class' own, which all objects share"
            yield Proposal(instead(place, new, place.statement), 1.8, said)
