"""Repairs that are none, though everything comes out right."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Sequence
from typing import TypeGuard

from handgrad.diagnosis.engine.repair.edits import Edit, applied, text
from handgrad.diagnosis.engine.repair.source import Unit
from handgrad.diagnosis.engine.repair.vocabulary import is_handle

__all__ = ["dead", "refused"]

_NUMERICAL = re.compile("numeric|approx|finite|check|eval_grad")
_ENDS = ast.Return | ast.Raise | ast.Continue | ast.Break


def refused(edits: Sequence[Edit]) -> bool:
    """Return whether edits leave a condition that is always the same, lines that never run, ...

    ... or a call of a function that differentiates by differences.
    """
    units = list(dict.fromkeys(edit.unit for edit in edits))
    before = [_faults(unit) for unit in units]
    with applied(*edits):
        after = [_faults(unit) for unit in units]
    return any(new - old for old, new in zip(before, after, strict=True))


def _faults(unit: Unit) -> Counter[str]:
    found: Counter[str] = Counter()
    for node in ast.walk(unit.tree):
        if isinstance(node, ast.Compare) and len(node.ops) == 1:
            sides = node.left, node.comparators[0]
            if text(sides[0]) == text(sides[1]) or all(isinstance(s, ast.Constant) for s in sides):
                found["a comparison that is always the same"] += 1
        elif isinstance(node, ast.If | ast.IfExp | ast.While) and _fixed(node.test):
            found["a condition that is always the same"] += 1
        elif isinstance(node, ast.Call) and _NUMERICAL.search(text(node.func)):
            found[f"a call of {text(node.func)}"] += 1
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
            zeros = [s for s in (node.left, node.right) if isinstance(s, ast.Constant)]
            found["a product with 0"] += sum(s.value == 0 for s in zeros)
        elif _from_1(node) and _from_1(node.right):
            found["what is taken from 1 twice"] += 1
        elif isinstance(node, ast.Return | ast.Assign):
            sums = [_has_a_number_added(each, unit) for each in _results(node)]
            found["a number added to a result"] += sum(sums)
        for name in ("body", "orelse", "finalbody"):
            body = getattr(node, name, None)
            if isinstance(body, list) and any(isinstance(s, _ENDS) for s in body[:-1]):
                found["lines that never run"] += 1
    return found


def _from_1(node: ast.AST) -> TypeGuard[ast.BinOp]:
    if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Sub):
        return False
    return isinstance(node.left, ast.Constant) and node.left.value == 1


def _results(statement: ast.Return | ast.Assign) -> list[ast.expr]:
    """Return what is worked out of results that are there: those that are returned, or changed."""
    value = statement.value
    if isinstance(statement, ast.Return) and isinstance(value, ast.Tuple):
        return value.elts
    if not isinstance(value, ast.BinOp):
        return []
    if isinstance(statement, ast.Return):
        return [value] if is_handle(value.left) else []
    names = {text(node) for node in ast.walk(value) if isinstance(node, ast.Name)}
    return [value] if any(text(target) in names for target in statement.targets) else []


def _has_a_number_added(node: ast.expr, unit: Unit) -> bool:
    if not isinstance(node, ast.BinOp):
        return False
    if isinstance(node.op, ast.Mult | ast.Div):  # a sum that is divided
        return _has_a_number_added(node.left, unit)
    other = node.right
    number = isinstance(unit.values.get(other.id), int) if isinstance(other, ast.Name) else False
    return isinstance(node.op, ast.Add | ast.Sub) and (number or isinstance(other, ast.Constant))


def _fixed(test: ast.expr) -> bool:
    if isinstance(test, ast.UnaryOp):
        return _fixed(test.operand)
    return isinstance(test, ast.Constant)


def dead(edits: Sequence[Edit]) -> int:
    """Return how many more names are worked out for nothing than before the edits."""
    units = list(dict.fromkeys(edit.unit for edit in edits))
    before = [_unused(unit) for unit in units]
    with applied(*edits):
        after = [_unused(unit) for unit in units]
    return sum(len(new) - len(old) for old, new in zip(before, after, strict=True))


def _unused(unit: Unit) -> set[str]:
    """Return the local names that are written and never read, counts not among them."""
    names = [node for node in ast.walk(unit.tree) if isinstance(node, ast.Name)]
    read = {node.id for node in names if isinstance(node.ctx, ast.Load)}
    written = {node.id for node in names if isinstance(node.ctx, ast.Store)}
    return {n for n in written - read if not isinstance(unit.values.get(n), int)}
