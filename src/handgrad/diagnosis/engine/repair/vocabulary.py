"""The student's own names: what a function can say in place of what it says."""

from __future__ import annotations

import ast
import copy
import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property
from itertools import combinations
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from handgrad.diagnosis.engine.repair.edits import text
from handgrad.diagnosis.engine.repair.reading import forgotten, undefined
from handgrad.diagnosis.engine.repair.source import Unit

__all__ = ["Handle", "Vocabulary", "is_handle", "likeness"]


class Handle(NamedTuple):
    """A name, an attribute or an entry of a dict: ``x``, ``self.x``, ``cache["x"]``."""

    code: str
    node: ast.expr
    value: Any

    @property
    def kind(self) -> str:
        """Return "array", "number" or "other"."""
        return _kind(self.value)

    def load(self) -> ast.expr:
        """Return a new node that reads it."""
        return _as(self.node, ast.Load)

    def store(self) -> ast.expr:
        """Return a new node that writes it."""
        return _as(self.node, ast.Store)


def is_handle(node: ast.AST) -> bool:
    """Return whether an expression is a name, an attribute of one, or an entry by its key."""
    if isinstance(node, ast.Attribute):
        return node.attr not in _FUNCTIONS_OF_ARRAYS and is_handle(node.value)
    if isinstance(node, ast.Subscript):
        key = node.slice
        return (
            isinstance(key, ast.Constant) and isinstance(key.value, str) and is_handle(node.value)
        )
    return isinstance(node, ast.Name)


_ENTRIES = 8
"""The longest tuple whose entries are handles."""
_FUNCTIONS_OF_ARRAYS = frozenset(dir(np.ndarray))


@dataclass
class Vocabulary:
    """What one function can name, with the values that it held when it last ran.

    Parameters
    ----------
    unit
        The function.
    others
        The other functions of the student's, whose attributes of `self` it can name too.
    """

    unit: Unit
    others: Sequence[Unit] = ()

    @cached_property
    def handles(self) -> list[Handle]:
        """Everything that holds a value, each value once where it is given one name only."""
        found: dict[str, Handle] = {}
        for node in self._nodes():
            code = text(node)
            if code in found:
                continue
            value = self.value(node)
            mine = isinstance(node, ast.Name) or _root(node) in self.unit.values
            if value is not _NOTHING and mine and not _is_code(value):
                found[code] = Handle(code, node, value)
        named = {id(handle.value) for handle in found.values()}
        for handle in [h for h in found.values() if h.kind == "other"]:
            if handle.code != self.unit.first_argument:
                for part in self._parts(handle):
                    if isinstance(handle.value, dict) or id(part.value) not in named:
                        found.setdefault(part.code, part)
        return list(found.values())

    def _parts(self, handle: Handle) -> Iterator[Handle]:
        """Yield the arrays in a dict, and those of an object that the student names somewhere."""
        parts: dict[ast.expr, Any] = {}
        if isinstance(handle.value, dict):
            for key, value in handle.value.items():
                if isinstance(key, str):
                    parts[ast.Subscript(handle.load(), ast.Constant(key), ast.Load())] = value
        elif isinstance(handle.value, tuple) and len(handle.value) <= _ENTRIES:
            for i, value in enumerate(handle.value):
                parts[ast.Subscript(handle.load(), ast.Constant(i), ast.Load())] = value
        elif isinstance(handle.node, ast.Name) and hasattr(handle.value, "__dict__"):
            for name in sorted(self._identifiers):
                value = getattr(handle.value, name, None)
                parts[ast.Attribute(handle.load(), name, ast.Load())] = value
        for node, value in parts.items():
            if _kind(value) == "array":
                yield Handle(text(node), node, value)

    @cached_property
    def _identifiers(self) -> set[str]:
        """Return the attributes and the keys that the student names."""
        nodes = [n for unit in (self.unit, *self.others) for n in ast.walk(unit.tree)]
        found = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
        return found | {
            node.value
            for node in nodes
            if isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and node.value.isidentifier()
        }

    def _nodes(self) -> Iterator[ast.expr]:
        unit, me = self.unit, self.unit.first_argument
        for argument in ast.walk(unit.tree.args):
            if isinstance(argument, ast.arg) and argument.arg != me:
                yield ast.Name(argument.arg, ast.Load())
        for statement in unit.tree.body:
            for node in ast.walk(statement):
                if isinstance(node, ast.expr) and is_handle(node):
                    yield node
        for other in self.others:
            if me is None or other.owner is None or other is unit or other.first_argument is None:
                continue
            for statement in other.tree.body:
                for node in ast.walk(statement):
                    if (
                        isinstance(node, ast.expr)
                        and is_handle(node)
                        and _root(node) == other.first_argument
                        and not isinstance(node, ast.Name)
                    ):
                        yield _renamed(node, me)

    def value(self, node: ast.expr) -> Any:
        """Return what an expression is worth at the end of the function, if anything."""
        if isinstance(node, ast.Name):
            known = self.unit.values.get(node.id, _NOTHING)
            return (
                self.unit.function.__globals__.get(node.id, _NOTHING)
                if known is _NOTHING
                else known
            )
        if isinstance(node, ast.Attribute):
            inner = self.value(node.value)
            return _NOTHING if inner is _NOTHING else getattr(inner, node.attr, _NOTHING)
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
            inner = self.value(node.value)
            return inner.get(node.slice.value, _NOTHING) if isinstance(inner, dict) else _NOTHING
        return _NOTHING

    def of(self, kind: str) -> list[Handle]:
        """Return the handles of a kind."""
        return [handle for handle in self.handles if handle.kind == kind]

    @cached_property
    def arrays(self) -> list[Handle]:
        """The arrays."""
        return self.of("array")

    @cached_property
    def numbers(self) -> list[Handle]:
        """The numbers."""
        return self.of("number")

    @cached_property
    def counts(self) -> list[ast.expr]:
        """Numbers and sizes, each value once, in as few words as there are for it."""
        found: dict[float, tuple[int, ast.expr]] = {}

        def offer(value: Any, node: ast.expr, rank: int) -> None:
            number = float(value)
            if number not in found or rank < found[number][0]:
                found[number] = (rank, node)

        for handle in self.numbers:
            if not isinstance(handle.value, bool | np.bool_):
                offer(handle.value, handle.load(), 0)
                if isinstance(handle.value, float) and 0 < handle.value < 1:
                    one = ast.BinOp(ast.Constant(1), ast.Sub(), handle.load())
                    offer(1 - handle.value, one, 1)
        for handle in self.arrays:
            shape = ast.Attribute(handle.load(), "shape", ast.Load())
            for i, size in enumerate(handle.value.shape):
                offer(size, ast.Subscript(shape, ast.Constant(i), ast.Load()), 2 + i)
            offer(handle.value.size, ast.Attribute(handle.load(), "size", ast.Load()), 2)
        found.pop(1.0, None)
        found.pop(0.0, None)
        # A quotient has the value of another number by chance more often than not.
        quotients = {text(node): node for node in self._quotients}
        return [node for _, node in found.values()] + list(quotients.values())

    @cached_property
    def _quotients(self) -> list[ast.expr]:
        """Return what the function divides in whole numbers: ``C // G``."""
        nodes = [n for n in ast.walk(self.unit.tree) if isinstance(n, ast.BinOp)]
        names = [n for n in nodes if is_handle(n.left) and is_handle(n.right)]
        return [n for n in names if isinstance(n.op, ast.FloorDiv)]

    @cached_property
    def subscripts(self) -> list[ast.expr]:
        """What the function looks arrays up at, each once."""
        nodes = [node for each in self.unit.tree.body for node in ast.walk(each)]
        slices = [node.slice for node in nodes if isinstance(node, ast.Subscript)]
        return list({text(s): s for s in slices if not isinstance(s, ast.Constant)}.values())

    @cached_property
    def loops(self) -> list[str]:
        """The variables of its loops, the outer ones first."""
        loops = [node.target for node in ast.walk(self.unit.tree) if isinstance(node, ast.For)]
        names = [n.id for loop in loops for n in ast.walk(loop) if isinstance(n, ast.Name)]
        return list(dict.fromkeys(names))

    @cached_property
    def unread(self) -> list[ast.expr]:
        """What it is given, or works out, and never reads."""
        tree, known = self.unit.tree, {handle.code: handle for handle in self.handles}
        unread = [known[name] for name in forgotten(tree, is_handle) if name in known]
        found = [handle.load() for handle in unread if handle.kind != "other"]
        there = {text(node) for node in ast.walk(tree) if isinstance(node, ast.Subscript)}
        names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        for handle in known.values():
            node = handle.node
            if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
                entry = isinstance(node.slice.value, int) and handle.kind == "array"
                if entry and text(node.value) in names and handle.code not in there:
                    found.append(handle.load())
        return found

    @cached_property
    def undefined(self) -> list[str]:
        """What it reads, and nobody has defined."""
        return undefined(self.unit.function, self.unit.tree)

    @cached_property
    def entries(self) -> list[ast.expr]:
        """Entries of arrays that it reads or writes in its loops, and of those that it does not."""
        nodes = [n for n in ast.walk(self.unit.tree) if isinstance(n, ast.Subscript)]
        there = {
            text(node): ast.Subscript(node.value, node.slice, ast.Load())
            for node in nodes
            if is_handle(node.value)
            and any(isinstance(n, ast.Name) and n.id in self.loops for n in ast.walk(node.slice))
        }
        return [*there.values(), *self.unread_entries]

    @cached_property
    def unread_entries(self) -> list[ast.expr]:
        """Entries in a loop of arrays that it never reads."""
        found: dict[str, ast.expr] = {}
        for name in self.unread:
            shape = getattr(self.value(name), "shape", ())
            if not shape:
                found[text(name)] = name
                continue
            known = [s for s in self.subscripts if _length(s) == len(shape)]
            for loops in combinations(self.loops, len(shape)):
                # Each loop goes over one axis, the outer ones over the first.
                ends = [self.unit.values.get(loop) for loop in loops]
                if ends == [size - 1 for size in shape]:
                    names: list[ast.expr] = [ast.Name(loop, ast.Load()) for loop in loops]
                    known.append(ast.Tuple(names, ast.Load()) if len(names) > 1 else names[0])
            for index in known:
                entry = ast.Subscript(name, index, ast.Load())
                found.setdefault(text(entry), entry)
        return list(found.values())

    @cached_property
    def functions(self) -> list[tuple[ast.expr, int]]:
        """NumPy's functions of one argument or two that the student calls, with their number."""
        found: dict[str, tuple[ast.expr, int]] = {}
        for unit in (self.unit, *self.others):
            for node in ast.walk(unit.tree):
                if not isinstance(node, ast.Call) or node.keywords or len(node.args) > 2:
                    continue
                if (name := text(node.func)).startswith(("np.", "numpy.")):
                    found[name] = node.func, len(node.args)
        return list(found.values())

    @cached_property
    def means(self) -> list[tuple[list[ast.expr], list[ast.keyword]]]:
        """The arguments of the means that it takes, the array left out."""
        found: dict[str, tuple[list[ast.expr], list[ast.keyword]]] = {}
        for node in ast.walk(self.unit.tree):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            if node.func.attr in ("mean", "sum"):
                args = node.args[text(node.func.value) in ("np", "numpy") :]
                code = text(ast.Call(ast.Name("_", ast.Load()), args, node.keywords))
                found[code] = args, node.keywords
        return list(found.values())

    @cached_property
    def axes(self) -> int:
        """How many axes its arrays have at the most."""
        return max((handle.value.ndim for handle in self.arrays), default=0)


_NOTHING = object()


def likeness(a: str, b: str) -> float:
    """Return how much two names look like each other, between 0 and 1."""
    return SequenceMatcher(None, a, b).ratio()


def _length(index: ast.expr) -> int:
    """Return how many axes an index is for."""
    return len(index.elts) if isinstance(index, ast.Tuple) else 1


def _kind(value: Any) -> str:
    if isinstance(value, np.ndarray) and value.ndim:
        return "array"
    if isinstance(value, int | float | np.number | np.bool_ | np.ndarray):
        return "number"
    return "other"


def _is_code(value: Any) -> bool:
    return isinstance(value, ModuleType | type | np.ufunc) or inspect.isroutine(value)


def _root(node: ast.AST) -> str:
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _as(node: ast.expr, context: type[ast.expr_context]) -> ast.expr:
    if isinstance(node, ast.Attribute):
        return ast.Attribute(_as(node.value, ast.Load), node.attr, context())
    if isinstance(node, ast.Subscript):
        return ast.Subscript(_as(node.value, ast.Load), copy.copy(_bare(node.slice)), context())
    assert isinstance(node, ast.Name)
    return ast.Name(node.id, context())


def _bare(node: ast.expr) -> ast.expr:
    return ast.Constant(node.value) if isinstance(node, ast.Constant) else node


def _renamed(node: ast.expr, me: str) -> ast.expr:
    new = _as(node, ast.Load)
    inner: Any = new
    while not isinstance(inner, ast.Name):
        inner = inner.value
    inner.id = me
    return new
