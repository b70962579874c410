"""What an edit is: a few places in a syntax tree, and what is to stand there."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, TypeVar

from handgrad.diagnosis.engine.repair.source import Unit

__all__ = [
    "COMPOUND",
    "Change",
    "Edit",
    "Offer",
    "Slot",
    "Texts",
    "applied",
    "clone",
    "header",
    "key",
    "placed",
    "remembered",
    "replaceable",
    "short",
    "slots",
    "statements",
    "text",
    "written",
]

_BODIES = ("body", "orelse", "finalbody", "handlers", "cases")
COMPOUND = (ast.For, ast.While, ast.If, ast.With, ast.Try)
"""Statements in which others stand."""
_Node = TypeVar("_Node", bound=ast.AST)


class Change(NamedTuple):
    """A place, which is a field of a node or an entry of a list, and what is to stand there."""

    holder: Any
    key: Any
    new: Any


class Slot(NamedTuple):
    """An expression, the place where it stands, and the node around it."""

    holder: Any
    key: str | int
    node: ast.expr
    parent: ast.AST

    def change(self, new: ast.AST) -> Change:
        """Return the change that puts something else in this place."""
        return Change(self.holder, self.key, placed(new, self.node))


class Offer(NamedTuple):
    """An expression that may stand in a slot, how unlikely that is, and what is wrong then."""

    new: ast.expr
    cost: float
    words: str


@dataclass(frozen=True, eq=False)
class Edit:
    """A small change of one function.

    Parameters
    ----------
    unit
        The function.
    statement
        The statement that is changed, whose line is told.
    changes
        What is to stand where.
    cost
        How unlikely a mistake is that this mends, 1 for the likely ones.
    words
        What is wrong there, without what is right: "the factor `/ m`".
    """

    unit: Unit
    statement: ast.stmt
    changes: tuple[Change, ...]
    cost: float
    words: str

    @cached_property
    def olds(self) -> tuple[Any, ...]:
        """What stood in the places of the changes when this was first asked."""
        return tuple(
            holder[key] if isinstance(holder, list) else getattr(holder, key)
            for holder, key, _ in self.changes
        )


@contextmanager
def applied(*edits: Edit) -> Iterator[None]:
    """Make edits in their trees, and take them back at the end."""
    before = []
    for edit in edits:
        for holder, key, new in edit.changes:
            before.append(Change(holder, key, _swap(holder, key, new)))
    try:
        yield
    finally:
        for holder, key, old in reversed(before):
            _swap(holder, key, old)


def _swap(holder: Any, key: Any, new: Any) -> Any:
    if isinstance(holder, list):
        old, holder[key] = holder[key], new
    else:
        old = getattr(holder, key)
        setattr(holder, key, new)
    return old


def placed(new: _Node, like: ast.AST) -> _Node:
    """Give the nodes that were made for an edit the line of what they replace."""
    if isinstance(new, ast.expr | ast.stmt) and hasattr(new, "lineno"):
        return new
    if isinstance(new, ast.expr | ast.stmt | ast.keyword | ast.arg):
        ast.copy_location(new, like)
    for child in ast.iter_child_nodes(new):
        placed(child, like)
    return new


def clone(node: _Node) -> _Node:
    """Return a copy of an expression that has no line yet."""
    fields: dict[str, Any] = {}
    for name, value in ast.iter_fields(node):
        if isinstance(value, list):
            fields[name] = [clone(v) if isinstance(v, ast.AST) else v for v in value]
        else:
            fields[name] = clone(value) if isinstance(value, ast.AST) else value
    return type(node)(**fields)


def slots(statement: ast.stmt) -> Iterator[Slot]:
    """Yield every expression in a statement, those of the statements inside it left out."""
    waiting: list[ast.AST] = [statement]
    while waiting:
        parent = waiting.pop(0)
        for name, value in ast.iter_fields(parent):
            if name in _BODIES and not isinstance(parent, ast.expr):
                continue
            children: list[tuple[Any, str | int, Any]]
            if isinstance(value, list):
                children = [(value, i, node) for i, node in enumerate(value)]
            else:
                children = [(parent, name, value)]
            for holder, key, node in children:
                if isinstance(node, ast.expr):
                    yield Slot(holder, key, node, parent)
                if isinstance(node, ast.AST):
                    waiting.append(node)


def replaceable(slot: Slot) -> bool:
    """Return whether an expression may be replaced as a whole."""
    node, parent = slot.node, slot.parent
    if isinstance(parent, ast.Attribute | ast.keyword | ast.Slice):
        return False
    if isinstance(parent, ast.Call) and slot.key == "func":
        return False
    if isinstance(node, ast.Name | ast.Attribute | ast.Subscript):
        return isinstance(node.ctx, ast.Load) and not isinstance(parent, ast.Subscript)
    return isinstance(node, ast.BinOp | ast.UnaryOp | ast.Call | ast.Compare | ast.IfExp)


def statements(body: list[ast.stmt]) -> Iterator[tuple[list[ast.stmt], int, ast.stmt]]:
    """Yield every statement of a body, at whatever depth, with the list and place it stands in."""
    for i, statement in enumerate(body):
        yield body, i, statement
        for name in _BODIES:
            for inner in getattr(statement, name, []):
                if isinstance(inner, ast.stmt):
                    yield from statements(getattr(statement, name))
                    break
                yield from statements(inner.body)


def header(statement: ast.stmt) -> ast.stmt:
    """Return a statement without the statements inside it."""
    if not isinstance(statement, COMPOUND):
        return statement
    bodies = {name: [ast.Pass()] if name == "body" else [] for name in _BODIES}
    fields = {name: bodies.get(name, value) for name, value in ast.iter_fields(statement)}
    return ast.copy_location(type(statement)(**fields), statement)


Texts = dict[int, tuple[ast.AST, str]]
"""The code of nodes, by their identity."""
_texts: Texts | None = None


@contextmanager
def remembered(texts: Texts) -> Iterator[None]:
    """Write out each of the student's expressions once, and note it, while none is changed."""
    global _texts
    before, _texts = _texts, texts
    try:
        yield
    finally:
        _texts = before


def text(node: ast.AST) -> str:
    """Return a node as code."""
    return ast.unparse(node)


def written(node: ast.AST) -> str:
    """Return one of the student's own nodes as code, which is `remembered`."""
    if _texts is None:
        return text(node)
    known = _texts.get(id(node))
    if known is None:
        known = _texts[id(node)] = (node, text(node))
    return known[1]


def key(node: ast.AST) -> str:
    """Return what tells a new expression from others, in less time than its code takes."""
    if hasattr(node, "lineno"):
        return written(node)
    parts = [type(node).__name__]
    for name in node._fields:
        value = getattr(node, name, None)
        values = value if isinstance(value, list) else (value,)
        parts += [key(each) if isinstance(each, ast.AST) else repr(each) for each in values]
    return f"({' '.join(parts)})"


def short(node: ast.AST, most: int = 40) -> str:
    """Return a node as code for a sentence, cut where it is long."""
    code = " ".join(written(node).split())
    return f"`{code}`" if len(code) <= most else f"`{code[: most - 3]}...`"
