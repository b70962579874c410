"""Recurrent operators, one way or both ways."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from handgrad.arguments import Array
from handgrad.interop.onnx.converters.recurrent import GATES
from handgrad.interop.onnx.views import Node, View
from handgrad.layers import GRU, LSTM, RNN, Bidirectional

__all__ = ["OPERATORS"]

_ACTIVATIONS = {LSTM: ["Sigmoid", "Tanh", "Tanh"], GRU: ["Sigmoid", "Tanh"], RNN: ["Tanh"]}


def _recurrent(make: Any) -> Callable[[Node], dict[str, View]]:
    def convert(node: Node) -> dict[str, View]:
        view = node.value()
        if not isinstance(view, View) or not (view.turned in ("", "input") and not view.flattened):
            raise node.unknown()
        W, R, B = node.weights(1, 3), node.weights(2, 3), node.weights(3, 2)
        H, gates = R.shape[2], len(GATES[make])
        shapes = [(len(W), gates * H, W.shape[2]), (len(W), gates * H, H), (len(W), 2 * gates * H)]
        if (
            [a.shape for a in (W, R, B)] != shapes
            or len(W) > 2
            or view.order != (1, 0, 2)
            or view.pooled
        ):
            raise node.refused("tensors of other shapes, or an input whose first axis is not time")
        if len(node.inputs) > 4 and node.inputs[4]:
            raise node.refused("lengths")
        if not all(node.is_zero(i) for i in range(5, len(node.inputs))):
            raise node.refused("states that it begins with, or peepholes")
        options: dict[str, Any] = {}
        given = [each.decode() for each in node.option("activations") or []]
        if make is RNN and given == ["Relu"] * len(W):
            options["activation"] = "relu"
        elif given and given != _ACTIVATIONS[make] * len(W):
            raise node.refused(f"activations {given}")
        odd = node.option("clip"), node.option("input_forget", 0), node.option("layout", 0)
        if odd != (None, 0, 0) or (make is GRU and not node.option("linear_before_reset", 0)):
            raise node.refused("clip, input_forget, layout, or linear_before_reset=0")
        direction = {1: "forward", 2: "bidirectional"}[len(W)]
        if node.option("direction", "forward") != direction:
            raise node.refused(f"direction {node.option('direction')}")
        found = {}
        for name, every in zip(node.outputs, (True, False), strict=False):
            if name and (every or direction == "forward"):
                each = {"return_sequences": every, **options}
                ways = [_layer(make, *arrays, each) for arrays in zip(W, R, B, strict=True)]
                layer = ways[0] if len(ways) == 1 else Bidirectional(*ways)
                order = (1, 0, 2) if every else (0, 1)
                turned = "output" if view.turned else ""
                found[name] = node.then(layer, view, order=order, directions=True, turned=turned)
        return found

    return convert


def _layer(make: Any, W: Array, R: Array, B: Array, options: dict[str, Any]) -> Any:
    """Return a layer with the tensors of one direction."""
    H, D = R.shape[1], W.shape[1]
    beside, before = np.split(B, 2)
    layer = make(D, H, init="zeros", recurrent_init="zeros", dtype=W.dtype, **options)
    back = np.argsort(GATES[make])

    def columns(rows: Array) -> Array:
        return rows.reshape(-1, H, rows.shape[-1])[back].reshape(rows.shape).T

    layer.input_weights, layer.recurrent_weights = columns(W), columns(R)
    ours, states = columns(beside[:, None]), columns(before[:, None])
    if make is GRU:  # whose last gate keeps the bias beside the state apart
        layer.recurrent_bias = states[:, 2 * H :]
        states[:, 2 * H :] = 0
    layer.bias = ours + states
    return layer


OPERATORS: Mapping[str, Callable[[Node], Any]] = {
    "GRU": _recurrent(GRU),
    "LSTM": _recurrent(LSTM),
    "RNN": _recurrent(RNN),
}
