"""Normalizations, as operators of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from handgrad.interop.onnx.operators.affine import in_order
from handgrad.interop.onnx.operators.axes import parts_of
from handgrad.interop.onnx.operators.formulas import group_norm
from handgrad.interop.onnx.parts import Parts
from handgrad.interop.onnx.views import Node, View
from handgrad.layers import BatchNorm, GroupNorm, LayerNorm, RMSNorm

__all__ = ["OPERATORS"]


def _batch_norm(node: Node) -> Any:
    value = node.value()
    # Without a batch, and otherwise as it is.
    alone = isinstance(value, Parts) and value == Parts(value.view, ((), value.features()))
    view = value.view if alone else node.view()
    gamma, beta, mean, variance = (in_order(view, node.weights(i, 1)) for i in range(1, 5))
    second = alone or (len(view.shape) > 1 and view.order[-1] == 1)
    if not second or node.option("training_mode", 0):
        raise node.refused("channels that are not second, or a training")
    # Of float32 in ONNX, beside tensors of float64 that make up for it.
    epsilon = _epsilon(node) if gamma.itemsize == 4 else float(node.option("epsilon", 1e-5))
    layer = BatchNorm(len(gamma), epsilon=epsilon, dtype=gamma.dtype)
    layer.gamma, layer.beta = gamma, beta
    for name, array in (("running_mean", mean), ("running_variance", variance)):
        if array.shape != gamma.shape:
            raise node.refused("tensors of different sizes")
        layer.buffers[name][...] = array
    made = node.then(layer, view)
    return replace(value, view=made) if alone else made


def _layer_norm(node: Node) -> View:
    beta = node.constant(2)
    layer, view = _over_last(node, LayerNorm)
    gamma = layer.gamma
    layer.beta = np.zeros_like(gamma) if beta is None else in_order(view, beta)
    return node.then(layer)


def _rms_norm(node: Node) -> View:
    return node.then(_over_last(node, RMSNorm)[0])


def _over_last(node: Node, make: Any) -> tuple[Any, View]:
    """Return a normalization over the last axes with its scale, and the input."""
    view, gamma = node.view(), node.constant(1)
    if gamma is None or gamma.dtype.kind != "f" or not gamma.size or not view.plain:
        raise node.refused("no scale, or features that are not on the last axes")
    if node.option("axis", -1) not in (-gamma.ndim, len(view.shape) - gamma.ndim):
        raise node.refused("a scale that is repeated")
    layer = make(gamma.shape, epsilon=_epsilon(node), dtype=gamma.dtype)
    layer.gamma = in_order(view, gamma)
    return layer, view


def _instance_norm(node: Node) -> Any:
    """Return groups, each of which has been made a channel, or channels that are their own."""
    parts, gamma, beta = parts_of(node), node.weights(1, 1), node.weights(2, 1)
    made = group_norm(node, parts, [0, 1], _epsilon(node))
    if (gamma == 1).all() and not beta.any():
        return made
    layer: Any = made.step.component if isinstance(made, View) else None
    if layer is None or layer.num_groups != layer.features:
        raise node.refused("a scale for each group")
    layer.gamma, layer.beta = gamma, beta
    return made


def _group_norm(node: Node) -> View:
    view, gamma, beta = node.view(), node.weights(1, 1), node.weights(2, 1)
    groups = int(node.option("num_groups", 1))
    if len(view.shape) < 3 or view.order[-1] != 1 or len(gamma) != view.shape[-1] or groups < 1:
        raise node.refused("channels that are not second, or a scale for each group")
    layer = GroupNorm(groups, len(gamma), epsilon=_epsilon(node), dtype=gamma.dtype)
    layer.gamma, layer.beta = gamma, beta
    return node.then(layer)


def _epsilon(node: Node) -> float:
    return float(f"{node.option('epsilon', 1e-5):.7g}")


OPERATORS: Mapping[str, Callable[[Node], Any]] = {
    "BatchNormalization": _batch_norm,
    "GroupNormalization": _group_norm,
    "InstanceNormalization": _instance_norm,
    "LayerNormalization": _layer_norm,
    "RMSNormalization": _rms_norm,
}
