"""Edits of slices and windows: cut off, shifted, with steps, at the start or at the number."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from handgrad.diagnosis.engine.repair.edits import Offer, Slot, clone, replaceable, short, written
from handgrad.diagnosis.engine.repair.vocabulary import Handle, Vocabulary, is_handle

__all__ = ["crops", "windows"]


def windows(slot: Slot, words: Vocabulary) -> Iterator[Offer]:
    """Look somewhere else in the same way along all axes: by one, by the padding, by the stride."""
    node, parent = slot.node, slot.parent
    if not isinstance(parent, ast.Subscript) or slot.key != "slice":
        return
    said = f"the window `{written(node)}` of {short(parent.value)}"
    for new, cost in _others(node, words):
        if new is not None:
            yield Offer(new, cost, said)


def _others(node: ast.expr, words: Vocabulary) -> Iterator[tuple[ast.expr | None, float]]:
    """Yield what could stand in the place of an index."""
    for names in _starts(words):
        for by in (names, {start.id: ast.Name(at, ast.Load()) for at, start in names.items()}):
            yield _with_names(node, by), 1.5
    parts = list(node.elts) if isinstance(node, ast.Tuple) else [node]
    forms: list[list[ast.expr | None]] = [[_shifted(part) for part in parts]]
    forms.append([_ended(part) for part in parts])
    begins = [start for names in _starts(words) for start in names.values()]
    forms += [[_within(part, start) for part in parts] for start in begins]
    sizes = [h for h in words.numbers if isinstance(h.value, int | np.integer)]
    for handle in sizes:
        if handle.value >= 0:
            forms.append([_moved(part, handle) for part in parts])
            forms.append([_at_steps(part, handle) for part in parts])
            forms.append([_with_steps(part, handle) for part in parts])
    for form in forms:
        changed = [i for i, part in enumerate(form) if part is not None]
        for those in {tuple(changed), *((i,) for i in changed)}:
            if those:
                new = [form[i] if i in those else part for i, part in enumerate(parts)]
                entries = [clone(part) for part in new if part is not None]
                cost = 1.3 if form in forms[:2] else 1.6
                one = not isinstance(node, ast.Tuple)
                yield entries[0] if one else ast.Tuple(entries, ast.Load()), cost


def _starts(words: Vocabulary) -> Iterator[Mapping[str, Any]]:
    """Yield which name stands for where the window begins that another name is the number of."""
    found: dict[str, ast.Name] = {}
    for target, value in _assigned(words.unit.tree):
        named = [n.id for n in ast.walk(value) if isinstance(n, ast.Name)]
        numbers = [name for name in named if name in words.loops]
        if len(numbers) != 1 or len(named) == 1 or not isinstance(target, ast.Name):
            continue
        if isinstance(words.value(target), int | np.integer):
            found.setdefault(numbers[0], ast.Name(target.id, ast.Load()))
    if found:
        yield found


def _assigned(tree: ast.AST) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Yield what is assigned, and what to, also where it is several things at once."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            target, value = node.targets[0], node.value
            if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
                yield from zip(target.elts, value.elts, strict=False)
            else:
                yield target, value


def _with_names(node: ast.expr, names: Mapping[str, Any]) -> ast.expr | None:
    """Return an expression with other names in the place of these; None where it has none."""
    if not any(isinstance(n, ast.Name) and n.id in names for n in ast.walk(node)):
        return None

    def renamed(old: Any) -> Any:
        if isinstance(old, list):
            return [renamed(each) for each in old]
        if isinstance(old, ast.Name) and old.id in names:
            return clone(names[old.id])
        if not isinstance(old, ast.AST):
            return old
        return type(old)(**{name: renamed(value) for name, value in ast.iter_fields(old)})

    new: ast.expr = renamed(node)
    return new


def _shifted(part: ast.expr) -> ast.expr | None:
    """Return all but the last entry for all but the first, and the other way round."""
    if not isinstance(part, ast.Slice) or part.step is not None:
        return None
    one = ast.Constant(1)
    if part.upper is None and part.lower is not None and written(part.lower) == "1":
        return ast.Slice(None, ast.UnaryOp(ast.USub(), one))
    if part.lower is None and part.upper is not None and written(part.upper) == "-1":
        return ast.Slice(one, None)
    return None


def _ended(part: ast.expr) -> ast.expr | None:
    """Return a slice that ends so far from its start: ``a:n`` becomes ``a : a + n``."""
    if not isinstance(part, ast.Slice) or part.lower is None or part.upper is None:
        return None
    if part.step is not None or isinstance(part.lower, ast.Constant) or _window(part):
        return None
    return ast.Slice(part.lower, ast.BinOp(clone(part.lower), ast.Add(), clone(part.upper)))


def _within(part: ast.expr, start: ast.expr) -> ast.expr | None:
    """Return an index that is counted from where a window begins."""
    if not isinstance(part, ast.Name) or written(part) == written(start):
        return None
    return ast.BinOp(clone(start), ast.Add(), clone(part))


def _moved(part: ast.expr, by: Handle) -> ast.expr | None:
    """Return a slice from a number on that begins at 0: ``:n`` becomes ``p : p + n``."""
    if not isinstance(part, ast.Slice) or part.step is not None or part.upper is None:
        return None
    if part.lower is not None and written(part.lower) != "0":
        return None
    return ast.Slice(by.load(), ast.BinOp(by.load(), ast.Add(), clone(part.upper)))


def _window(part: ast.expr) -> tuple[ast.expr, ast.expr] | None:
    """Return the start and the length of a slice ``a : a + n``."""
    if not isinstance(part, ast.Slice) or part.step is not None or part.lower is None:
        return None
    if not isinstance(part.upper, ast.BinOp) or not isinstance(part.upper.op, ast.Add):
        return None
    if written(part.upper.left) != written(part.lower):
        return None
    return part.lower, part.upper.right


def _at_steps(part: ast.expr, by: Handle) -> ast.expr | None:
    """Return a window that is moved by more than one: ``i * s : i * s + n``."""
    if (window := _window(part)) is None:
        return None
    start, length = window
    lower = ast.BinOp(clone(start), ast.Mult(), by.load())
    return ast.Slice(lower, ast.BinOp(clone(lower), ast.Add(), clone(length)))


def _with_steps(part: ast.expr, by: Handle) -> ast.expr | None:
    """Return every s-th entry: ``i : i + s * n : s``."""
    if (window := _window(part)) is None:
        return None
    start, length = window
    further = ast.BinOp(by.load(), ast.Mult(), clone(length))
    return ast.Slice(clone(start), ast.BinOp(clone(start), ast.Add(), further), by.load())


def crops(slot: Slot, words: Vocabulary) -> Iterator[Offer]:
    """Cut off the padding: of two axes that come one after the other, at both ends."""
    node, parent = slot.node, slot.parent
    if not is_handle(node) or not replaceable(slot) or isinstance(parent, ast.BinOp | ast.Compare):
        return
    value = words.value(node)
    if not isinstance(value, np.ndarray) or value.ndim < 3:
        return
    said = f"the padding of {short(node)}"
    for padding in words.numbers:
        if not isinstance(padding.value, int | np.integer) or padding.value < 0:
            continue
        for first in range(1, value.ndim - 1):
            if 2 * padding.value >= min(value.shape[first : first + 2]):
                continue
            for end in (_from_the_end, _from_the_start):
                entries: list[ast.expr] = [ast.Slice() for _ in range(value.ndim)]
                for axis in (first, first + 1):
                    entries[axis] = ast.Slice(padding.load(), end(padding, node, axis, words))
                while isinstance(last := entries[-1], ast.Slice) and last.lower is None:
                    entries.pop()
                new = ast.Subscript(node, ast.Tuple(entries, ast.Load()), ast.Load())
                yield Offer(new, 1.5, said)


def _from_the_end(padding: Handle, node: ast.expr, axis: int, words: Vocabulary) -> ast.expr:
    return ast.UnaryOp(ast.USub(), padding.load())


def _from_the_start(padding: Handle, node: ast.expr, axis: int, words: Vocabulary) -> ast.expr:
    """Return the end of an axis without padding, which is right where there is none."""
    long = words.value(node).shape[axis]
    if named := _named(long - 2 * padding.value, words):
        return ast.BinOp(padding.load(), ast.Add(), named)
    size = ast.Subscript(ast.Attribute(node, "shape", ast.Load()), ast.Constant(axis), ast.Load())
    return ast.BinOp(size, ast.Sub(), padding.load())


def _named(size: int, words: Vocabulary) -> ast.expr | None:
    """Return a name for a size, where there is one."""
    sizes = [h for h in words.numbers if isinstance(h.value, int | np.integer)]
    return next((h.load() for h in sizes if h.value == size and h.code not in words.loops), None)
