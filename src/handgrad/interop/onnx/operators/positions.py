"""Tables: what stands for an index, and what is added at a position."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from handgrad.arguments import Array
from handgrad.interop.onnx.operators.axes import picked
from handgrad.interop.onnx.parts import Parts
from handgrad.interop.onnx.patterns import matched
from handgrad.interop.onnx.steps import Step
from handgrad.interop.onnx.views import Node, View
from handgrad.layers import Embedding, LearnedPositionalEncoding, PositionalEncoding

__all__ = ["OPERATORS", "positions"]

_FIRST_ROWS = (
    "Slice(table, start, end, axis)",
    "Slice(table, start, end, axis, step)",
    "Gather(table, Range(start, end, step))",
)


def positions(node: Node, view: View, name: str) -> View | None:
    """Return the sum with a table of positions, or with its first rows, None where that is none."""
    table, maker = node.known.constants.get(name), node.known.nodes.get(name)
    found = matched(maker, *_FIRST_ROWS) if table is None and maker is not None else None
    if found is not None and maker is not None:
        table = node.known.constants.get(found["table"])
        names = ("start", "end", "axis", "step")
        start, end, axis, step = (node.known.number(found.get(each, "")) for each in names)
        steps, rank = view.sizes[-2:-1], 0 if table is None else table.ndim
        axis = maker.option("axis", 0) if maker.operator == "Gather" else axis
        whole = start == 0 and steps == (end,) and step in (None, 1)
        if not whole or axis not in (None, rank - 2, -2):
            raise node.refused("a part of a table that is not its first rows, one for each step")
    if table is None or table.dtype.kind != "f" or table.size != np.prod(table.shape[-2:]):
        return None
    rows = table.reshape(table.shape[-2:]) if table.ndim > 1 else table[None]
    fits = view.plain and not view.flattened and len(view.shape) > 1
    if not fits or rows.shape[1] != view.shape[-1] or (len(rows) == 1 and view.shape[-2] != 1):
        return None
    T = view.shape[-2] if len(view.shape) > 2 else view.batch or 0  # rows of a batch are no steps
    if found is None and T not in (None, len(rows)):
        raise node.refused(f"{len(rows)} positions of {T or 'open'} steps")
    return node.then(_encoding(rows), view)


def _encoding(rows: Array) -> Any:
    """Return sines and cosines where the rows are these, else vectors that are learned."""
    T, D = rows.shape
    sines, zeros = PositionalEncoding(T, D), np.zeros_like(rows)
    if np.allclose(sines.apply(zeros)[0], rows, rtol=0, atol=1e-6):
        return sines
    layer = LearnedPositionalEncoding(T, D, init="zeros", dtype=rows.dtype)
    layer.weights = rows
    return layer


def _gather(node: Node) -> Any:
    if 0 in node.data():
        at = node.numbers(1)
        if at is not None and at.ndim == 0 and isinstance(node.value(), Parts):
            return picked(node, int(at), None, node.option("axis", 0))
        return _last_step(node)
    if node.option("axis", 0) != 0:
        raise node.unknown()
    table, view = node.weights(0, 2), node.view(1)
    if view.kind != "i" or not view.plain:
        raise node.refused("indices that are computed")
    layer = Embedding(*table.shape, init="zeros", dtype=table.dtype)
    layer.weights = table
    return node.then(layer, view, order=tuple(range(len(view.shape) + 1)))


def _last_step(node: Node) -> View:
    """Return the last state of a recurrent layer that gives every one."""
    view, at = node.view(), node.constant(1)
    component: Any = view.step.component
    last = at is not None and at.size == 1 and int(at.reshape(-1)[0]) == -1 and at.ndim == 0
    whole = len(view.shape) == 3 and view.order[1] == node.option("axis", 0) and not view.directions
    if not last or not whole or getattr(component, "return_sequences", False) is not True:
        raise node.unknown()
    if view.step.given:
        raise node.refused("the last step of sequences that may have ended before")
    component = copy.deepcopy(component)
    component.return_sequences = False
    step = Step(node.name, component, view.step.before, given=view.step.given)
    return replace(view, step=step, shape=(view.shape[0], view.shape[-1]), order=(0, 1))


OPERATORS: Mapping[str, Callable[[Node], Any]] = {"Gather": _gather}
