"""Attention, of matrix products and a softmax."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from handgrad.interop.onnx.converters.layers import affine
from handgrad.interop.onnx.graph import Converter, Graph, Tensor
from handgrad.layers import MultiHeadAttention

__all__ = ["CONVERTERS"]


def _attention(graph: Graph, layer: Any, x: Any) -> str:
    given = x if isinstance(x, tuple) else (x,)
    *arrays, mask = given if len(given) in (2, 4) else (*given, None)
    query, key, value = arrays if len(arrays) == 3 else arrays * 3

    def heads(name: str, x: Tensor, *order: int) -> str:
        parameters = layer.parameters
        y = affine(graph, x, parameters[f"{name}_weights"], parameters.get(f"{name}_bias"))
        shape = graph.integers(0, 0, layer.num_heads, layer.features // layer.num_heads)
        return graph.transpose(graph.node("Reshape", y, shape), *order)

    q, k = heads("query", query, 0, 2, 1, 3), heads("key", key, 0, 2, 3, 1)
    v = heads("value", value, 0, 2, 1, 3)
    s = graph.node("MatMul", graph.node("Mul", q, graph.constant(layer._scale, "scale")), k)
    allowed = None if mask is None else _allowed(graph, mask, key)
    if layer.causal:
        earlier = _earlier(graph, query, key)
        allowed = earlier if allowed is None else graph.node("And", allowed, earlier)
    if allowed is not None:
        s = graph.node("Where", allowed, s, graph.constant(-np.inf, "hidden"))
    p = graph.node("Softmax", s, axis=-1) if mask is None else _softmax(graph, s)
    answers = graph.transpose(graph.node("MatMul", p, v), 0, 2, 1, 3)
    together = graph.node("Reshape", answers, graph.integers(0, 0, layer.features))
    shape = (*query.shape[:2], layer.features)
    bias = layer.parameters.get("output_bias")
    return affine(graph, Tensor(together, shape), layer.output_weights, bias)


def _softmax(graph: Graph, s: str) -> str:
    """Return the softmax along the keys, 0 where a row has none that it may attend to."""
    largest = graph.node("ReduceMax", s, graph.integers(-1))
    least = graph.constant(np.finfo(graph.dtype).min, "least")
    e = graph.node("Exp", graph.node("Sub", s, graph.node("Max", largest, least)))
    z = graph.node("ReduceSum", e, graph.integers(-1))
    zero, one = graph.constant(0, "zero"), graph.constant(1, "one")
    return graph.node("Div", e, graph.node("Where", graph.node("Equal", z, zero), one, z))


def _allowed(graph: Graph, mask: Tensor, key: Tensor) -> str:
    """Return which keys a query may attend to, (N, 1, T or 1, S), of a mask or of lengths."""
    if mask.kind == "b":
        axes = (1, 2) if len(mask.shape) == 2 else (1,)
        return graph.node("Unsqueeze", mask.name, graph.integers(*axes))
    keys = graph.count(graph.size(key, 1))
    return graph.node("Less", keys, graph.node("Unsqueeze", mask.name, graph.integers(1, 2, 3)))


def _earlier(graph: Graph, query: Tensor, key: Tensor) -> str:
    """Return the pairs of positions whose key stands at or before the query, (T, S)."""
    rows, keys = (graph.count(graph.size(x, 1)) for x in (query, key))
    return graph.node("LessOrEqual", keys, graph.node("Unsqueeze", rows, graph.integers(1)))


CONVERTERS: Mapping[type, Converter] = {MultiHeadAttention: _attention}
