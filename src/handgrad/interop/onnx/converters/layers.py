"""Layers over features: affine maps, tables, positions, normalizations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from handgrad import layers
from handgrad.interop.onnx.graph import Converter, Graph, Tensor

__all__ = ["CONVERTERS", "affine"]


def affine(graph: Graph, x: Tensor, weights: Any, bias: Any) -> str:
    """Return the product with `weights`, (in, out), plus `bias`, (1, out), where there is one."""
    W = graph.constant(weights, "weights")
    if bias is None:
        return graph.node("MatMul", x.name, W)
    b = graph.constant(bias[0], "bias")
    if len(x.shape) == 2:
        return graph.node("Gemm", x.name, W, b)
    return graph.node("Add", graph.node("MatMul", x.name, W), b)


def _linear(graph: Graph, linear: Any, x: Tensor) -> str:
    return affine(graph, x, linear.weights, linear.bias)


def _embedding(graph: Graph, embedding: Any, x: Tensor) -> str:
    table = embedding.weights
    if embedding.padding_index is not None:
        table = table.copy()
        table[embedding.padding_index] = 0
    return graph.node("Gather", graph.constant(table, "weights"), x.name, axis=0)


def _positions(graph: Graph, encoding: Any, x: Tensor) -> str:
    """Add the table's first rows, which are what the component makes of zeros."""
    T = x.shape[-2]
    zeros = np.zeros((encoding.max_length if T is None else T, encoding.features), graph.dtype)
    table = graph.constant(encoding.apply(zeros)[0], "positions")
    if T is None:
        axis = len(x.shape) - 2
        end = graph.node("Shape", x.name, start=axis, end=axis + 1)
        table = graph.node("Slice", table, graph.integers(0), end, graph.integers(0))
    return graph.node("Add", x.name, table)


def _batch_norm(graph: Graph, norm: Any, x: Tensor) -> str:
    rank = len(x.shape)
    gamma, beta = _parameters(norm)
    arrays = {"gamma": gamma, "beta": beta, **norm.buffers}
    # ONNX keeps epsilon in float32; what that takes away is added to the variance
    lost = norm.epsilon - float(np.float32(norm.epsilon))
    arrays["running_variance"] = arrays["running_variance"] + lost
    given = [graph.constant(arrays[name], name) for name in arrays]
    name, alone = x.name, graph.integers(0)
    if rank == 1:
        name = graph.node("Unsqueeze", name, alone)
    name = graph.transpose(name, 0, rank - 1, *range(1, rank - 1)) if rank > 2 else name
    y = graph.node("BatchNormalization", name, *given, epsilon=norm.epsilon)
    y = graph.transpose(y, 0, *range(2, rank), 1) if rank > 2 else y
    return graph.node("Squeeze", y, alone) if rank == 1 else y


def _layer_norm(graph: Graph, norm: Any, x: Tensor) -> str:
    gamma, beta = _parameters(norm)
    scale, shift = graph.constant(gamma, "gamma"), graph.constant(beta, "beta")
    if graph.dtype != np.float64:
        options = {"axis": -gamma.ndim, "epsilon": norm.epsilon}
        return graph.node("LayerNormalization", x.name, scale, shift, **options)
    axes = graph.integers(*range(-gamma.ndim, 0))  # in float64, since the option is of float32
    normal = _normal(graph, x.name, axes, norm.epsilon)
    return graph.node("Add", graph.node("Mul", normal, scale), shift)


def _rms_norm(graph: Graph, norm: Any, x: Tensor) -> str:
    gamma = norm.gamma if norm.affine else np.ones(norm.features)
    axes = graph.integers(*range(-gamma.ndim, 0))
    root = _root(graph, x.name, axes, norm.epsilon)
    return graph.node("Mul", graph.node("Div", x.name, root), graph.constant(gamma, "gamma"))


def _group_norm(graph: Graph, norm: Any, x: Tensor) -> str:
    """Split the channels into groups, whose entries at all positions have one mean."""
    gamma, beta = _parameters(norm)
    groups = graph.integers(0, -1, norm.num_groups, norm.features // norm.num_groups)
    split, axes = graph.node("Reshape", x.name, groups), graph.integers(1, 3)
    normal = _normal(graph, split, axes, norm.epsilon)
    y = graph.node("Reshape", normal, graph.node("Shape", x.name))
    scaled = graph.node("Mul", y, graph.constant(gamma, "gamma"))
    return graph.node("Add", scaled, graph.constant(beta, "beta"))


def _normal(graph: Graph, x: str, axes: str, epsilon: float) -> str:
    """Return entries without their mean, over the root of their variance."""
    centred = graph.node("Sub", x, graph.node("ReduceMean", x, axes))
    return graph.node("Div", centred, _root(graph, centred, axes, epsilon))


def _root(graph: Graph, x: str, axes: str, epsilon: float) -> str:
    """Return the root of the mean square, and of `epsilon` beside it."""
    square = graph.node("ReduceMean", graph.node("Mul", x, x), axes)
    return graph.node("Sqrt", graph.node("Add", square, graph.constant(epsilon, "epsilon")))


def _parameters(norm: Any) -> tuple[Any, Any]:
    """Return the scale and the shift, 1 and 0 where the normalization has none."""
    if norm.affine:
        return norm.gamma, norm.beta
    return np.ones(norm.features), np.zeros(norm.features)


CONVERTERS: Mapping[type, Converter] = {
    layers.BatchNorm: _batch_norm,
    layers.Embedding: _embedding,
    layers.GroupNorm: _group_norm,
    layers.LayerNorm: _layer_norm,
    layers.LearnedPositionalEncoding: _positions,
    layers.Linear: _linear,
    layers.PositionalEncoding: _positions,
    layers.RMSNorm: _rms_norm,
}
