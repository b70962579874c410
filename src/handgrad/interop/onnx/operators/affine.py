"""Affine maps, and the numbers that are added to values or multiply them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from handgrad.arguments import Array
from handgrad.interop.onnx.operators.attention import (
    Scores,
    hidden,
    product,
    scaled_by,
    shown_softmax,
    with_output,
)
from handgrad.interop.onnx.operators.axes import OPERATORS as AXES
from handgrad.interop.onnx.operators.axes import parts_of
from handgrad.interop.onnx.operators.formulas import found
from handgrad.interop.onnx.operators.positions import positions
from handgrad.interop.onnx.parts import Parts, settled
from handgrad.interop.onnx.steps import Step
from handgrad.interop.onnx.views import Node, View, apart
from handgrad.layers import BatchNorm, GroupNorm, LayerNorm, Linear, MultiHeadAttention, RMSNorm

__all__ = ["OPERATORS", "in_order"]


def _linear(node: Node, value: Any, W: Array, bias: Array | None) -> View | Parts:
    """Return what an affine map makes; W is (in, out), its rows as ONNX has the features."""
    if isinstance(value, Parts):  # rows of all steps
        if value.scale != 1:
            raise node.refused(f"its input, {apart(value)}")
        if value.axes[-1] != value.features() or value.first:
            raise node.refused("features that are not on the last axis")
        view = _mapped(node, value.view, W, bias)
        last = ((len(view.shape) - 1, 1, W.shape[1]),) if W.shape[1] > 1 else ()
        return settled(Parts(view, (*value.axes[:-1], last)))
    view = value
    if not isinstance(view, View) or not view.whole or view.order[-1] != len(view.order) - 1:
        raise node.refused("features that are not on the last axis")
    return _mapped(node, view, W, bias)


def _mapped(node: Node, view: View, W: Array, bias: Array | None) -> View:
    W = in_order(view, W)
    attention = with_output(view.step.component, W, bias)
    if attention is not None:
        return _replaced(node, view, attention)
    layer = Linear(*W.shape, bias=bias is not None, init="zeros", bias_init="zeros", dtype=W.dtype)
    layer.weights = W
    if bias is not None:
        layer.bias = np.broadcast_to(bias, (1, W.shape[1]))
    return node.then(layer, view, flattened=())


def _replaced(node: Node, view: View, component: Any) -> View:
    """Return what another component makes of the same input."""
    step = Step(node.name, component, view.step.before, given=view.step.given)
    return replace(view, step=step)


def in_order(view: View, array: Array) -> Array:
    """Return a tensor whose first axis is that of flattened features, channels last as here."""
    sizes = view.flattened
    if not sizes or np.prod(sizes) != len(array):
        return array
    apart = array.reshape(*sizes, *array.shape[1:])
    return np.moveaxis(apart, 0, len(sizes) - 1).reshape(array.shape)


def _gemm(node: Node) -> View | Parts:
    W, bias = node.weights(1, 2), None if len(node.inputs) < 3 else node.constant(2)
    if node.option("transA", 0) or (node.option("alpha", 1.0), node.option("beta", 1.0)) != (1, 1):
        raise node.refused("transA, alpha or beta")
    W = W.T if node.option("transB", 0) else W
    return _linear(node, node.value(), W, None if bias is None else _row(node, bias, W))


def _row(node: Node, bias: Array, W: Array) -> Array:
    """Return a bias that is the same in all rows, of as many axes as the output at the most."""
    K = bias.shape[-1] if bias.ndim else 1
    if bias.size != K or K not in (1, W.shape[1]) or bias.ndim > 2 or bias.dtype != W.dtype:
        raise node.refused(f"a bias of shape {bias.shape} and {bias.dtype}")
    return bias.reshape(1, -1)


def _matmul(node: Node) -> Any:
    if len(node.data()) == 2:
        return product(node)
    return _linear(node, node.value(), node.weights(1, 2), None)


def _add(node: Node) -> Any:
    """Return a sum of branches, the bias of what is before, or positions that are added."""
    scores = hidden(node)
    if scores is not None:
        return scores
    data = node.data()
    if len(data) == len(node.inputs):
        return found(node) or AXES["Sum"](node)
    view, name = node.value(data[0]), node.inputs[1 - data[0]]
    if not isinstance(view, View) or not view.whole or view.turned:
        raise node.unknown()
    array = node.known.constants.get(name)
    made = positions(node, view, name) if array is None or array.ndim > 1 else None
    if made is not None or array is None:
        return made or node.unknown()
    return _with_bias(node, view, array)


def _with_bias(node: Node, view: View, array: Array) -> View:
    """Return what is before with a bias, where it has none yet."""
    layer: Any = view.step.component
    made: Any = None
    if isinstance(layer, MultiHeadAttention):
        made = with_output(layer, None, _along(node, view, array)[None])
    elif isinstance(layer, Linear) and layer.bias is None:
        made = _biased(layer, _along(node, view, array))
    elif isinstance(layer, LayerNorm | GroupNorm | BatchNorm) and not layer.beta.any():
        made = _set(layer, "beta", _shaped(node, view, array, layer.beta))
    if made is None:
        raise node.unknown()
    return _replaced(node, view, made)


def _biased(layer: Linear, bias: Array) -> Linear:
    W = layer.weights
    made = Linear(*W.shape, init="zeros", bias_init="zeros", dtype=W.dtype)
    made.weights, made.bias = W, bias[None]
    return made


def _set(layer: Any, name: str, array: Array) -> Any:
    """Return a copy of a layer with another parameter."""
    made = copy.deepcopy(layer)
    setattr(made, name, array)
    return made


def _along(node: Node, view: View, array: Array) -> Array:
    """Return a tensor that is the same for all but the features, as a vector of theirs."""
    K, rank = view.shape[-1], len(view.order)
    if array.size not in (1, K) or array.dtype.kind != "f" or array.ndim > rank:
        raise node.refused(f"a tensor of shape {array.shape} beside {K} features")
    if array.size > 1 and array.ndim + view.order[-1] - rank != array.shape.index(K):
        raise node.refused(f"a tensor of shape {array.shape} that is not along the features")
    return in_order(view, np.broadcast_to(array.reshape(-1), (K,)))


def _shaped(node: Node, view: View, array: Array, like: Array) -> Array:
    """Return a tensor beside a parameter of a normalization, in its shape."""
    if like.ndim > 1 and array.shape == like.shape and view.plain:
        return array
    if like.ndim > 1:
        raise node.refused(f"a tensor of shape {array.shape} beside features of {like.shape}")
    return _along(node, view, array)


def _mul(node: Node) -> Any:
    """Return a formula's end, the scale of a normalization, or of heads before their product."""
    made = found(node)
    if made is not None:
        return made
    data = node.data()
    if len(data) != 1:
        raise node.unknown()
    value, array = node.value(data[0]), node.numbers(1 - data[0])
    if array is None:
        raise node.unknown()
    if isinstance(value, View) and value.whole and array.size > 1:
        layer: Any = value.step.component
        if isinstance(layer, LayerNorm | GroupNorm | BatchNorm | RMSNorm):
            beta = getattr(layer, "beta", None)  # RMSNorm has none
            fresh = (layer.gamma == 1).all() and (beta is None or not beta.any())
            if fresh and node.inputs[1 - data[0]] in node.known.constants:
                gamma = _shaped(node, value, array, layer.gamma)
                return _replaced(node, value, _set(layer, "gamma", gamma))
        raise node.unknown()
    return _scaled(node, value, array)


def _scaled(node: Node, value: Any, array: Array) -> Any:
    """Return heads or scores, multiplied by a number."""
    factor = float(array.reshape(-1)[0]) if array.size == 1 else 0.0
    factor = 1 / factor if factor and node.operator == "Div" else factor
    if not factor or not np.isfinite(factor):
        raise node.unknown()
    if isinstance(value, Scores):
        return scaled_by(node, value, factor)
    parts = parts_of(node, node.data()[0])
    return replace(parts, scale=parts.scale * factor)


def _div(node: Node) -> Any:
    made = shown_softmax(node) or found(node)
    divisor = node.numbers(1) if made is None and node.data() == [0] else None
    if made is None and divisor is None:
        raise node.unknown()
    return made if divisor is None else _scaled(node, node.value(), divisor)


def _extreme(node: Node) -> Any:
    return found(node) or node.unknown()


OPERATORS: Mapping[str, Callable[[Node], Any]] = {
    "Add": _add,
    "Div": _div,
    "Gemm": _gemm,
    "MatMul": _matmul,
    "Max": _extreme,
    "Min": _extreme,
    "Mul": _mul,
}
