"""What holds other components: each child is converted where its output is needed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from handgrad.containers import Parallel, Residual
from handgrad.interop.onnx.graph import Converter, Graph, Tensor
from handgrad.layers import Bidirectional, Dropout
from handgrad.model import Model

__all__ = ["CONVERTERS"]


def _model(graph: Graph, model: Any, x: Any) -> str:
    """Run the chain as `Chain.apply` does, the lengths handed on to whoever takes them."""
    x, *more = x if model.takes_lengths and isinstance(x, tuple) else (x,)
    for name, component in model.children().items():
        if more and component.takes_lengths:
            x, more = (x, *more), [m for m in more[:1] if m.kind in "ib"]
        x = graph.convert(component, name, x)
    return str(x.name)


def _dropout(graph: Graph, dropout: Any, x: Any) -> str:
    return graph.convert(dropout.layer, "layer", x).name


def _first(x: Any) -> Tensor:
    first: Tensor = x[0] if isinstance(x, tuple) else x
    return first


def _branch(graph: Graph, child: Any, name: str, x: Any) -> str:
    return graph.convert(child, name, x if child.takes_tuple else _first(x)).name


def _residual(graph: Graph, residual: Any, x: Any) -> str:
    inner = _branch(graph, residual.inner, "inner", x)
    if residual.shortcut is None:
        return graph.node("Add", inner, _first(x).name)
    return graph.node("Add", inner, _branch(graph, residual.shortcut, "shortcut", x))


def _parallel(graph: Graph, parallel: Any, x: Any) -> str:
    outputs = [_branch(graph, child, name, x) for name, child in parallel.children().items()]
    if parallel.combine == "sum":
        return graph.node("Sum", *outputs)
    return graph.node("Concat", *outputs, axis=-1)


def _bidirectional(graph: Graph, both: Any, x: Any) -> str:
    steps, *lengths = x if isinstance(x, tuple) else (x,)

    def turned(name: str) -> str:
        if lengths:
            return graph.node("ReverseSequence", name, lengths[0].name, batch_axis=0, time_axis=1)
        last, first, axis, step = (graph.integers(n) for n in (-1, np.iinfo(np.int64).min, 1, -1))
        return graph.node("Slice", name, last, first, axis, step)

    ahead = graph.convert(both.forward_layer, "forward_layer", x)
    back_steps = replace(steps, name=turned(steps.name))
    given = (back_steps, *lengths) if lengths else back_steps
    back = graph.convert(both.backward_layer, "backward_layer", given)
    name = turned(back.name) if len(back.shape) == 3 else back.name
    if both.combine == "sum":
        return graph.node("Add", ahead.name, name)
    return graph.node("Concat", ahead.name, name, axis=-1)


CONVERTERS: Mapping[type, Converter] = {
    Bidirectional: _bidirectional,
    Dropout: _dropout,
    Model: _model,
    Parallel: _parallel,
    Residual: _residual,
}
