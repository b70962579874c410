"""Operators that move axes and put values together: the features stay last here."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from handgrad.interop.onnx.steps import Step
from handgrad.interop.onnx.views import Node, View
from handgrad.layers import Flatten
from handgrad.shapes import merged

__all__ = ["OPERATORS"]


def _transpose(node: Node) -> View:
    view = node.view()
    rank = len(view.order) + view.directions
    perm = list(node.option("perm") or reversed(range(rank)))
    if sorted(perm) != list(range(rank)):
        raise node.refused(f"perm={perm[:8]}")
    if view.directions:
        if perm != [0, 2, 1, 3]:
            raise node.unknown()
        return replace(view, order=(-2, *view.order[1:]))  # steps, batch, directions, units
    return replace(view, order=tuple(perm.index(axis) for axis in view.order))


def _squeeze(node: Node) -> View:
    view, axes = node.view(), node.constant(1)
    if not view.directions or axes is None or axes.shape != (1,) or view.order[0] == -2:
        raise node.unknown()
    wanted = 1 if len(view.shape) == 3 else 0
    if int(axes[0]) != wanted:
        raise node.unknown()
    return replace(view, directions=False)


def _reshape(node: Node) -> View:
    view = node.view()
    if view.directions:  # (T, N, directions, H) to (T, N, directions * H)
        shape, made = None, node.maker(1)
        if made is None or made.operator != "Concat" or len(made.inputs) != 3:
            shape = node.constant(1)
        known = shape is None or shape.tolist() in ([0, 0, -1], [0, 0, view.shape[-1]])
        if view.order[0] != -2 or not known:
            raise node.unknown()
        return replace(view, directions=False, order=(1, 0, 2))
    shape = node.constant(1)
    if shape is None or shape.shape != (2,):
        raise node.unknown()
    size = math.prod(view.shape[1:]) if None not in view.shape[1:] else -1
    if shape[1] not in (-1, size) or shape[0] not in (0, view.batch, -1 if shape[1] > 0 else 0):
        raise node.refused(f"shape {shape.tolist()}")
    return _flatten(node)


def _flatten(node: Node) -> View:
    view = node.view()
    if view.order[0] != 0 or view.directions or node.option("axis", 1) != 1:
        raise node.unknown()
    if len(view.shape) == 2:
        return replace(view, pooled=False)
    theirs = [view.order.index(axis) for axis in range(1, len(view.order))]
    sizes = tuple(view.shape[axis] for axis in theirs)
    moved = theirs != sorted(theirs) and sum(size != 1 for size in sizes) > 1
    if moved and None in sizes:
        raise node.refused("channels and positions, whose numbers are not known, on one axis")
    last = len(view.order) - 1
    if moved and theirs != [last, *range(1, last)]:
        raise node.refused("axes in another order than channels and positions")
    return node.then(Flatten(), order=(0, 1), flattened=sizes if moved else ())


def _add(node: Node) -> View:
    return _together(node, "sum")


def _concat(node: Node) -> View:
    view = node.view()
    axis = node.option("axis", -1) % max(len(view.order), 1)
    if view.order[-1] != axis:
        raise node.refused("values that are put together along another axis than the features'")
    return _together(node, "concatenate")


def _together(node: Node, combine: str) -> View:
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


def _same(node: Node) -> View:
    return node.view()


OPERATORS: Mapping[str, Callable[[Node], Any]] = {
    "Concat": _concat,
    "Dropout": _same,
    "Flatten": _flatten,
    "Identity": _same,
    "Reshape": _reshape,
    "Squeeze": _squeeze,
    "Sum": _add,
    "Transpose": _transpose,
}
