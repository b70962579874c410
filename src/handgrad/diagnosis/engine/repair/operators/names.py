"""Edits of names, counts, constants and indices."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import numpy as np

from handgrad.diagnosis.engine.repair.edits import Offer, Slot, clone, replaceable, short, written
from handgrad.diagnosis.engine.repair.operators.forgotten import extensible
from handgrad.diagnosis.engine.repair.vocabulary import Vocabulary, is_handle, likeness

__all__ = [
    "constants",
    "counts",
    "factors",
    "indices",
    "other_names",
    "ranges",
    "subscripts",
    "terms",
]


def other_names(slot: Slot, words: Vocabulary) -> Iterator[Offer]:
    """Put another of the student's names in a name's place."""
    node = slot.node
    if not is_handle(node) or not isinstance(node, ast.Name | ast.Attribute | ast.Subscript):
        return
    if isinstance(slot.parent, ast.Call) and slot.key == "func":
        return
    code = written(node)
    mine = next((h for h in words.handles if h.code == code), None)
    said = f"the name {short(node)}"
    reading = isinstance(node.ctx, ast.Load)
    for handle in words.handles:
        if handle.code == code or (mine is None and handle.kind == "other"):
            continue
        other = mine is not None and handle.kind != mine.kind
        cost = 1.6 - 0.3 * likeness(code, handle.code) + 0.3 * other + 0.5 * (not reading)
        yield Offer(handle.load() if reading else handle.store(), cost, said)


def counts(slot: Slot, words: Vocabulary) -> Iterator[Offer]:
    """Put another count in a count's place: rows for entries, 1 - p for p."""
    node, parent = slot.node, slot.parent
    code = written(node)
    if isinstance(parent, ast.Subscript | ast.keyword | ast.Slice) or not _is_count(node, words):
        return
    for count in words.counts:
        if (other := written(count)) != code:
            cost = 1.3 if f"1 - {code}" == other else 1.5
            yield Offer(clone(count), cost, f"the number {short(node)}")
    if not isinstance(node, ast.Constant):
        one = ast.BinOp(ast.Constant(1), ast.Sub(), node)
        yield Offer(one, 1.4, f"the number {short(node)}")
        yield Offer(ast.Constant(1), 1.5, f"the number {short(node)}")


def _is_count(node: ast.expr, words: Vocabulary) -> bool:
    if isinstance(node, ast.Constant):
        return isinstance(node.value, int | float) and not isinstance(node.value, bool)
    if isinstance(node, ast.Call):
        return written(node.func) == "len"
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Attribute):
        return node.value.attr == "shape"
    if isinstance(node, ast.Attribute) and node.attr in ("size", "ndim"):
        return True
    if is_handle(node) and isinstance(getattr(node, "ctx", None), ast.Load):
        code = written(node)
        return any(h.code == code for h in words.numbers)
    return False


def constants(slot: Slot, words: Vocabulary) -> Iterator[Offer]:
    """Put another number in a number's place."""
    node, parent = slot.node, slot.parent
    if not isinstance(node, ast.Constant):
        return
    said = f"the number {short(node)}"
    value = node.value
    if isinstance(value, bool):
        yield Offer(ast.Constant(not value), 1.3, f"the value {short(node)}")
    elif isinstance(value, str) and not isinstance(parent, ast.Expr | ast.JoinedStr):
        for other in sorted(_strings(words)):
            if other != value:
                yield Offer(ast.Constant(other), 1.7, f"the key {short(node)}")
    elif isinstance(value, int | float):
        tried: list[float | None] = [0, 1, 2, value + 1, value - 1, -value]
        if isinstance(parent, ast.Subscript | ast.keyword | ast.Slice | ast.Tuple):
            tried += [-1, None]
        else:
            tried += [value / 2, value * 2, 0.5]
        if value and isinstance(value, float):
            tried += [1 / value, 1 - value, value * value]
        if value == 1 and not isinstance(
            parent, ast.Subscript | ast.keyword | ast.Slice | ast.Tuple
        ):
            for count in words.counts:
                yield Offer(ast.BinOp(ast.Constant(1), ast.Div(), clone(count)), 1.9, said)
        if isinstance(parent, ast.Subscript | ast.Tuple) and isinstance(value, int):
            for handle in words.numbers:  # the variable of a loop, say
                if isinstance(handle.value, int | np.integer):
                    yield Offer(handle.load(), 1.6, said)
        done: set[object] = {value}
        for number in dict.fromkeys(tried):
            if number not in done:
                done.add(number)
                yield Offer(_number(number), 1.4, said)


def _number(value: float | None) -> ast.expr:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if value is not None and value < 0:
        return ast.UnaryOp(ast.USub(), ast.Constant(-value))
    return ast.Constant(value)


def _strings(words: Vocabulary) -> set[str]:
    """Return the keys of dicts that the function and its siblings use."""
    found = set()
    for unit in (words.unit, *words.others):
        for node in ast.walk(unit.tree):
            if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
                if isinstance(node.slice.value, str):
                    found.add(node.slice.value)
            elif isinstance(node, ast.Dict):
                found |= {
                    k.value
                    for k in node.keys
                    if isinstance(k, ast.Constant) and isinstance(k.value, str)
                }
    return found


def indices(slot: Slot, words: Vocabulary) -> Iterator[Offer]:
    """Go one step up or down in an index, or leave out a part of a slice."""
    node, parent = slot.node, slot.parent
    if isinstance(node, ast.Slice):
        said = f"the slice `{written(node)}`"
        parts = [node.lower, node.upper, node.step]
        for i, part in enumerate(parts):
            if part is not None:
                yield Offer(_slice([*parts[:i], None, *parts[i + 1 :]]), 1.3, said)
                for by in (1, -1):
                    if not isinstance(part, ast.Constant) and i < 2:
                        moved = [*parts[:i], _moved(part, by), *parts[i + 1 :]]
                        yield Offer(_slice(moved), 1.5, said)
        if node.step is None:
            backwards = ast.UnaryOp(ast.USub(), ast.Constant(1))
            yield Offer(ast.Slice(node.lower, node.upper, backwards), 1.6, said)
        if node.lower is None and node.upper is None:
            yield Offer(ast.Slice(ast.Constant(1), None), 1.6, said)
            yield Offer(ast.Slice(None, ast.UnaryOp(ast.USub(), ast.Constant(1))), 1.6, said)
        return
    inside = isinstance(parent, ast.Subscript) and slot.key == "slice"
    inside |= isinstance(parent, ast.Tuple) and isinstance(node, ast.Name | ast.BinOp)
    called = isinstance(parent, ast.Call) and written(parent.func) == "range"
    if (inside or called) and isinstance(
        node, ast.Name | ast.BinOp | ast.Attribute | ast.Subscript
    ):
        if isinstance(getattr(node, "ctx", None), ast.Store):
            return
        for by in (-1, 1):
            yield Offer(_moved(node, by), 1.5, f"the index {short(node)}")


def subscripts(slot: Slot, words: Vocabulary) -> Iterator[Offer]:
    """Look up what another array is looked up at; give an axis of size 1 to what is spread."""
    node, parent = slot.node, slot.parent
    if isinstance(parent, ast.Subscript) and slot.key == "slice":
        if not isinstance(node, ast.Constant) or isinstance(node.value, int):
            said = f"the index of {short(parent.value)}"
            for other in words.subscripts:
                yield Offer(clone(other), 1.8, said)
            if is_handle(parent.value):
                for spread in _spread(words.value(parent.value), words):
                    yield Offer(spread, 1.8, said)
        return
    if not is_handle(node) or not replaceable(slot) or isinstance(parent, ast.Attribute):
        return
    said = f"an index is missing in {short(node)}"
    value = words.value(node)
    if not isinstance(value, np.ndarray) or not value.ndim:
        return
    for other in (*words.subscripts, *_spread(value, words)):
        yield Offer(ast.Subscript(node, clone(other), ast.Load()), 2.1, said)


def _spread(value: Any, words: Vocabulary) -> Iterator[ast.expr]:
    """Yield indices that give an array further axes, up to those of the largest."""
    if not isinstance(value, np.ndarray) or not 0 < value.ndim < words.axes:
        return
    for total in range(value.ndim + 1, words.axes + 1):
        for kept in combinations(range(total), value.ndim):
            axes: list[ast.expr] = [
                ast.Slice() if i in kept else ast.Constant(None) for i in range(total)
            ]
            if not isinstance(axes[-1], ast.Slice):  # as NumPy does where the last are kept
                yield ast.Tuple(axes, ast.Load())


def _slice(parts: list[ast.expr | None]) -> ast.Slice:
    lower, upper, step = parts
    return ast.Slice(lower, upper, step)


def _moved(node: ast.expr, by: int) -> ast.expr:
    if (
        isinstance(node, ast.BinOp)
        and isinstance(node.op, ast.Sub if by > 0 else ast.Add)
        and isinstance(node.right, ast.Constant)
        and node.right.value == 1
    ):
        return node.left
    return ast.BinOp(node, ast.Add() if by > 0 else ast.Sub(), ast.Constant(1))


def ranges(slot: Slot, words: Vocabulary) -> Iterator[Offer]:
    """Loop in the other direction, or without the first or the last step."""
    node, parent = slot.node, slot.parent
    if not isinstance(parent, ast.For | ast.comprehension) or slot.key != "iter":
        return
    said = f"the order of the loop over {short(node)}"
    called = written(node.func) if isinstance(node, ast.Call) else ""
    if called != "reversed":
        inner = ast.Call(ast.Name("list", ast.Load()), [node], []) if called != "range" else node
        yield Offer(ast.Call(ast.Name("reversed", ast.Load()), [inner], []), 1.4, said)
    if called == "range" and isinstance(node, ast.Call) and len(node.args) == 1:
        new = ast.Call(node.func, [ast.Constant(1), node.args[0]], [])
        yield Offer(new, 1.6, f"the range of the loop, {short(node)}")


def factors(slot: Slot, words: Vocabulary) -> Iterator[Offer]:
    """Multiply by a count or an array, or divide by it."""
    node, parent = slot.node, slot.parent
    if not extensible(slot):
        return
    if isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Mult | ast.Div):
        return  # the whole product gets the factor
    said = f"a factor is missing in {short(node)}"
    for count in words.counts:
        yield Offer(ast.BinOp(node, ast.Div(), clone(count)), 1.9, said)
        yield Offer(ast.BinOp(node, ast.Mult(), clone(count)), 2.1, said)
    yield Offer(ast.BinOp(node, ast.Mult(), ast.Constant(2)), 2.0, said)
    yield Offer(ast.BinOp(node, ast.Div(), ast.Constant(2)), 2.2, said)
    code = written(node)
    for handle in words.arrays:
        if handle.code != code:
            yield Offer(ast.BinOp(node, ast.Mult(), handle.load()), 2.2, said)
            yield Offer(ast.BinOp(node, ast.Div(), handle.load()), 2.6, said)
            yield Offer(ast.BinOp(node, ast.MatMult(), handle.load()), 2.9, said)
            turned = ast.Attribute(handle.load(), "T", ast.Load())
            yield Offer(ast.BinOp(node, ast.MatMult(), turned), 2.9, said)


def terms(slot: Slot, words: Vocabulary) -> Iterator[Offer]:
    """Add a name or a number, or take it away."""
    node, parent = slot.node, slot.parent
    if not extensible(slot):
        return
    if isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Add | ast.Sub):
        return
    said = f"a term is missing in {short(node)}"
    code = written(node)
    others = [h for h in (*words.arrays, *words.numbers) if h.code != code]
    for handle in others:
        yield Offer(ast.BinOp(node, ast.Add(), handle.load()), 2.5, said)
        yield Offer(ast.BinOp(node, ast.Sub(), handle.load()), 2.7, said)
    for number in (1, -1):
        yield Offer(_moved(node, number), 2.6, said)
