"""Call templates: how a course writes down a call, ``affine_forward(x, weights) -> output, cache``.

They are read as Python is, and only names, numbers, strings, arithmetic, tuples, dicts and the two
functions `zeros` and `ones` may stand in them: nothing in a course file can run anything else.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import prod
from types import CodeType
from typing import Any

import numpy as np

from handgrad.errors import ArgumentError

__all__ = ["FUNCTIONS", "Call", "Expression", "Pattern", "read_call"]

LARGEST = 1 << 20
"""Of numbers in an expression, and of entries that `zeros` and `ones` make."""


def _entries(shape: tuple[int, ...]) -> tuple[int, ...]:
    if prod(shape) > LARGEST:
        raise ValueError(f"an array with the axes {shape} is too large")
    return shape


FUNCTIONS = {
    "zeros": lambda *shape: np.zeros(_entries(shape)),
    "ones": lambda *shape: np.ones(_entries(shape)),
}
"""What an expression may call."""

_ALLOWED = (
    ast.Expression, ast.Name, ast.Load, ast.Constant, ast.Tuple, ast.List, ast.Dict, ast.BinOp,
    ast.UnaryOp, ast.Compare, ast.unaryop, ast.cmpop, ast.Call,
    ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod,
)  # fmt: skip


def _adds(node: ast.expr) -> bool:
    """Return whether something may be added and multiplied."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, int | float)
    return isinstance(node, ast.Name | ast.BinOp | ast.UnaryOp | ast.Call)


@dataclass(frozen=True)
class Expression:
    """What an argument is made of: ``x``, ``1 - p``, ``{"mode": mode}``, ``zeros(H, 1)``."""

    text: str
    names: frozenset[str]
    code: CodeType

    @classmethod
    def read(cls, text: str, where: str) -> Expression:
        """Read an expression; `where` says in messages where it stands."""
        return cls.of(_parsed(text, where, _no_expression), where)

    @classmethod
    def of(cls, node: ast.expr, where: str) -> Expression:
        """Make an expression of what Python has read."""
        text = ast.unparse(node)
        for inner in ast.walk(node):
            called = getattr(inner.func, "id", "") if isinstance(inner, ast.Call) else None
            if not isinstance(inner, _ALLOWED) or called not in (None, *FUNCTIONS):
                raise _no_expression(text, where)
            if isinstance(inner, ast.BinOp) and not (_adds(inner.left) and _adds(inner.right)):
                raise _no_expression(text, where)  # a text times a number may be of any length
            number = inner.value if isinstance(inner, ast.Constant) else 0
            if isinstance(number, int) and number > LARGEST:
                raise _no_expression(text, where)
        names = {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}
        code = compile(ast.Expression(node), "<course>", "eval")
        return cls(text, frozenset(names - set(FUNCTIONS)), code)

    def value(self, scope: Mapping[str, Any]) -> Any:
        """Return what it comes to where the names have these values."""
        known = {name: scope[name] for name in self.names}
        return eval(self.code, {"__builtins__": {}, **FUNCTIONS, **known})


@dataclass(frozen=True)
class Pattern:
    """What comes back: a name, several in a row, or a dict of them."""

    name: str = ""
    parts: tuple[Pattern, ...] = ()
    keys: tuple[str, ...] = ()

    @property
    def names(self) -> Iterator[str]:
        """Every name in it; one that begins with an underscore is not looked at."""
        if self.name and not self.name.startswith("_"):
            yield self.name
        for part in self.parts:
            yield from part.names

    def __str__(self) -> str:
        if self.keys:
            return "a dict with " + ", ".join(self.keys)
        return self.name or ", ".join(str(part) for part in self.parts)

    def take(self, value: Any) -> Iterator[tuple[str, Any]]:
        """Yield each name with what came back for it; a ValueError says what does not fit."""
        if self.keys:
            if not isinstance(value, Mapping):
                raise ValueError(f"{type(value).__name__} in place of {self}")
            missing = [key for key in self.keys if key not in value]
            if missing:
                there = ", ".join(map(str, value))
                raise ValueError(f"no {missing[0]!r} in what came back: {there}")
            values = [value[key] for key in self.keys]
        elif self.parts:
            if not isinstance(value, tuple | list) or len(value) != len(self.parts):
                count = f"{len(value)} values" if isinstance(value, tuple | list) else "one value"
                raise ValueError(f"{count} in place of {len(self.parts)}: {self}")
            values = list(value)
        else:
            if not self.name.startswith("_"):
                yield self.name, value
            return
        for part, inner in zip(self.parts, values, strict=True):
            yield from part.take(inner)


@dataclass(frozen=True)
class Call:
    """A call: what is called, with what, and what comes back.

    `path` is a dotted name; `arguments` are in order, `keywords` by name.
    """

    text: str
    path: tuple[str, ...]
    arguments: tuple[Expression, ...]
    keywords: tuple[tuple[str, Expression], ...]
    results: Pattern

    @property
    def name(self) -> str:
        """The dotted name of what is called."""
        return ".".join(self.path)

    @property
    def names(self) -> frozenset[str]:
        """Every name in the arguments."""
        every = (*self.arguments, *(value for _, value in self.keywords))
        return frozenset().union(*(each.names for each in every))

    def bound(self, scope: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        """Return the arguments where the names have these values."""
        keywords = {name: each.value(scope) for name, each in self.keywords}
        return [each.value(scope) for each in self.arguments], keywords


def read_call(text: str, where: str) -> Call:
    """Read a call template; `where` says in messages where it stands."""
    called, arrow, results = text.partition("->")
    node = _parsed(called, where)
    path = _dotted(node.func) if isinstance(node, ast.Call) else ()
    if (
        not isinstance(node, ast.Call)
        or not path
        or any(each.arg is None for each in node.keywords)
    ):
        raise _unreadable(text, where)
    keywords = tuple(
        (each.arg, Expression.of(each.value, where)) for each in node.keywords if each.arg
    )
    arguments = tuple(Expression.of(each, where) for each in node.args)
    pattern = _pattern(_parsed(results, where), text, where) if arrow else Pattern("_")
    names = list(pattern.names)
    if twice := {name for name in names if names.count(name) > 1}:
        raise ArgumentError(
            f"{min(twice)} twice among what comes back in {text.strip()!r}, in {where}",
            "each result once",
            "write _ for what is not looked at",
        )
    return Call(text.strip(), path, arguments, keywords, pattern)


def _parsed(
    text: str, where: str, unreadable: Callable[[str, str], ArgumentError] | None = None
) -> ast.expr:
    try:
        return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise (unreadable or _unreadable)(text, where) from error


def _no_expression(text: str, where: str) -> ArgumentError:
    return ArgumentError(
        f"{text.strip()!r} in {where}",
        "names, numbers, strings, arithmetic, tuples, dicts, zeros(...) and ones(...)",
        "write the name of what is passed, for instance x, p or 1 - p",
    )


def _unreadable(text: str, where: str) -> ArgumentError:
    return ArgumentError(
        f"{text.strip()!r} in {where}",
        "a call and what comes back, as in 'affine_forward(x, weights, bias) -> output, cache'",
        "write the function's name, its arguments in brackets, an arrow, and the results",
    )


def _dotted(node: ast.expr) -> tuple[str, ...]:
    """Return the parts of a dotted name, nothing where it is none."""
    if isinstance(node, ast.Attribute):
        before = _dotted(node.value)
        return (*before, node.attr) if before else ()
    return (node.id,) if isinstance(node, ast.Name) else ()


def _pattern(node: ast.expr, text: str, where: str) -> Pattern:
    if isinstance(node, ast.Name):
        return Pattern(node.id)
    if isinstance(node, ast.Tuple | ast.List):
        return Pattern(parts=tuple(_pattern(each, text, where) for each in node.elts))
    if isinstance(node, ast.Dict) and all(isinstance(key, ast.Constant) for key in node.keys):
        keys = tuple(str(key.value) for key in node.keys if isinstance(key, ast.Constant))
        return Pattern(parts=tuple(_pattern(e, text, where) for e in node.values), keys=keys)
    raise _unreadable(text, where)
