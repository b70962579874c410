"""Which names a function reads: what it has and does not use, and what it uses and has not."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Iterator
from types import FunctionType

__all__ = ["forgotten", "undefined"]

_SHAPES = {"shape", "size", "ndim", "dtype", "len", "zeros_like", "ones_like", "empty_like"}


def forgotten(tree: ast.FunctionDef, hands_over: Callable[[ast.AST], bool]) -> list[str]:
    """Return the names that a function is given, or gives a value, and never reads.

    What it only unpacks, from what `hands_over` more than that, is there for whoever wants it.
    """
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    aside = {id(entry) for node in ast.walk(tree) for entry in _left_as_they_are(node)}
    reads = [node for node in names if isinstance(node.ctx, ast.Load)]
    read = {node.id for node in reads if id(node) not in aside}
    made = [argument.arg for argument in tree.args.args]
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and not hands_over(node.value):
            targets = [n for target in node.targets for n in ast.walk(target)]
            made += [n.id for n in targets if isinstance(n, ast.Name)]
    unread = (name for name in made if name not in read)
    return list(dict.fromkeys([*unread, *_carried(tree)]))


def _left_as_they_are(node: ast.AST) -> list[ast.expr]:
    """Return expressions of which only the shape is looked at, or that are only packed."""
    if isinstance(node, ast.Assign) and isinstance(node.value, ast.Tuple):
        return node.value.elts
    if isinstance(node, ast.Attribute) and node.attr in _SHAPES:
        return [node.value]
    if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in _SHAPES:
        return node.args
    return []


def _carried(tree: ast.AST) -> Iterator[str]:
    """Yield names that a loop gives another value in each step, and does not read in any."""
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    for loop in (node for node in ast.walk(tree) if isinstance(node, ast.For | ast.While)):
        inside = [n for s in loop.body for n in ast.walk(s) if isinstance(n, ast.Name)]
        read = {node.id for node in inside if isinstance(node.ctx, ast.Load)}
        stores = [node for node in names if isinstance(node.ctx, ast.Store)]
        before = {node.id for node in stores if node.lineno < loop.lineno}
        yield from (n.id for n in inside if n.id in before and n.id not in read)


def undefined(function: FunctionType, tree: ast.FunctionDef) -> list[str]:
    """Return the names that a function reads, and that nobody has defined."""
    nodes = list(ast.walk(tree))
    names = [node for node in nodes if isinstance(node, ast.Name)]
    known = {node.id for node in names if not isinstance(node.ctx, ast.Load)}
    known |= {node.arg for node in nodes if isinstance(node, ast.arg)}
    known |= {node.asname or node.name for node in nodes if isinstance(node, ast.alias)}
    known |= {*function.__globals__, *function.__code__.co_freevars, *dir(builtins)}
    read = dict.fromkeys(node.id for node in names if isinstance(node.ctx, ast.Load))
    return [name for name in read if name not in known]
