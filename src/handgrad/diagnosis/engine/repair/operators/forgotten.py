"""Edits that use what a function has worked out and never reads, and what its formula lacks."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from handgrad.diagnosis.engine.repair.edits import Offer, Slot, clone, replaceable, short, written
from handgrad.diagnosis.engine.repair.vocabulary import Vocabulary, is_handle

__all__ = [
    "SIZED",
    "centred",
    "derivatives",
    "entries",
    "extensible",
    "joinable",
    "place",
    "stabilized",
    "unread",
]

SIZED = {"range", "arange", "len", "isinstance", "zeros", "ones", "empty", "full", "eye"}
SIZED |= {"rand", "randn", "random", "random_sample", "tile", "repeat", "reshape"}
"""Functions that are given no quantities, but sizes of what may become very large."""
_PRODUCTS = (ast.Mult, ast.Div, ast.MatMult)
_SUMS = (ast.Add, ast.Sub)
_JOINED: tuple[tuple[type[ast.operator], float], ...] = (
    (ast.Mult, 1.6),
    (ast.Add, 1.7),
    (ast.Sub, 1.8),
    (ast.Div, 1.9),
)
"""How an operand may be missing, and how unlikely that is."""


def unread(slot: Slot, words: Vocabulary) -> Iterator[Offer]:
    """Read a name that nobody reads: in an expression's place, as a factor, as a term."""
    node = slot.node
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        for name in words.unread:
            new = ast.Compare(node.left, [ast.Eq()], [clone(name)])
            yield Offer(new, 1.5, f"the comparison {short(node)}")
    within = _has_entries(node, words)
    for name in (*words.unread, *(words.unread_entries if within else ())):
        if replaceable(slot):
            yield Offer(clone(name), 1.5, f"the expression {short(node)}")
        for op, cost in _JOINED:
            if joinable(slot, op):
                new_sum = ast.BinOp(node, op(), clone(name))
                yield Offer(new_sum, cost + place(slot, op), _missing(op, node))


def entries(slot: Slot, words: Vocabulary) -> Iterator[Offer]:
    """Read another entry of an array in a loop, or read one more."""
    node = slot.node
    if not _has_entries(node, words):
        return
    code = written(node)
    for entry in words.entries:
        if written(entry) == code:
            continue
        if isinstance(node, ast.Subscript) and replaceable(slot):
            yield Offer(clone(entry), 1.8, f"the entry {short(node)}")
        for op, cost in _JOINED:
            if joinable(slot, op):
                new = ast.BinOp(node, op(), clone(entry))
                yield Offer(new, cost + 0.5 + place(slot, op), _missing(op, node))


def _missing(op: type[ast.operator], node: ast.expr) -> str:
    what = "factor" if issubclass(op, _PRODUCTS) else "term"
    return f"a {what} is missing in {short(node)}"


def joinable(slot: Slot, op: type[ast.operator]) -> bool:
    """Return whether an expression may get an operand, and nothing around it gets it as well."""
    if not extensible(slot):
        return False
    around = _PRODUCTS if issubclass(op, _PRODUCTS) else _SUMS
    return not isinstance(slot.parent, ast.BinOp) or not isinstance(slot.parent.op, around)


def place(slot: Slot, op: type[ast.operator]) -> float:
    """Return what it costs to join an operand here, next to other places where it may be missing.

    It is missing where the like of it stands, rather than where something is handed over.
    """
    alike = _PRODUCTS if issubclass(op, _PRODUCTS) else _SUMS
    there = isinstance(slot.node, ast.BinOp) and isinstance(slot.node.op, alike)
    return 0.1 * isinstance(slot.parent, ast.Call) - 0.1 * there


def _has_entries(node: ast.expr, words: Vocabulary) -> bool:
    """Return whether an expression reads entries of arrays that a loop goes over."""
    return any(
        isinstance(n, ast.Name) and n.id in words.loops
        for each in ast.walk(node)
        if isinstance(each, ast.Subscript)
        for n in ast.walk(each.slice)
    )


def extensible(slot: Slot) -> bool:
    """Return whether an expression may get a factor or a term."""
    node, parent = slot.node, slot.parent
    if isinstance(node, ast.Name | ast.Attribute | ast.Subscript):
        if not isinstance(node.ctx, ast.Load) or getattr(node, "attr", "") == "shape":
            return False
    elif not isinstance(node, ast.BinOp | ast.Call | ast.UnaryOp | ast.Compare):
        return False
    if isinstance(parent, ast.Attribute | ast.Subscript | ast.Starred | ast.Slice):
        return False
    if isinstance(parent, ast.keyword) and parent.arg in ("size", "shape", "axis"):
        return False
    if isinstance(parent, ast.Call):
        return slot.key != "func" and written(parent.func).rpartition(".")[2] not in SIZED
    return not isinstance(parent, ast.For | ast.If | ast.comprehension | ast.Compare)


def stabilized(slot: Slot, words: Vocabulary) -> Iterator[Offer]:
    """Take the largest entry away before the exponential."""
    node, parent = slot.node, slot.parent
    exponentials = {
        written(each.args[0])
        for each in ast.walk(words.unit.tree)
        if isinstance(each, ast.Call) and each.args and written(each.func).endswith(".exp")
    }
    if isinstance(parent, ast.Assign) and slot.key == "value":
        inside = any(written(target) in exponentials for target in parent.targets)
    else:
        inside = isinstance(parent, ast.Call) and written(parent.func).endswith(".exp")
    if not inside or "max" in written(node):
        return
    said = f"the exponential of {short(node)} is infinite where that is large"
    kept = ast.keyword("keepdims", ast.Constant(True))
    last = ast.UnaryOp(ast.USub(), ast.Constant(1))
    for axis in (None, ast.Constant(1), ast.Constant(0), last):
        along = [ast.keyword("axis", axis), kept] if axis else []
        whole = ast.Call(ast.Attribute(node, "max", ast.Load()), [], along)
        cost = 1.6 + 0.1 * (not is_handle(node)) + 0.05 * isinstance(parent, ast.Call)
        yield Offer(ast.BinOp(node, ast.Sub(), whole), cost, said)


def centred(slot: Slot, words: Vocabulary) -> Iterator[Offer]:
    """Take the mean away, along the axis of a mean that is there."""
    node = slot.node
    if not is_handle(node) or not extensible(slot):
        return
    if not isinstance(slot.parent, ast.BinOp | ast.Assign | ast.Return | ast.Tuple):
        return
    said = f"the mean of {short(node)} is not taken from it"
    for form in words.means:
        mean = ast.Call(ast.Attribute(node, "mean", ast.Load()), *form)
        aside = isinstance(slot.parent, ast.Return | ast.Tuple)
        yield Offer(ast.BinOp(node, ast.Sub(), mean), 1.9 + 0.1 * aside, said)


def derivatives(slot: Slot, words: Vocabulary) -> Iterator[Offer]:
    """Take the derivative of tanh for that of the sigmoid, or the other way round."""
    node = slot.node
    if not isinstance(node, ast.BinOp):
        return
    said = f"the derivative in {short(node)}"
    one = ast.Constant(1)
    if isinstance(node.op, ast.Sub) and written(node.left) in ("1", "1.0"):
        right = node.right
        if isinstance(right, ast.BinOp) and isinstance(right.op, ast.Pow | ast.Mult):
            value = right.left
            new = ast.BinOp(value, ast.Mult(), ast.BinOp(one, ast.Sub(), value))
            yield Offer(new, 1.4, said)
    elif isinstance(node.op, ast.Mult):
        factors = [node.right]
        left = node.left
        factors = [left.right, node.right] if isinstance(left, ast.BinOp) else [left, node.right]
        taken = [f.right for f in factors if isinstance(f, ast.BinOp) and isinstance(f.op, ast.Sub)]
        for value in taken:
            if written(value) in [written(factor) for factor in factors]:
                square = ast.BinOp(value, ast.Pow(), ast.Constant(2))
                slope: ast.expr = ast.BinOp(one, ast.Sub(), square)
                if isinstance(left, ast.BinOp) and isinstance(left.op, ast.Mult):
                    slope = ast.BinOp(left.left, ast.Mult(), slope)
                yield Offer(slope, 1.4, said)
