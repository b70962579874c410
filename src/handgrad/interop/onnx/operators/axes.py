"""Operators that move axes, take them apart and put values together: features stay last here."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from handgrad.arguments import Array
from handgrad.interop.onnx.parts import Parts, regrouped, settled
from handgrad.interop.onnx.steps import Step, between, chain
from handgrad.interop.onnx.views import Given, Node, View
from handgrad.layers import Bidirectional, Flatten
from handgrad.model import Model
from handgrad.shapes import merged

__all__ = ["OPERATORS", "parts_of", "picked", "turned"]

_ENDLESS = 2**31 - 2
"""Beyond this an index stands for the end of an axis."""


def parts_of(node: Node, i: int = 0) -> Parts:
    """Return an input as parts of axes."""
    value = node.value(i)
    if isinstance(value, View) and not (value.whole and not value.flattened):
        raise node.unknown()
    if not isinstance(value, View | Parts):
        raise node.unknown()
    return Parts.of(value)


def _transpose(node: Node) -> View | Parts:
    view = node.value()
    if not isinstance(view, View):
        parts = parts_of(node)
        perm = _permutation(node, len(parts.axes))
        return settled(replace(parts, axes=tuple(parts.axes[axis] for axis in perm)))
    perm = _permutation(node, len(view.order) + view.directions)
    if view.directions:
        if perm != [0, 2, 1, 3]:
            raise node.unknown()
        return replace(view, order=(-2, *view.order[1:]))  # steps, batch, directions, units
    return replace(view, order=tuple(perm.index(axis) for axis in view.order))


def _permutation(node: Node, rank: int) -> list[int]:
    perm = list(node.option("perm") or reversed(range(rank)))
    if sorted(perm) != list(range(rank)):
        raise node.refused(f"perm={perm[:8]}")
    return perm


def _axes(node: Node, rank: int) -> list[int]:
    """Return the axes that an operator is about, counted from the first."""
    axes = node.numbers(1)
    found = [] if axes is None or axes.ndim != 1 else sorted(int(a) % rank for a in axes)
    if not found or len(set(found)) < len(found):
        raise node.refused("axes that are not told, or told twice")
    return found


def _squeeze(node: Node) -> View | Parts:
    view = node.value()
    if isinstance(view, View) and view.directions:
        axes = node.numbers(1)
        wanted = 1 if len(view.shape) == 3 else 0
        if axes is None or axes.tolist() != [wanted] or view.order[0] == -2:
            raise node.unknown()
        return replace(view, directions=False)
    parts = parts_of(node)
    gone = _axes(node, len(parts.axes))
    if any(parts.axes[axis] for axis in gone):
        raise node.refused(f"axes {gone} of more than one entry")
    return settled(replace(parts, axes=tuple(a for i, a in enumerate(parts.axes) if i not in gone)))


def _unsqueeze(node: Node) -> Any:
    value, given = node.value(), node.numbers(1)
    if isinstance(value, Given):
        where = _axes(node, value.rank + (0 if given is None else given.size))
        return replace(value, axes=tuple(where))
    parts = parts_of(node)
    new = _axes(node, len(parts.axes) + (0 if given is None else given.size))
    axes = list(parts.axes)
    for axis in new:
        axes.insert(axis, ())
    return settled(replace(parts, axes=tuple(axes)))


def _reshape(node: Node) -> View | Parts:
    view, shape = node.value(), node.numbers(1)
    if isinstance(view, View) and view.directions:  # (T, N, directions, H) to (T, N, directions H)
        if view.order[0] != -2 or (shape is not None and not _keeps_two(node, view, shape)):
            raise node.unknown()
        return replace(view, directions=False, order=(1, 0, 2))
    if shape is None or shape.ndim != 1 or shape.dtype.kind != "i":
        raise node.unknown()
    sizes = shape.tolist()
    if isinstance(view, View) and _flattens(view, sizes):
        return _flatten(node)
    parts = parts_of(node)
    if not node.option("allowzero", 0):
        zeros = any(n == 0 and i >= len(parts.axes) for i, n in enumerate(sizes))
        sizes = [0 if zeros else parts.sizes[i] if n == 0 else n for i, n in enumerate(sizes)]
    if sizes.count(-1) == 1:
        rest = math.prod(n for n in sizes if n != -1)
        sizes[sizes.index(-1)] = math.prod(parts.sizes) // rest if rest > 0 else 0
    found = regrouped(parts, sizes) if all(n > 0 for n in sizes) else None
    if found is None:
        raise node.refused(f"shape {shape.tolist()[:8]}")
    return settled(found)


def _keeps_two(node: Node, view: View, shape: Array) -> bool:
    """Return whether a shape leaves the steps and the batch as they are."""
    leading = [[0, 0], [view.sizes[1], view.sizes[0]]]
    return shape.tolist() in [[*two, last] for two in leading for last in (-1, view.shape[-1])]


def _flattens(view: View, sizes: list[int]) -> bool:
    """Return whether a shape puts all axes but the batch in one."""
    if len(sizes) != 2 or view.order[0] != 0 or view.turned:
        return False
    every = math.prod(view.shape[1:]) if None not in view.shape[1:] else -1
    first = (0, view.sizes[0], -1 if sizes[1] > 0 else 0)
    return sizes[1] in (-1, every) and sizes[0] in first


def _flatten(node: Node) -> View:
    view = node.view()
    if view.order[0] != 0 or view.directions or node.option("axis", 1) != 1:
        raise node.unknown()
    if view.pooled:
        return replace(view, pooled=False)
    theirs = [view.order.index(axis) for axis in range(1, len(view.order))]
    sizes = tuple(view.shape[axis] for axis in theirs)
    moved = theirs != sorted(theirs) and sum(size != 1 for size in sizes) > 1
    if moved and None in sizes:
        raise node.refused("channels and positions, whose numbers are not known, on one axis")
    last = len(view.order) - 1
    if moved and theirs != [last, *range(1, last)]:
        raise node.refused("axes in another order than channels and positions")
    flattened = view.flattened if len(view.shape) == 2 else sizes if moved else ()
    return node.then(Flatten(), order=(0, 1), flattened=flattened)


def picked(node: Node, first: int, count: int | None, axis: int) -> View | Parts:
    """Return features from a place on; one, whose axis goes, where `count` is None."""
    parts = parts_of(node)
    axis %= len(parts.axes)
    features = len(parts.view.shape) - 1
    atoms = parts.axes[axis]
    if len(atoms) != 1 or atoms[0][0] != features:
        raise node.refused("a part of another axis than the features'")
    _, stride, size = atoms[0]
    if not 0 <= first <= first + (count or 1) <= size or count == 0:
        raise node.refused(f"the features from {first} on, of {size}")
    new = () if count is None else (((features, stride, count),) if count > 1 else (),)
    axes = (*parts.axes[:axis], *new, *parts.axes[axis + 1 :])
    return settled(replace(parts, axes=axes, first=parts.first + first * stride))


def _slice(node: Node) -> View | Parts:
    numbers = [node.numbers(i) for i in range(1, len(node.inputs))]
    if any(each is None or each.size != 1 for each in numbers) or not 3 <= len(numbers) <= 4:
        raise node.refused("a part along more than one axis, or from a place that is not known")
    start, end, axis, step = [int(n.reshape(())) for n in (*numbers, np.ones(1))[:4]]  # type: ignore[union-attr]
    if (start, step) == (-1, -1) and end < -_ENDLESS:
        return turned(node, axis)
    sizes = parts_of(node).sizes
    if step != 1 or not -len(sizes) <= axis < len(sizes):
        raise node.refused(f"step {step} on axis {axis}")
    first, last, _ = slice(start, end).indices(sizes[axis])
    return picked(node, first, last - first, axis)


def turned(node: Node, axis: int = 1, by: int | None = None) -> View:
    """Return sequences in reverse, whole or by their lengths."""
    view: Any = node.value()
    if not isinstance(view, View) or len(view.shape) != 3 or view.directions or view.pooled:
        raise node.unknown()
    becomes = {"": "around", "around": "back"}.get(view.turned)
    if becomes is None or axis % 3 != view.order[1] or (view.turned and view.by != by):
        raise node.refused("a reversal of what is no sequence, or is not in reverse like that")
    return replace(view, turned=becomes, by=by)


def _reverse_sequence(node: Node) -> View:
    lengths = node.value(1)
    axes = node.option("time_axis", 0), node.option("batch_axis", 1)
    view = node.value()
    if not isinstance(lengths, Given) or (lengths.kind, lengths.rank) != ("i", 1) or lengths.axes:
        raise node.refused("lengths that are no input")
    if not isinstance(view, View) or view.order[:2] != axes[::-1]:
        raise node.refused("a reversal along another axis than the steps'")
    return turned(node, axes[0], lengths.number)


def _cast(node: Node) -> Given:
    value = node.value()
    if not isinstance(value, Given) or value.kind != "i" or node.option("to") not in (6, 7):
        raise node.unknown()
    return value


def _split(node: Node) -> dict[str, View | Parts]:
    sizes, axis = node.numbers(1), node.option("axis", 0)
    parts = parts_of(node)
    if not -len(parts.axes) <= axis < len(parts.axes):
        raise node.refused(f"axis {axis}")
    even, names = parts.sizes[axis] // max(len(node.outputs), 1), node.outputs
    counts = [even] * len(names) if sizes is None else [int(n) for n in sizes.reshape(-1)]
    if len(counts) != len(names) or sum(counts) != parts.sizes[axis]:
        raise node.refused(f"parts of {counts[:8]}")
    starts = [sum(counts[:i]) for i in range(len(counts))]
    found = zip(names, starts, counts, strict=True)
    return {name: picked(node, first, n, axis) for name, first, n in found if name}


def _sum(node: Node) -> View:
    return _together(node, "sum")


def _concat(node: Node) -> View:
    view = node.value()
    if not isinstance(view, View):
        raise node.unknown()
    axis = node.option("axis", -1) % max(len(view.order), 1)
    if view.order[-1] != axis:
        raise node.refused("values that are put together along another axis than the features'")
    return _together(node, "concatenate")


def _together(node: Node, combine: str) -> View:
    both = _both_ways(node, combine)
    if both is not None:
        return both
    views = [node.view(i) for i in range(len(node.inputs))]
    first = views[0]
    alike = all((v.order, v.flattened) == (first.order, ()) for v in views)
    if not alike or any(v.directions or v.pooled for v in views) or len(views) < 2:
        raise node.refused("values whose axes are in different orders")
    leading = merged(first.shape, views[1].shape) if combine == "sum" else first.shape
    if leading is None or any(len(v.shape) != len(first.shape) for v in views):
        raise node.refused("values of different shapes")
    last = [v.shape[-1] for v in views]
    total = last[0] if combine == "sum" else None if None in last else sum(last)
    step = Step(node.name, None, [v.step for v in views], combine)
    return replace(first, step=step, shape=(*leading[:-1], total), kind="f")


def _both_ways(node: Node, combine: str) -> View | None:
    """Return what two layers make, of which one is given its sequences in reverse."""
    views: list[Any] = [node.value(i) for i in range(len(node.inputs))]
    if len(views) != 2 or not all(isinstance(view, View) for view in views):
        return None
    ahead, back = views
    if ahead.turned or back.turned != ("back" if len(back.shape) == 3 else "around"):
        return None
    made = Step(node.name, None, [ahead.step, back.step])
    start = made.behind
    assert start is not None  # of two steps there is one
    lengths = () if back.by is None else (back.by,)
    given = {step.given for view in views for step in between(view.step, start)}
    if given != {lengths} or ahead.order != back.order or ahead.directions or back.directions:
        raise node.refused("two ways through different sequences, or with different lengths")
    forward, backward = (_one(chain(view.step, start)) for view in views)
    made.component = Bidirectional(forward, backward, combine)
    made.before, made.given = [start], lengths
    features = [view.shape[-1] for view in views]
    shape = (*ahead.shape[:-1], features[0] if combine == "sum" else sum(features))
    both: View = replace(ahead, step=made, shape=shape)
    return both


def _one(components: list[Any]) -> Any:
    return components[0] if len(components) == 1 else Model(components)


def _same(node: Node) -> Any:
    return node.value()


def _dropout(node: Node) -> Any:
    training = node.constant(2)
    if training is not None and training.any():
        raise node.refused("a training")
    return node.value()


OPERATORS: Mapping[str, Callable[[Node], Any]] = {
    "Cast": _cast,
    "Concat": _concat,
    "Dropout": _dropout,
    "Flatten": _flatten,
    "Identity": _same,
    "Reshape": _reshape,
    "ReverseSequence": _reverse_sequence,
    "Slice": _slice,
    "Split": _split,
    "Squeeze": _squeeze,
    "Sum": _sum,
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
}
