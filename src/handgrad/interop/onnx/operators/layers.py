"""Operators with parameters over the features."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from handgrad.arguments import Array
from handgrad.interop.onnx.operators.axes import OPERATORS as AXES
from handgrad.interop.onnx.steps import Step
from handgrad.interop.onnx.views import Node, View
from handgrad.layers import BatchNorm, Embedding, LayerNorm, Linear

__all__ = ["OPERATORS"]


def linear(node: Node, view: View, W: Array, bias: Array | None) -> View:
    """Return what an affine map makes; W is (in, out), its rows as ONNX has the features."""
    if view.directions or view.order[-1] != len(view.order) - 1:
        raise node.refused("features that are not on the last axis")
    W = _in_order(view, W)
    layer = Linear(*W.shape, bias=bias is not None, init="zeros", bias_init="zeros", dtype=W.dtype)
    layer.weights = W
    if bias is not None:
        layer.bias = np.broadcast_to(bias, (1, W.shape[1]))
    return node.then(layer, view, flattened=())


def _in_order(view: View, array: Array) -> Array:
    """Return a tensor whose first axis is that of flattened features, channels last as here."""
    sizes = view.flattened
    if not sizes or np.prod(sizes) != len(array):
        return array
    apart = array.reshape(*sizes, *array.shape[1:])
    return np.moveaxis(apart, 0, len(sizes) - 1).reshape(array.shape)


def _gemm(node: Node) -> View:
    W, bias = node.weights(1, 2), None if len(node.inputs) < 3 else node.constant(2)
    if node.option("transA", 0) or (node.option("alpha", 1.0), node.option("beta", 1.0)) != (1, 1):
        raise node.refused("transA, alpha or beta")
    W = W.T if node.option("transB", 0) else W
    return linear(node, node.view(), W, None if bias is None else _row(node, bias, W, 2))


def _row(node: Node, bias: Array, W: Array, axes: int) -> Array:
    """Return a bias that is the same in all rows, of as many axes as the output at the most."""
    K = bias.shape[-1] if bias.ndim else 1
    if bias.size != K or K not in (1, W.shape[1]) or bias.ndim > axes or bias.dtype != W.dtype:
        raise node.refused(f"a bias of shape {bias.shape} and {bias.dtype}")
    return bias.reshape(1, -1)


def _matmul(node: Node) -> View:
    return linear(node, node.view(), node.weights(1, 2), None)


def _add(node: Node) -> View:
    """Return a sum of branches, or the bias of the product before."""
    data = node.data()
    if len(data) == len(node.inputs):
        return AXES["Sum"](node)  # type: ignore[no-any-return]
    before, bias = node.view(data[0]), node.constant(1 - data[0])
    maker, layer = node.maker(data[0]), before.step.component
    alone = maker is not None and maker.operator == "MatMul" and isinstance(layer, Linear)
    if not alone or bias is None or layer.bias is not None:  # type: ignore[union-attr]
        raise node.unknown()
    assert isinstance(layer, Linear)
    assert maker is not None
    W = maker.weights(1, 2)
    return linear(node, maker.view(), W, _row(node, bias, W, len(before.shape)))


def _gather(node: Node) -> View:
    if node.option("axis", 0) != 0 or 0 in node.data():
        return _last_step(node)
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
    component = copy.deepcopy(component)
    component.return_sequences = False
    step = Step(node.name, component, view.step.before)
    return replace(view, step=step, shape=(view.shape[0], view.shape[-1]), order=(0, 1))


def _batch_norm(node: Node) -> View:
    view = node.view()
    gamma, beta, mean, variance = (_in_order(view, node.weights(i, 1)) for i in range(1, 5))
    if len(view.shape) < 2 or view.order[-1] != 1 or node.option("training_mode", 0):
        raise node.refused("channels that are not second, or a training")
    layer = BatchNorm(len(gamma), epsilon=_epsilon(node), dtype=gamma.dtype)
    layer.gamma, layer.beta = gamma, beta
    for name, array in (("running_mean", mean), ("running_variance", variance)):
        if array.shape != gamma.shape:
            raise node.refused("tensors of different sizes")
        layer.buffers[name][...] = array
    return node.then(layer)


def _layer_norm(node: Node) -> View:
    view, gamma, beta = node.view(), node.constant(1), node.constant(2)
    if gamma is None or gamma.dtype.kind != "f" or not gamma.size or not view.plain:
        raise node.refused("no scale, or features that are not on the last axes")
    if node.option("axis", -1) not in (-gamma.ndim, len(view.shape) - gamma.ndim):
        raise node.refused("a scale that is repeated")
    gamma = _in_order(view, gamma)
    layer = LayerNorm(gamma.shape, epsilon=_epsilon(node), dtype=gamma.dtype)
    layer.gamma, layer.beta = gamma, np.zeros_like(gamma) if beta is None else _in_order(view, beta)
    return node.then(layer)


def _epsilon(node: Node) -> float:
    return float(f"{node.option('epsilon', 1e-5):.7g}")


OPERATORS: Mapping[str, Callable[[Node], Any]] = {
    "Add": _add,
    "BatchNormalization": _batch_norm,
    "Gather": _gather,
    "Gemm": _gemm,
    "LayerNormalization": _layer_norm,
    "MatMul": _matmul,
}
