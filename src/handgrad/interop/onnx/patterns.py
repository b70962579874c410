"""Formulas of several operators, in the notation of Python: ``"Mul(x, Sigmoid(x))"``."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from handgrad.interop.onnx.views import Known, Node

__all__ = ["matched"]

_EITHER_WAY = {"Add", "Mul", "Max", "Min"}


def matched(node: Node, *patterns: str) -> dict[str, str] | None:
    """Return the values that a formula's names stand for, None where the node is none of these.

    An operator is written as a call, a number as itself; a name stands for any value, and for the
    same one, or an equal tensor, wherever it is written; ``y @ Exp(x)`` names what an operator
    makes.
    """
    for pattern in patterns:
        for found in _called(_parsed(pattern), node, {}):
            return found
    return None


@lru_cache
def _parsed(pattern: str) -> ast.Call:
    call = ast.parse(pattern, mode="eval").body
    assert isinstance(call, ast.Call)
    return call


def _called(call: ast.Call, node: Node, found: dict[str, str]) -> Iterator[dict[str, str]]:
    assert isinstance(call.func, ast.Name)
    if node.operator != call.func.id or len(node.inputs) != len(call.args):
        return
    if not node.option("keepdims", 1):  # what a mean leaves out stands elsewhere then
        return
    yield from _all(call.args, node.inputs, node, found)
    if node.operator in _EITHER_WAY:
        yield from _all(call.args, node.inputs[::-1], node, found)


def _all(
    wanted: list[ast.expr], names: list[str], node: Node, found: dict[str, str]
) -> Iterator[dict[str, str]]:
    if not wanted:
        yield found
        return
    for one in _is(wanted[0], names[0], node, found):
        yield from _all(wanted[1:], names[1:], node, one)


def _is(wanted: ast.expr, name: str, node: Node, found: dict[str, str]) -> Iterator[dict[str, str]]:
    if isinstance(wanted, ast.Call):
        maker = node.known.nodes.get(name)
        if maker is not None:
            yield from _called(wanted, maker, found)
    elif isinstance(wanted, ast.BinOp):
        for one in _is(wanted.left, name, node, found):
            yield from _is(wanted.right, name, node, one)
    elif isinstance(wanted, ast.Name):
        if wanted.id not in found:
            yield {**found, wanted.id: name}
        elif _same(found[wanted.id], name, node.known):
            yield found
    elif isinstance(wanted, ast.Constant):
        array = node.known.constants.get(name)
        if array is not None and array.size == 1:
            expected = float(wanted.value)  # type: ignore[arg-type]
            if abs(float(array.reshape(())) - expected) <= 1e-6 * max(1, abs(expected)):
                yield found


def _same(one: str, other: str, known: Known) -> bool:
    a, b = known.array(one), known.array(other)
    return one == other or (a is not None and b is not None and np.array_equal(a, b))
